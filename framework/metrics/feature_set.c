#include "metrics/feature_set.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

bl_status bl_feature_set_create(bl_feature_set *set, int size, size_t count, MPI_Comm comm) {
  *set = (bl_feature_set){.size = size, .count = count, .blocks = (count + BL_FEATURE_BLOCK - 1) / BL_FEATURE_BLOCK};
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &set->rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &set->ranks)));
  const size_t own = (set->blocks + (size_t)set->ranks - 1) / (size_t)set->ranks;
  return bl_allocate(&set->values, (own > 0 ? own : 1) * BL_FEATURE_BLOCK * (size_t)size, sizeof *set->values);
}

void bl_feature_set_destroy(bl_feature_set *set) {
  bl_free(&set->values);
  set->count = set->blocks = 0;
}

bool bl_feature_set_holds(const bl_feature_set *set, size_t block) {
  return block % (size_t)set->ranks == (size_t)set->rank;
}

float *bl_feature_set_block(const bl_feature_set *set, size_t block) {
  return set->values + block / (size_t)set->ranks * BL_FEATURE_BLOCK * (size_t)set->size;
}

size_t bl_feature_set_rows(const bl_feature_set *set, size_t block) {
  const size_t left = set->count - block * BL_FEATURE_BLOCK;
  return left < BL_FEATURE_BLOCK ? left : BL_FEATURE_BLOCK;
}

/* Micro-batch by micro-batch; the features of what stands behind a short one are cleared. */
static bl_status fill(bl_feature_set *set, bl_features *features, const bl_images *images) {
  const size_t size = (size_t)set->size;
  for (size_t block = 0; block < set->blocks; block++) {
    const size_t rows = bl_feature_set_rows(set, block);
    for (size_t first = 0; bl_feature_set_holds(set, block) && first < rows; first += BL_FEATURES_BATCH) {
      const size_t part = rows - first < BL_FEATURES_BATCH ? rows - first : BL_FEATURES_BATCH;
      float *vectors = bl_feature_set_block(set, block) + first * size;
      BL_TRY(bl_features_compute(vectors, features, images, block * BL_FEATURE_BLOCK + first, part));
      memset(vectors + part * size, 0, (BL_FEATURES_BATCH - part) * size * sizeof *vectors);
      for (size_t i = 0; i < part * size; i++)
        if (!isfinite(vectors[i]))
          return bl_fail(BL_ERROR_NUMERIC, "feature %zu of image %zu is %g", i % size,
                         block * BL_FEATURE_BLOCK + first + i / size, (double)vectors[i]);
    }
  }
  return BL_OK;
}

bl_status bl_feature_set_collect(bl_feature_set *set, bl_features *features, const bl_images *images, size_t count,
                                 MPI_Comm comm) {
  const size_t kept = count < images->count ? count : images->count;
  bl_status status = bl_feature_set_create(set, bl_features_size(features), kept, comm);
  if (status == BL_OK)
    status = fill(set, features, images);
  status = bl_agree(status, comm);
  if (status != BL_OK)
    bl_feature_set_destroy(set);
  return status;
}

bl_status bl_feature_set_share(double *vectors, float *work, const bl_feature_set *set, size_t block, MPI_Comm comm) {
  const size_t count = (size_t)BL_FEATURE_BLOCK * (size_t)set->size;
  const bool here = bl_feature_set_holds(set, block);
  float *values = here ? bl_feature_set_block(set, block) : work;
  BL_TRY(BL_MPI(MPI_Bcast(values, (int)count, MPI_FLOAT, (int)(block % (size_t)set->ranks), comm)));
  for (size_t i = 0; i < count; i++)
    vectors[i] = (double)values[i];
  return BL_OK;
}

void bl_feature_products(double *products, const double *a, const double *b, int size) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, BL_FEATURE_BLOCK, BL_FEATURE_BLOCK, size, 1.0, a, size, b, size, 0.0,
              products, BL_FEATURE_BLOCK);
}
