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

/* Of the sum of the largest magnitudes of all calls: half of what `high` can hold. */
static const uint64_t limit_of_peaks = (uint64_t)1 << 42;

/* Each call changes a low limb by at most 2^41; after so many, carries are moved into the high limb. */
enum { CALLS_BEFORE_CARRY = 1 << 20 };

/* Numbers per MPI call, 16 MiB: few calls, since ranks wait for each other in every one, and a bound for MPI's buffers. */
enum { PIECE = 1 << 21 };

struct bl_exact_sum {
  size_t count;
  uint64_t *limbs;        /* (2 count + 1) owned: what follows, in one piece, for one message */
  uint64_t *high;         /* (count) two's complement: unsigned, since a poisoned sum may wrap */
  uint64_t *low;          /* (count) */
  uint64_t *peaks;        /* (1) sum over calls of a bound on their largest term; associative, as everything here */
  uint64_t reduced_peaks; /* the same over all ranks, where a reduction ended here */
  long calls;             /* that the low limbs hold since the last carry, at most */
};

bl_status bl_exact_sum_create(bl_exact_sum **sum, size_t count) {
  bl_exact_sum *s = NULL;
  *sum = NULL;
  BL_TRY(bl_allocate(&s, 1, sizeof *s));
  const bl_status status = bl_allocate(&s->limbs, 2 * count + 1, sizeof *s->limbs);
  if (status != BL_OK) {
    bl_exact_sum_destroy(&s);
    return status;
  }
  s->count = count;
  s->high = s->limbs;
  s->low = s->limbs + count;
  s->peaks = s->limbs + 2 * count;
  *sum = s;
  return BL_OK;
}

void bl_exact_sum_destroy(bl_exact_sum **sum) {
  if (*sum == NULL)
    return;
  bl_free(&(*sum)->limbs);
  bl_free(sum);
}

void bl_exact_sum_clear(bl_exact_sum *sum) {
  memset(sum->limbs, 0, (2 * sum->count + 1) * sizeof *sum->limbs);
  sum->reduced_peaks = 0;
  sum->calls = 0;
}

static inline uint64_t bits_of_double(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* The body of both loops that add. Written with arrays' elements in and out, for the vectoriser. */
static inline void split_and_add(uint64_t *restrict high, uint64_t *restrict low, double term) {
  const double scaled = term * 0x1p20;
  const double shifted = scaled + shifter;
  const double rest = scaled - (shifted - shifter); /* exact, at most ½ */
  *high += bits_of_double(shifted) - bits_of_double(shifter);
  *low += bits_of_double(rest * 0x1p42 + shifter) - bits_of_double(shifter);
}

/* Both return the largest magnitude as a bit pattern: patterns of magnitudes order like their values, with infinity and
 * NaN above all, so that one maximum without branches finds every term that does not belong. */
BL_KERNEL static uint32_t add_floats(uint64_t *restrict high, uint64_t *restrict low, const float *restrict terms,
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

BL_KERNEL static uint64_t add_doubles(uint64_t *restrict high, uint64_t *restrict low, const double *restrict terms,
                                      size_t count) {
  uint64_t peak = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t bits = bits_of_double(terms[i]) & 0x7fffffffffffffffu;
    peak = bits > peak ? bits : peak;
    split_and_add(&high[i], &low[i], terms[i]);
  }
  return peak;
}

/* low = 2^42 carry + rest with rest in [−2^41, 2^41), unique for the value: the carry. Written with an unsigned shift of
 * the number moved up by 2^63, which every instruction set has for vectors. */
static inline uint64_t carry_of(uint64_t low) {
  const uint64_t moved = low + ((uint64_t)1 << 63) + ((uint64_t)1 << 41);
  return (moved >> 42) - ((uint64_t)1 << 21);
}

static void move_carries(bl_exact_sum *sum) {
  for (size_t i = 0; i < sum->count; i++) {
    const uint64_t carry = carry_of(sum->low[i]);
    sum->high[i] += carry;
    sum->low[i] -= carry << 42;
  }
  sum->calls = 1; /* what is left of the low limbs is as large as one call makes it */
}

/* Take note of a call whose largest term is `peak`; NaN fails the comparison, too. */
static void note_call(bl_exact_sum *sum, double peak) {
  *sum->peaks += peak < limit_of_term ? (uint64_t)peak + 1 : limit_of_peaks;
  if (*sum->peaks > 2 * limit_of_peaks) /* poisoned already: stay there, so that sums over ranks cannot wrap */
    *sum->peaks = 2 * limit_of_peaks;
  if (++sum->calls >= CALLS_BEFORE_CARRY)
    move_carries(sum);
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

/* Low limbs of all ranks must not overflow when they meet. */
static void prepare(bl_exact_sum *sum, int ranks) {
  if (sum->calls > CALLS_BEFORE_CARRY / ranks)
    move_carries(sum);
}

static int piece_of(size_t remaining) {
  return (int)(remaining < PIECE ? remaining : PIECE);
}

/* One range of both limbs to one rank. */
static bl_status reduce_range(bl_exact_sum *sum, size_t offset, size_t count, int root, int rank, MPI_Comm comm) {
  uint64_t *const limbs[2] = {sum->high + offset, sum->low + offset};
  for (int limb = 0; limb < 2; limb++)
    for (size_t start = 0; start < count; start += PIECE) {
      uint64_t *values = limbs[limb] + start;
      BL_TRY(BL_MPI(MPI_Reduce(rank == root ? MPI_IN_PLACE : values, rank == root ? values : NULL, piece_of(count - start),
                               MPI_UINT64_T, MPI_SUM, root, comm)));
    }
  return BL_OK;
}

bl_status bl_exact_sum_share_out(bl_exact_sum *sum, const size_t *starts, const int *roots, int owners, MPI_Comm comm) {
  int rank, size;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  prepare(sum, size);
  BL_TRY(bl_meet(comm));
  for (int owner = 0; owner < owners; owner++)
    BL_TRY(reduce_range(sum, starts[owner], starts[owner + 1] - starts[owner], roots[owner], rank, comm));
  const size_t first = starts[owners], rest = sum->count - first;
  BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, sum->high + first, (int)rest, MPI_UINT64_T, MPI_SUM, comm)));
  /* The peaks stand behind the low limbs. */
  BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, sum->low + first, (int)rest + 1, MPI_UINT64_T, MPI_SUM, comm)));
  sum->calls = CALLS_BEFORE_CARRY;
  return BL_OK;
}

