/** \file
 * Order-free sums: the same bits whatever the order of the terms and the number of ranks.
 *
 * Every element is a whole number of 96 bits in units of 2^-62: 12 bytes, whose sums are associative. A float term of
 * magnitude 2^-39 (1.8e-12) or more is held exactly, a smaller one to within 2^-63.
 *
 * Terms must be below 2^30 in magnitude, and the largest magnitudes of all calls that add, each rounded up to a multiple of
 * 2^-16, must together stay below 2^33: for example seven calls with terms below 2^30, or four million below 2^11. Where
 * they stay below 2, as most gradients do, elements travel between ranks in 8 bytes, else in 16 (this counts for each 16384
 * elements apart).
 * A term that is NaN, infinite or too large, or a sum that may be too large, poisons the whole vector, and
 * bl_exact_sum_get says so: after allreduce on every rank, after reduce on the root, whichever range holds the term.
 */
#ifndef BEELINE_PARALLEL_EXACT_SUM_H
#define BEELINE_PARALLEL_EXACT_SUM_H

#include "base/status.h"

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

/** A vector of exact sums. */
typedef struct bl_exact_sum bl_exact_sum;

/** A vector of \a count sums, all zero. Not collective. \param [out] sum  the caller's; bl_exact_sum_destroy. */
bl_status bl_exact_sum_create(bl_exact_sum **sum, size_t count);

/** Release *\a sum (NULL is allowed) and set it to NULL. Not collective. */
void bl_exact_sum_destroy(bl_exact_sum **sum);

/** Set all elements to zero and forget a poisoning. Not collective. */
void bl_exact_sum_clear(bl_exact_sum *sum);

/** Add terms[i] to element offset + i for i below \a count. Not collective. \param [in] terms (count), borrowed. */
void bl_exact_sum_add(bl_exact_sum *sum, size_t offset, size_t count, const float *terms);

/** The same for double terms (held to within 2^-63). Not collective. */
void bl_exact_sum_add_double(bl_exact_sum *sum, size_t offset, size_t count, const double *terms);

/** Whether what this rank added poisons the vector. Not collective. */
bool bl_exact_sum_is_poisoned(const bl_exact_sum *sum);

/** Sum elements [offset, offset + count) over the ranks of \a comm; the total replaces the elements on \a root only (other
 * ranks' are undefined afterwards). Collective over \a comm.
 * Each element can be reduced once between two bl_exact_sum_clear; ranges may go to different roots. */
bl_status bl_exact_sum_reduce(bl_exact_sum *sum, size_t offset, size_t count, int root, MPI_Comm comm);

/** Sum over the ranks of \a comm as an optimiser in \a owners shards needs it: elements [starts[i], starts[i + 1]) to rank
 * roots[i] for i below \a owners, and those from starts[owners] to the end to every rank, as the poisoning. What a rank
 * does not get is undefined afterwards. Collective over \a comm. \param [in] starts (owners + 1). \param [in] roots
 * (owners). */
bl_status bl_exact_sum_share_out(bl_exact_sum *sum, const size_t *starts, const int *roots, int owners, MPI_Comm comm);

/** Sum all elements over the ranks of \a comm; the total replaces the elements on every rank. Collective over \a comm. */
bl_status bl_exact_sum_allreduce(bl_exact_sum *sum, MPI_Comm comm);

/** Bytes of elements that this rank has sent to others since the latest bl_exact_sum_clear. Not collective. */
size_t bl_exact_sum_sent(const bl_exact_sum *sum);

/** values[i] = scale × element offset + i: the sum as the nearest double, times scale, to float.
 * Not collective. \param [out] values (count), caller's; not written on failure.
 * Returns BL_ERROR_NUMERIC when a term was not finite or too large. */
bl_status bl_exact_sum_get(float *values, const bl_exact_sum *sum, size_t offset, size_t count, double scale);

/** The same without memory of its own: *\a values is in that of the sum's elements, which are undefined from then on.
 * Not collective. \param [out] values (count), the sum's, until the next bl_exact_sum_clear or _destroy. */
bl_status bl_exact_sum_take(float **values, bl_exact_sum *sum, size_t offset, size_t count, double scale);

/** The same as bl_exact_sum_get in double. Not collective. */
bl_status bl_exact_sum_get_double(double *values, const bl_exact_sum *sum, size_t offset, size_t count, double scale);

#endif
