#include "metrics/feature_set.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <cblas.h>
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

/* Who has what: rank r the vectors from starts[r] to starts[r + 1]. */
static bl_status tell_starts(unsigned long long *starts, const bl_feature_set *set, size_t first, size_t rows,
                             MPI_Comm comm) {
  unsigned long long own = first;
  BL_TRY(
      BL_MPI_SYNCHRONISED(MPI_Allgather(&own, 1, MPI_UNSIGNED_LONG_LONG, starts, 1, MPI_UNSIGNED_LONG_LONG, comm), comm));
  starts[set->ranks] = set->count;
  if (starts[set->rank] + rows != starts[set->rank + 1])
    return bl_fail(BL_ERROR_USAGE, "rank %d has %zu vectors from %zu on, but the next ones begin at %llu", set->rank, rows,
                   first, starts[set->rank + 1]);
  return BL_OK;
}

/* Post the messages of one block: from those who have its vectors to the one that holds it. */
static bl_status post(MPI_Request *requests, int *count, bl_feature_set *set, size_t block, const float *vectors,
                      const unsigned long long *starts, MPI_Comm comm) {
  const size_t size = (size_t)set->size, begin = block * BL_FEATURE_BLOCK, end = begin + bl_feature_set_rows(set, block);
  const int holder = (int)(block % (size_t)set->ranks);
  for (int r = 0; r < set->ranks; r++) {
    const size_t from = starts[r] > begin ? (size_t)starts[r] : begin,
                 to = starts[r + 1] < end ? (size_t)starts[r + 1] : end;
    if (from >= to || (set->rank != r && set->rank != holder))
      continue;
    const int elements = (int)((to - from) * size);
    float *place = set->rank == holder ? bl_feature_set_block(set, block) + (from - begin) * size : NULL;
    const float *own = set->rank == r ? vectors + (from - (size_t)starts[r]) * size : NULL;
    if (own && place)
      memcpy(place, own, (size_t)elements * sizeof *place);
    else if (place)
      BL_TRY(BL_MPI(MPI_Irecv(place, elements, MPI_FLOAT, r, 0, comm, &requests[(*count)++])));
    else
      BL_TRY(BL_MPI(MPI_Isend(own, elements, MPI_FLOAT, holder, 0, comm, &requests[(*count)++])));
  }
  return BL_OK;
}

bl_status bl_feature_set_deal(bl_feature_set *set, const float *vectors, size_t first, size_t rows, MPI_Comm comm) {
  unsigned long long *starts = NULL;
  MPI_Request *requests = NULL;
  int count = 0;
  bl_status status = bl_allocate(&starts, (size_t)set->ranks + 1, sizeof *starts);
  if (status == BL_OK) /* a block has one message, and one more wherever another rank's vectors begin */
    status = bl_allocate(&requests, set->blocks + (size_t)set->ranks, sizeof *requests);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(bl_agree(tell_starts(starts, set, first, rows, comm), comm));
  for (size_t block = 0; block < set->blocks; block++)
    BL_GOTO(post(requests, &count, set, block, vectors, starts, comm));
  status = bl_wait(requests, count);
done:
  bl_free(&starts);
  bl_free(&requests);
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
