/** \file
 * The features of a number of images, kept: each rank holds some blocks of them. For metrics that compare pairs. */
#ifndef BEELINE_METRICS_FEATURE_SET_H
#define BEELINE_METRICS_FEATURE_SET_H

#include "base/status.h"

#include <mpi.h>

#include <stdbool.h>
#include <stddef.h>

enum { BL_FEATURE_BLOCK = 256 }; /**< vectors of a block; part of the results, whose sums are rounded once in each */

/** Vectors in blocks; block k is on rank k mod P. */
typedef struct bl_feature_set {
  int size;     /**< of a vector */
  size_t count; /**< vectors in all */
  size_t blocks;
  int rank, ranks;
  float *values; /**< (own blocks, BL_FEATURE_BLOCK, size), zeros behind a short last block; owned */
} bl_feature_set;

/** A set of zeros. Not collective, but every rank of \a comm needs its part. \param [out] set caller's;
 * bl_feature_set_destroy. */
bl_status bl_feature_set_create(bl_feature_set *set, int size, size_t count, MPI_Comm comm);
void bl_feature_set_destroy(bl_feature_set *set);

/** Deal out vectors of which each rank has some: \a rows of them from vector \a first of the set on. Together they are all
 * of the set, in the order of the ranks; a rank with none names the place where the next one's begin. Collective over
 * \a comm. \param [in] vectors (rows, size), borrowed. Returns BL_ERROR_USAGE where they leave gaps or overlap. */
bl_status bl_feature_set_deal(bl_feature_set *set, const float *vectors, size_t first, size_t rows, MPI_Comm comm);

/** Whether this rank holds \a block; its vectors there; how many vectors it has. Not collective. */
bool bl_feature_set_holds(const bl_feature_set *set, size_t block);
float *bl_feature_set_block(const bl_feature_set *set, size_t block);
size_t bl_feature_set_rows(const bl_feature_set *set, size_t block);

/** Give every rank \a block in double. Collective over \a comm, without waiting for others first. \param [out] vectors
 * (BL_FEATURE_BLOCK, size) caller's. \param [in,out] work (BL_FEATURE_BLOCK, size) caller's scratch. */
bl_status bl_feature_set_share(double *vectors, float *work, const bl_feature_set *set, size_t block, MPI_Comm comm);

/** products_ij = a_i · b_j of two blocks in double: the same bits wherever it is computed. Not collective.
 * \param [out] products (BL_FEATURE_BLOCK, BL_FEATURE_BLOCK). \param [in] a, b (BL_FEATURE_BLOCK, size). */
void bl_feature_products(double *products, const double *a, const double *b, int size);

#endif
