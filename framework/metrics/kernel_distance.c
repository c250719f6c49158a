#include "metrics/kernel_distance.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"
#include "parallel/wait.h"

#include <math.h>

typedef struct work {
  double *row, *column; /* (BL_FEATURE_BLOCK, size) */
  double *products;     /* (BL_FEATURE_BLOCK, BL_FEATURE_BLOCK) */
  float *message;       /* (BL_FEATURE_BLOCK, size) */
} work;

static bl_status allocate(work *w, int size) {
  const size_t count = (size_t)BL_FEATURE_BLOCK * (size_t)size;
  BL_TRY(bl_allocate(&w->row, count, sizeof *w->row));
  BL_TRY(bl_allocate(&w->column, count, sizeof *w->column));
  BL_TRY(bl_allocate(&w->message, count, sizeof *w->message));
  return bl_allocate(&w->products, (size_t)BL_FEATURE_BLOCK * BL_FEATURE_BLOCK, sizeof *w->products);
}

static void release(work *w) {
  bl_free(&w->row);
  bl_free(&w->column);
  bl_free(&w->message);
  bl_free(&w->products);
}

/* Vectors in block \a k of the estimate. */
static size_t vectors_in(const bl_feature_set *set, size_t k) {
  const size_t length = (size_t)BL_KERNEL_BLOCKS * BL_FEATURE_BLOCK;
  const size_t left = set->count > k * length ? set->count - k * length : 0;
  return left < length ? left : length;
}

/* Sum of the kernel over pairs of a block in w->row and one in w->column. \param [in] diagonal  leave out i = j. */
static double sum_kernel(work *w, size_t rows, size_t columns, int size, bool diagonal) {
  double sum = 0.0;
  bl_feature_products(w->products, w->row, w->column, size);
  for (size_t i = 0; i < rows; i++) {
    double of_row = 0.0;
    for (size_t j = 0; j < columns; j++) {
      const double base = w->products[i * BL_FEATURE_BLOCK + j] / (double)size + 1.0;
      of_row += diagonal && i == j ? 0.0 : base * base * base;
    }
    sum += of_row;
  }
  return sum;
}

/* Mean of the kernel over the pairs of block \a k of the estimate, as terms of the exact sum's element \a element: computed
 * where the second vectors are. \param [in] within  of one set, where no vector meets itself. */
static bl_status add_pairs(bl_exact_sum *sum, size_t element, const bl_feature_set *a, const bl_feature_set *b, bool within,
                           size_t k, work *w, MPI_Comm comm) {
  const size_t of_a = vectors_in(a, k), of_b = vectors_in(b, k), first = k * BL_KERNEL_BLOCKS;
  const double pairs = (double)of_a * (double)(within ? of_b - 1 : of_b);
  for (size_t i = first; i < a->blocks && i < first + BL_KERNEL_BLOCKS; i++) {
    BL_TRY(bl_feature_set_share(w->row, w->message, a, i, comm));
    for (size_t j = first; j < b->blocks && j < first + BL_KERNEL_BLOCKS; j++) {
      if (!bl_feature_set_holds(b, j))
        continue;
      const float *vectors = bl_feature_set_block(b, j);
      for (size_t e = 0; e < (size_t)BL_FEATURE_BLOCK * (size_t)b->size; e++)
        w->column[e] = (double)vectors[e];
      const double term =
          sum_kernel(w, bl_feature_set_rows(a, i), bl_feature_set_rows(b, j), a->size, within && i == j) / pairs;
      bl_exact_sum_add_double(sum, element, 1, &term);
    }
  }
  return BL_OK;
}

static bl_status add_all(bl_exact_sum *sum, size_t blocks, const bl_feature_set *a, const bl_feature_set *b, work *w,
                         MPI_Comm comm) {
  BL_TRY(bl_barrier(comm));
  for (size_t k = 0; k < blocks; k++) {
    BL_TRY(add_pairs(sum, 3 * k, a, a, true, k, w, comm));
    BL_TRY(add_pairs(sum, 3 * k + 1, b, b, true, k, w, comm));
    BL_TRY(add_pairs(sum, 3 * k + 2, a, b, false, k, w, comm));
  }
  return BL_OK;
}

static bl_status finish(bl_kernel_distance *distance, const bl_exact_sum *sum, size_t blocks) {
  double square = 0.0;
  *distance = (bl_kernel_distance){.blocks = blocks};
  for (int pass = 0; pass < 2; pass++)
    for (size_t k = 0; k < blocks; k++) {
      double means[3];
      BL_TRY(bl_exact_sum_get_double(means, sum, 3 * k, 3, 1.0));
      const double value = means[0] + means[1] - 2.0 * means[2];
      if (pass == 0)
        distance->mean += value / (double)blocks;
      else
        square += (value - distance->mean) * (value - distance->mean);
    }
  if (blocks > 1)
    distance->error = sqrt(square / (double)(blocks - 1) / (double)blocks);
  return BL_OK;
}

bl_status bl_kernel_distance_compute(bl_kernel_distance *distance, const bl_feature_set *a, const bl_feature_set *b,
                                     MPI_Comm comm) {
  const size_t length = (size_t)BL_KERNEL_BLOCKS * BL_FEATURE_BLOCK, least = a->count < b->count ? a->count : b->count;
  const size_t blocks = least < length ? 1 : least / length;
  bl_exact_sum *sum = NULL;
  work w = {0};
  if (least < 2)
    return bl_fail(BL_ERROR_USAGE, "the kernel distance needs at least 2 images of each kind, these are %zu and %zu",
                   a->count, b->count);
  bl_status status = allocate(&w, a->size);
  if (status == BL_OK)
    status = bl_exact_sum_create(&sum, 3 * blocks);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(add_all(sum, blocks, a, b, &w, comm));
  BL_GOTO(bl_exact_sum_allreduce(sum, comm));
  status = finish(distance, sum, blocks);
done:
  release(&w);
  bl_exact_sum_destroy(&sum);
  return status;
}
