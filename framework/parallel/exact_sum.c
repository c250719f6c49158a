#include "parallel/exact_sum.h"

#include "base/kernel.h"
#include "base/memory.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Adding 1.5 · 2^52 to a double below 2^51 in magnitude leaves its nearest integer (ties to even) in the low bits of the
 * sum, as a difference of bit patterns. That rounds and converts in one addition on every instruction set. */
static const double shifter = 0x1.8p52;

static const double limit_of_term = 0x1p30;

/* Of the sum of the largest magnitudes of all calls: what an element can hold. */
static const uint64_t limit_of_peaks = (uint64_t)1 << 33;

/* Elements per message, which takes 256 KiB then, so that it stays in cache. */
enum { PIECE = 1 << 14 };

struct bl_exact_sum {
  size_t count;
  uint64_t *high;         /* (count) owned; two's complement: unsigned, since a poisoned sum may wrap */
  uint32_t *low;          /* (count) owned */
  uint64_t *message[2];   /* (2 min(count, PIECE) + 1) owned: what is sent and received, both parts in 64 bits, peaks */
  uint64_t peaks;         /* sum over calls of a bound on their largest term; associative, as everything here */
  uint64_t reduced_peaks; /* the same over all ranks, where a reduction ended here */
};

bl_status bl_exact_sum_create(bl_exact_sum **sum, size_t count) {
  bl_exact_sum *s = NULL;
  bl_status status = BL_OK;
  const size_t piece = count < PIECE ? count : PIECE;
  *sum = NULL;
  BL_TRY(bl_allocate(&s, 1, sizeof *s));
  s->count = count;
  BL_GOTO(bl_allocate(&s->high, count, sizeof *s->high));
  BL_GOTO(bl_allocate(&s->low, count, sizeof *s->low));
  for (int i = 0; i < 2; i++)
    BL_GOTO(bl_allocate(&s->message[i], 2 * piece + 1, sizeof *s->message[i]));
done:
  if (status != BL_OK)
    bl_exact_sum_destroy(&s);
  *sum = s;
  return status;
}

void bl_exact_sum_destroy(bl_exact_sum **sum) {
  if (*sum == NULL)
    return;
  bl_free(&(*sum)->high);
  bl_free(&(*sum)->low);
  bl_free(&(*sum)->message[0]);
  bl_free(&(*sum)->message[1]);
  bl_free(sum);
}

void bl_exact_sum_clear(bl_exact_sum *sum) {
  memset(sum->high, 0, sum->count * sizeof *sum->high);
  memset(sum->low, 0, sum->count * sizeof *sum->low);
  sum->peaks = 0;
  sum->reduced_peaks = 0;
}

static inline uint64_t bits_of_double(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* Arithmetic shifts of two's complement, written so that every instruction set has vectors for them. */
static inline uint64_t shift_right(uint64_t value, int places) {
  return ((value + ((uint64_t)1 << 63)) >> places) - ((uint64_t)1 << (63 - places));
}

/* The body of both loops that add: term = whole · 2^-20 + rest · 2^-62 with |rest| up to 2^41. Written with arrays'
 * elements in and out, for the vectoriser. */
static inline void split_and_add(uint64_t *restrict high, uint32_t *restrict low, double term) {
  const double scaled = term * 0x1p20;
  const double shifted = scaled + shifter;
  const double rest = scaled - (shifted - shifter); /* exact, at most ½ */
  const uint64_t whole = bits_of_double(shifted) - bits_of_double(shifter);
  const uint64_t lower = bits_of_double(rest * 0x1p42 + shifter) - bits_of_double(shifter) + *low;
  *low = (uint32_t)lower;
  *high += (whole << 10) + shift_right(lower, 32);
}

/* Both return the largest magnitude as a bit pattern: patterns of magnitudes order like their values, with infinity and
 * NaN above all, so that one maximum without branches finds every term that does not belong. */
BL_KERNEL static uint32_t add_floats(uint64_t *restrict high, uint32_t *restrict low, const float *restrict terms,
                                     size_t count) {
  uint32_t peak = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &terms[i], sizeof bits);
    bits &= 0x7fffffffu;
    peak = bits > peak ? bits : peak;
    split_and_add(&high[i], &low[i], (double)terms[i]);
  }
  return peak;
}

