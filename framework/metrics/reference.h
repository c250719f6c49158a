/** \file
 * Statistics of the real data, computed once and stored (netCDF: mean, covariance, feature name, checksum and count of the
 * images). */
#ifndef BEELINE_METRICS_REFERENCE_H
#define BEELINE_METRICS_REFERENCE_H

#include "linear/symmetric.h"
#include "metrics/features.h"
#include "metrics/images.h"
#include "store/provenance.h"

typedef struct bl_reference {
  int size;
  size_t count;            /**< images */
  double *mean;            /**< (size), on every rank; owned */
  bl_symmetric covariance; /**< dealt out over the ranks */
} bl_reference;

/** Read the statistics from \a path; where the file is missing, compute them from the \a real images and write it; where
 * it was made with other features or other images, refuse (BL_ERROR_INPUT says which), as points, and images of
 * a size that the features are not for. With \a path "" nothing is stored. Without \a real images (NULL) the file must be
 * there. Collective over \a comm; rank 0 reads and writes, and passes over all images to know them again. \param [out]
 * reference caller's; bl_reference_destroy. */
bl_status bl_reference_get(bl_reference *reference, const char *path, bl_features *features, const bl_images *real,
                           const bl_provenance *provenance, MPI_Comm comm);
void bl_reference_destroy(bl_reference *reference);

#endif
