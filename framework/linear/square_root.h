/** \file
 * The trace of the square root of a product of symmetric matrices, which the Fréchet distance needs. */
#ifndef BEELINE_LINEAR_SQUARE_ROOT_H
#define BEELINE_LINEAR_SQUARE_ROOT_H

#include "linear/symmetric.h"

enum { BL_SQUARE_ROOT_LARGE = 512 };

/** tr (A B)^½ for symmetric A and B without negative eigenvalues (those that rounding makes negative count as zero), as the
 * sum of the roots of the eigenvalues of Λ^½ Vᵀ B V Λ^½, where A = V Λ Vᵀ. Up to BL_SQUARE_ROOT_LARGE − 1 rows rank 0
 * computes with LAPACK, so the bits do not depend on the number of ranks; larger ones stay spread over all ranks of \a comm
 * in blocks (linear/grid.h), where ScaLAPACK computes with equal bits on an equal number of ranks, and no rank holds more
 * than its share of four matrices and of pdsyevd's work. Collective over \a comm; the same on every rank. Borrows the
 * matrices. Returns BL_ERROR_NUMERIC when an element is not finite. */
bl_status bl_square_root_trace(double *trace, const bl_symmetric *a, const bl_symmetric *b, MPI_Comm comm);

#endif
