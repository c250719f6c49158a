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

/* Elements per message, which takes at most 256 KiB then, so that it stays in cache. Messages end where element numbers are
 * multiples of it. */
enum { PIECE = 1 << 14 };

/* Bounds on elements are counted in units of 2^-16: whole numbers, whose sums over ranks are the same on all of them. */
static const double bounds_per_one = 0x1p16;
static const uint64_t bound_of_narrow = (uint64_t)1 << 17; /* below 2, an element has 64 bits */
static const uint64_t bound_of_wide = (uint64_t)1 << 49;   /* below 2^33, it has 96 */

struct bl_exact_sum {
  size_t count, pieces;
  uint64_t *high;       /* (count) owned, as all that follows; two's complement: unsigned, since a poisoned sum may wrap */
  uint32_t *low;        /* (count) */
  uint64_t *bounds;     /* (pieces) sum over calls of the largest magnitude that each added there */
  uint64_t *total;      /* (pieces) the same over all ranks, during a reduction */
  uint64_t *message[2]; /* (2 min(count, PIECE)) what is sent and received */
  size_t sent;          /* bytes, since the latest clear */
  bool poisoned;
};

bl_status bl_exact_sum_create(bl_exact_sum **sum, size_t count) {
  bl_exact_sum *s = NULL;
  bl_status status = BL_OK;
  *sum = NULL;
  BL_TRY(bl_allocate(&s, 1, sizeof *s));
  s->count = count;
  s->pieces = (count + PIECE - 1) / PIECE;
  BL_GOTO(bl_allocate(&s->high, count, sizeof *s->high));
  BL_GOTO(bl_allocate(&s->low, count, sizeof *s->low));
  BL_GOTO(bl_allocate(&s->bounds, s->pieces, sizeof *s->bounds));
  BL_GOTO(bl_allocate(&s->total, s->pieces, sizeof *s->total));
  for (int i = 0; i < 2; i++)
    BL_GOTO(bl_allocate(&s->message[i], 2 * (count < PIECE ? count : PIECE), sizeof *s->message[i]));
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
  bl_free(&(*sum)->bounds);
  bl_free(&(*sum)->total);
  bl_free(&(*sum)->message[0]);
  bl_free(&(*sum)->message[1]);
  bl_free(sum);
}

void bl_exact_sum_clear(bl_exact_sum *sum) {
  memset(sum->high, 0, sum->count * sizeof *sum->high);
  memset(sum->low, 0, sum->count * sizeof *sum->low);
  memset(sum->bounds, 0, sum->pieces * sizeof *sum->bounds);
  sum->sent = 0;
  sum->poisoned = false;
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

/* Take note of terms up to `peak` in a piece; NaN fails the comparison, too. */
static void note(bl_exact_sum *sum, size_t piece, double peak) {
  uint64_t *bound = &sum->bounds[piece];
  *bound += peak < limit_of_term ? (uint64_t)(peak * bounds_per_one) + 1 : bound_of_wide;
  if (*bound > 2 * bound_of_wide) /* poisoned already: stay there, so that sums over ranks cannot wrap */
    *bound = 2 * bound_of_wide;
  sum->poisoned |= *bound >= bound_of_wide;
}

/* How many of the elements from `first` to `end` are in the piece of the first. */
static size_t within_piece(size_t first, size_t end) {
  const size_t rest = PIECE - first % PIECE;
  return end - first < rest ? end - first : rest;
}

void bl_exact_sum_add(bl_exact_sum *sum, size_t offset, size_t count, const float *terms) {
  for (size_t first = offset, some; first < offset + count; first += some) {
    some = within_piece(first, offset + count);
    const uint32_t bits = add_floats(sum->high + first, sum->low + first, terms + (first - offset), some);
    float peak;
    memcpy(&peak, &bits, sizeof peak);
    note(sum, first / PIECE, (double)peak);
  }
}

void bl_exact_sum_add_double(bl_exact_sum *sum, size_t offset, size_t count, const double *terms) {
  for (size_t first = offset, some; first < offset + count; first += some) {
    some = within_piece(first, offset + count);
    const uint64_t bits = add_doubles(sum->high + first, sum->low + first, terms + (first - offset), some);
    double peak;
    memcpy(&peak, &bits, sizeof peak);
    note(sum, first / PIECE, peak);
  }
}

/* Into a message: numbers of 64 bits where that is enough for the sum over ranks, else the high parts, then the low ones.
 * Returns how many numbers that makes. */
BL_KERNEL static size_t pack(bl_exact_sum *sum, size_t first, size_t count, bool narrow) {
  uint64_t *message = sum->message[0];
  const uint64_t *high = sum->high + first;
  const uint32_t *low = sum->low + first;
  for (size_t i = 0; narrow && i < count; i++)
    message[i] = high[i] << 32 | low[i];
  for (size_t i = 0; !narrow && i < count; i++) {
    message[i] = high[i];
    message[count + i] = low[i];
  }
  return narrow ? count : 2 * count;
}

/* The elements that a message of sums over ranks means. */
BL_KERNEL static void unpack(bl_exact_sum *sum, const uint64_t *message, size_t first, size_t count, bool narrow) {
  uint64_t *high = sum->high + first;
  uint32_t *low = sum->low + first;
  for (size_t i = 0; narrow && i < count; i++) {
    low[i] = (uint32_t)message[i];
    high[i] = shift_right(message[i], 32);
  }
  for (size_t i = 0; !narrow && i < count; i++) {
    low[i] = (uint32_t)message[count + i];
    high[i] = message[i] + (message[count + i] >> 32);
  }
}

/* Meet, and learn the bounds of all ranks: how wide messages have to be, and whether anything is poisoned anywhere. */
static bl_status begin_reduction(bl_exact_sum *sum, MPI_Comm comm) {
  BL_TRY(bl_barrier(comm));
  memcpy(sum->total, sum->bounds, sum->pieces * sizeof *sum->total);
  BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, sum->total, (int)sum->pieces, MPI_UINT64_T, MPI_SUM, comm)));
  for (size_t p = 0; p < sum->pieces; p++)
    sum->poisoned |= sum->total[p] >= bound_of_wide;
  return BL_OK;
}