BL_KERNEL static uint64_t add_doubles(uint64_t *restrict high, uint32_t *restrict low, const double *restrict terms,
                                      size_t count) {
  uint64_t peak = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t bits = bits_of_double(terms[i]) & 0x7fffffffffffffffu;
    peak = bits > peak ? bits : peak;
    split_and_add(&high[i], &low[i], terms[i]);
  }
  return peak;
}

/* Take note of a call whose largest term is `peak`; NaN fails the comparison, too. */
static void note_call(bl_exact_sum *sum, double peak) {
  sum->peaks += peak < limit_of_term ? (uint64_t)peak + 1 : limit_of_peaks;
  if (sum->peaks > 2 * limit_of_peaks) /* poisoned already: stay there, so that sums over ranks cannot wrap */
    sum->peaks = 2 * limit_of_peaks;
}

void bl_exact_sum_add(bl_exact_sum *sum, size_t offset, size_t count, const float *terms) {
  const uint32_t bits = add_floats(sum->high + offset, sum->low + offset, terms, count);
  float peak;
  memcpy(&peak, &bits, sizeof peak);
  note_call(sum, (double)peak);
}

void bl_exact_sum_add_double(bl_exact_sum *sum, size_t offset, size_t count, const double *terms) {
  const uint64_t bits = add_doubles(sum->high + offset, sum->low + offset, terms, count);
  double peak;
  memcpy(&peak, &bits, sizeof peak);
  note_call(sum, peak);
}

/* What a message holds: the high parts of `count` elements from `first`, then the low ones, then the peaks. */
BL_KERNEL static void pack(bl_exact_sum *sum, size_t first, size_t count) {
  uint64_t *message = sum->message[0];
  memcpy(message, sum->high + first, count * sizeof *message);
  for (size_t i = 0; i < count; i++)
    message[count + i] = sum->low[first + i];
  message[2 * count] = sum->peaks;
}

/* The elements that a message of sums over ranks means; its peaks stay in it. */
BL_KERNEL static void unpack(bl_exact_sum *sum, const uint64_t *message, size_t first, size_t count) {
  for (size_t i = 0; i < count; i++) {
    sum->low[first + i] = (uint32_t)message[count + i];
    sum->high[first + i] = message[i] + (message[count + i] >> 32);
  }
}

/* One range to one rank, or (root < 0) to all, with the peaks, whose sum becomes *peaks where it arrives. */
static bl_status reduce_range(bl_exact_sum *sum, uint64_t *peaks, size_t offset, size_t count, int root, MPI_Comm comm) {
  int rank, size;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  uint64_t total = sum->peaks;
  const size_t pieces = count > PIECE ? (count + PIECE - 1) / PIECE : 1; /* one for the peaks at least */
  for (size_t p = 0; p < pieces && size > 1; p++) {
    const size_t first = offset + p * PIECE, piece = p + 1 < pieces ? PIECE : count - p * PIECE;
    const int numbers = (int)(2 * piece + 1);
    pack(sum, first, piece);
    if (root < 0)
      BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, sum->message[0], numbers, MPI_UINT64_T, MPI_SUM, comm)));
    else
      BL_TRY(BL_MPI(MPI_Reduce(sum->message[0], sum->message[1], numbers, MPI_UINT64_T, MPI_SUM, root, comm)));
    if (root < 0 || rank == root) {
      const uint64_t *arrived = sum->message[root < 0 ? 0 : 1];
      unpack(sum, arrived, first, piece);
      total = arrived[2 * piece];
    }
  }
  *peaks = total;
  return BL_OK;
}

bl_status bl_exact_sum_share_out(bl_exact_sum *sum, const size_t *starts, const int *roots, int owners, MPI_Comm comm) {
  uint64_t peaks;
  BL_TRY(bl_meet(comm));
  for (int owner = 0; owner < owners; owner++)
    BL_TRY(reduce_range(sum, &peaks, starts[owner], starts[owner + 1] - starts[owner], roots[owner], comm));
  return reduce_range(sum, &sum->peaks, starts[owners], sum->count - starts[owners], -1, comm);
}