bl_status bl_exact_sum_reduce(bl_exact_sum *sum, size_t offset, size_t count, int root, MPI_Comm comm) {
  int rank, size;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  prepare(sum, size);
  BL_TRY(bl_meet(comm));
  BL_TRY(reduce_range(sum, offset, count, root, rank, comm));
  /* Apart from the sum's own, which other ranges may still have to send. */
  uint64_t peaks = 0;
  BL_TRY(BL_MPI(MPI_Reduce(sum->peaks, &peaks, 1, MPI_UINT64_T, MPI_SUM, root, comm)));
  if (rank == root && peaks > sum->reduced_peaks)
    sum->reduced_peaks = peaks;
  return BL_OK;
}

bl_status bl_exact_sum_allreduce(bl_exact_sum *sum, MPI_Comm comm) {
  int size;
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  prepare(sum, size);
  BL_TRY(bl_meet(comm));
  const size_t count = 2 * sum->count + 1;
  for (size_t start = 0; start < count; start += PIECE)
    BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, sum->limbs + start, piece_of(count - start), MPI_UINT64_T, MPI_SUM, comm)));
  sum->calls = CALLS_BEFORE_CARRY; /* together, all ranks may have had that many */
  return BL_OK;
}

bool bl_exact_sum_is_poisoned(const bl_exact_sum *sum) {
  return *sum->peaks >= limit_of_peaks;
}

static bl_status check(const bl_exact_sum *sum) {
  if (*sum->peaks < limit_of_peaks && sum->reduced_peaks < limit_of_peaks)
    return BL_OK;
  return bl_fail(BL_ERROR_NUMERIC,
                 "a sum over micro-batches has a term that is NaN, infinite or above 1e9, or terms above 4e12"
                 " in all; a smaller learning rate or a smaller clip usually cures it");
}

/* The number that two's complement bits mean, below 2^51 in magnitude; exact. */
static inline double double_of_integer(uint64_t integer) {
  const uint64_t bits = bits_of_double(shifter) + integer;
  double shifted;
  memcpy(&shifted, &bits, sizeof shifted);
  return shifted - shifter;
}

static inline double value_of(uint64_t high, uint64_t low) {
  const uint64_t carry = carry_of(low), whole = high + carry;
  const double upper = double_of_integer((whole + ((uint64_t)1 << 63)) >> 32) - 0x1p31;
  const double lower = double_of_integer(whole & 0xffffffffu);
  return (upper * 0x1p32 + lower) * 0x1p-20 + double_of_integer(low - (carry << 42)) * 0x1p-62;
}

BL_KERNEL static void to_floats(float *restrict values, const uint64_t *restrict high, const uint64_t *restrict low,
                                size_t count, double scale) {
  for (size_t i = 0; i < count; i++)
    values[i] = (float)(scale * value_of(high[i], low[i]));
}

BL_KERNEL static void to_doubles(double *restrict values, const uint64_t *restrict high, const uint64_t *restrict low,
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
