/** \file
 * Eigenvalues and square roots of symmetric matrices. All ranks hold the matrices whole. Up to BL_SYMMETRIC_LARGE − 1 rows
 * rank 0 computes with LAPACK, so the bits do not depend on the number of ranks; larger ones are spread over all ranks by
 * ScaLAPACK, where equal bits need an equal number of ranks. */
#ifndef BEELINE_LINEAR_SYMMETRIC_H
#define BEELINE_LINEAR_SYMMETRIC_H

#include "base/status.h"

#include <mpi.h>

enum { BL_SYMMETRIC_LARGE = 512 };

/** Eigenvalues in rising order, and eigenvectors. Collective over \a comm; the same on every rank.
 * \param [out] values (size). \param [out] vectors (size, size), row k belongs to value k; caller's, may be \a matrix.
 * \param [in] matrix (size, size), symmetric. Returns BL_ERROR_NUMERIC when an element is not finite. */
bl_status bl_symmetric_eigen(double *values, double *vectors, const double *matrix, int size, MPI_Comm comm);

/** The symmetric square root of a matrix without negative eigenvalues; those that rounding makes negative count as zero.
 * Collective over \a comm; the same on every rank. \param [out] root (size, size), caller's, not \a matrix. */
bl_status bl_symmetric_root(double *root, const double *matrix, int size, MPI_Comm comm);

/** product = a b a for symmetric a and b, made exactly symmetric. Collective over \a comm; the same on every rank.
 * Arrays (size, size), caller's, none of them twice. */
bl_status bl_symmetric_sandwich(double *product, const double *a, const double *b, int size, MPI_Comm comm);

#endif