/* One range to one rank, or (root < 0) to all. */
static bl_status reduce_range(bl_exact_sum *sum, size_t offset, size_t count, int root, MPI_Comm comm) {
  int rank, size;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  for (size_t first = offset, some; first < offset + count && size > 1; first += some) {
    some = within_piece(first, offset + count);
    const bool narrow = sum->total[first / PIECE] < bound_of_narrow;
    const int numbers = (int)pack(sum, first, some, narrow);
    if (root < 0)
      BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, sum->message[0], numbers, MPI_UINT64_T, MPI_SUM, comm)));
    else
      BL_TRY(BL_MPI(MPI_Reduce(sum->message[0], sum->message[1], numbers, MPI_UINT64_T, MPI_SUM, root, comm)));
    if (root < 0 || rank == root)
      unpack(sum, sum->message[root < 0 ? 0 : 1], first, some, narrow);
    if (rank != root)
      sum->sent += (size_t)numbers * sizeof(uint64_t);
  }
  return BL_OK;
}

/* Where every element has been reduced: what is added from now on comes on top of the bounds of all ranks. */
static void end_reduction(bl_exact_sum *sum) {
  memcpy(sum->bounds, sum->total, sum->pieces * sizeof *sum->bounds);
}

bl_status bl_exact_sum_share_out(bl_exact_sum *sum, const size_t *starts, const int *roots, int owners, MPI_Comm comm) {
  BL_TRY(begin_reduction(sum, comm));
  for (int owner = 0; owner < owners; owner++)
    BL_TRY(reduce_range(sum, starts[owner], starts[owner + 1] - starts[owner], roots[owner], comm));
  BL_TRY(reduce_range(sum, starts[owners], sum->count - starts[owners], -1, comm));
  end_reduction(sum);
  return BL_OK;
}

bl_status bl_exact_sum_reduce(bl_exact_sum *sum, size_t offset, size_t count, int root, MPI_Comm comm) {
  BL_TRY(begin_reduction(sum, comm));
  return reduce_range(sum, offset, count, root, comm);
}

bl_status bl_exact_sum_allreduce(bl_exact_sum *sum, MPI_Comm comm) {
  BL_TRY(begin_reduction(sum, comm));
  BL_TRY(reduce_range(sum, 0, sum->count, -1, comm));
  end_reduction(sum);
  return BL_OK;
}

size_t bl_exact_sum_sent(const bl_exact_sum *sum) {
  return sum->sent;
}

bool bl_exact_sum_is_poisoned(const bl_exact_sum *sum) {
  return sum->poisoned;
}

static bl_status check(const bl_exact_sum *sum) {
  if (!sum->poisoned)
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