bl_status bl_exact_sum_reduce(bl_exact_sum *sum, size_t offset, size_t count, int root, MPI_Comm comm) {
  int rank;
  uint64_t peaks; /* apart from the sum's own, which other ranges may still have to send */
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(bl_meet(comm));
  BL_TRY(reduce_range(sum, &peaks, offset, count, root, comm));
  if (rank == root && peaks > sum->reduced_peaks)
    sum->reduced_peaks = peaks;
  return BL_OK;
}

bl_status bl_exact_sum_allreduce(bl_exact_sum *sum, MPI_Comm comm) {
  BL_TRY(bl_meet(comm));
  return reduce_range(sum, &sum->peaks, 0, sum->count, -1, comm);
}

bool bl_exact_sum_is_poisoned(const bl_exact_sum *sum) {
  return sum->peaks >= limit_of_peaks;
}

static bl_status check(const bl_exact_sum *sum) {
  if (sum->peaks < limit_of_peaks && sum->reduced_peaks < limit_of_peaks)
    return BL_OK;
  return bl_fail(BL_ERROR_NUMERIC,
                 "a sum over micro-batches has a term that is NaN, infinite or above 1e9, or terms above 8e9"
                 " in all; a smaller learning rate or a smaller clip usually cures it");
}

/* The number that two's complement bits mean, below 2^51 in magnitude; exact. */
static inline double double_of_integer(uint64_t integer) {
  const uint64_t bits = bits_of_double(shifter) + integer;
  double shifted;
  memcpy(&shifted, &bits, sizeof shifted);
  return shifted - shifter;
}

/* The nearest double: whole · 2^-20, which is exact, and what is left, within 2^-21, by one rounded addition. */
static inline double value_of(uint64_t high, uint32_t low) {
  const uint64_t raised = high + ((uint64_t)1 << 9); /* 2^41 units of 2^-62 more: the nearest whole is that below */
  const uint64_t whole = (raised + ((uint64_t)1 << 63)) >> 10, rest = (raised & 1023) << 32 | low;
  const double upper = double_of_integer(whole >> 32) - 0x1p21, lower = double_of_integer(whole & 0xffffffffu);
  return (upper * 0x1p32 + lower) * 0x1p-20 + (double_of_integer(rest) - 0x1p41) * 0x1p-62;
}

BL_KERNEL static void to_floats(float *restrict values, const uint64_t *restrict high, const uint32_t *restrict low,
                                size_t count, double scale) {
  for (size_t i = 0; i < count; i++)
    values[i] = (float)(scale * value_of(high[i], low[i]));
}

BL_KERNEL static void to_doubles(double *restrict values, const uint64_t *restrict high, const uint32_t *restrict low,
                                 size_t count, double scale) {
  for (size_t i = 0; i < count; i++)
    values[i] = scale * value_of(high[i], low[i]);
}

bl_status bl_exact_sum_get(float *values, const bl_exact_sum *sum, size_t offset, size_t count, double scale) {
  BL_TRY(check(sum));
  to_floats(values, sum->high + offset, sum->low + offset, count, scale);
  return BL_OK;
}

/* Element i goes to where element i / 2 was, which has been read by then. */
bl_status bl_exact_sum_take(float **values, bl_exact_sum *sum, size_t offset, size_t count, double scale) {
  enum { CHUNK = 1024 };
  float chunk[CHUNK];
  BL_TRY(check(sum));
  *values = (float *)(void *)(sum->high + offset);
  for (size_t i = 0; i < count; i += CHUNK) {
    const size_t some = count - i < CHUNK ? count - i : CHUNK;
    to_floats(chunk, sum->high + offset + i, sum->low + offset + i, some, scale);
    memcpy(*values + i, chunk, some * sizeof *chunk);
  }
  return BL_OK;
}

bl_status bl_exact_sum_get_double(double *values, const bl_exact_sum *sum, size_t offset, size_t count, double scale) {
  BL_TRY(check(sum));
  to_doubles(values, sum->high + offset, sum->low + offset, count, scale);
  return BL_OK;
}
