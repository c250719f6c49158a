/** \file
 * Symmetric matrices dealt out over ranks by rows, so that none holds one whole: rank r of P holds rows r n … r n + n − 1,
 * where n is size / P rounded up (the last ranks may hold fewer rows, or none). */
#ifndef BEELINE_LINEAR_SYMMETRIC_H
#define BEELINE_LINEAR_SYMMETRIC_H

#include "base/status.h"

#include <mpi.h>

/** This rank's rows. Of row i, elements j ≥ i count; what stands before them is never read. */
typedef struct bl_symmetric {
  int size; /**< rows and columns of the whole */
  int first, count;
  double *values; /**< (count, size); owned */
} bl_symmetric;

/** The first row of \a rank among \a ranks; \a size for rank = ranks. Not collective. */
int bl_symmetric_first(int size, int rank, int ranks);

/** A matrix of zeros. Not collective, but every rank of \a comm needs its part. \param [out] matrix  the caller's;
 * bl_symmetric_destroy. */
bl_status bl_symmetric_create(bl_symmetric *matrix, int size, MPI_Comm comm);
void bl_symmetric_destroy(bl_symmetric *matrix);

/** The whole on rank 0, and back. Collective over \a comm. \param whole (size, size) on rank 0, caller's, elements on both
 * sides of the diagonal (scatter reads j ≥ i only); NULL elsewhere. */
bl_status bl_symmetric_gather(double *whole, const bl_symmetric *matrix, MPI_Comm comm);
bl_status bl_symmetric_scatter(bl_symmetric *matrix, const double *whole, MPI_Comm comm);

/** The diagonal on rank 0. Collective over \a comm. \param [out] diagonal (size) on rank 0, caller's; NULL elsewhere. */
bl_status bl_symmetric_diagonal(double *diagonal, const bl_symmetric *matrix, MPI_Comm comm);

#endif
