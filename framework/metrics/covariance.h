/** \file
 * Mean and covariance of feature vectors that are spread over ranks, by exact sums over micro-batches. */
#ifndef BEELINE_METRICS_COVARIANCE_H
#define BEELINE_METRICS_COVARIANCE_H

#include "linear/symmetric.h"

#include <stddef.h>

/** Sums of vectors and of their products. */
typedef struct bl_covariance bl_covariance;

/** All sums zero. Not collective. \param [out] sums  the caller's; bl_covariance_destroy. \param [in] size  of a vector. */
bl_status bl_covariance_create(bl_covariance **sums, int size);
void bl_covariance_destroy(bl_covariance **sums);

/** Add the \a rows vectors of one micro-batch, which is part of the result: its sums are rounded once. Not collective.
 * \param [in] vectors (rows, size). */
void bl_covariance_add(bl_covariance *sums, const float *vectors, size_t rows);

/** Mean and covariance of the \a count vectors that all ranks of \a comm added, with bits that depend neither on the ranks
 * nor on who added what. The sums are used up. Collective over \a comm. \param [out] mean (size) on every rank, caller's.
 * \param [out] covariance  made by bl_symmetric_create over \a comm; divisor count − 1. Returns BL_ERROR_USAGE for fewer
 * than two vectors, BL_ERROR_NUMERIC for vectors that are not finite. */
bl_status bl_covariance_finish(double *mean, bl_symmetric *covariance, bl_covariance *sums, size_t count, MPI_Comm comm);

#endif
