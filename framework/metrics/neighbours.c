#include "metrics/neighbours.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <math.h>

enum { BLOCK = BL_FEATURE_BLOCK };

/* Blocks in double, with what is compared between them. */
typedef struct work {
  double *shared, *own; /* (BLOCK, size) */
  double *products;     /* (BLOCK, BLOCK): squared distances, own vectors down, shared ones across */
  float *message;       /* (BLOCK, size) */
  double shared_norms[BLOCK], own_norms[BLOCK];
} work;

static bl_status allocate(work **w, int size) {
  const size_t count = (size_t)BLOCK * (size_t)size;
  BL_TRY(bl_allocate(w, 1, sizeof **w));
  BL_TRY(bl_allocate(&(*w)->shared, count, sizeof(double)));
  BL_TRY(bl_allocate(&(*w)->own, count, sizeof(double)));
  BL_TRY(bl_allocate(&(*w)->message, count, sizeof(float)));
  return bl_allocate(&(*w)->products, (size_t)BLOCK * BLOCK, sizeof(double));
}

static void release(work **w) {
  if (*w) {
    bl_free(&(*w)->shared);
    bl_free(&(*w)->own);
    bl_free(&(*w)->message);
    bl_free(&(*w)->products);
  }
  bl_free(w);
}

static void square_norms(double *norms, const double *vectors, int size) {
  for (int row = 0; row < BLOCK; row++) {
    norms[row] = 0.0;
    for (int i = 0; i < size; i++)
      norms[row] += vectors[(size_t)row * (size_t)size + (size_t)i] * vectors[(size_t)row * (size_t)size + (size_t)i];
  }
}

/* Squared distances of a block that is here to the shared one. What rounding leaves of equal vectors counts as zero. */
static void measure(work *w, const bl_feature_set *set, size_t block) {
  const float *vectors = bl_feature_set_block(set, block);
  for (size_t e = 0; e < (size_t)BLOCK * (size_t)set->size; e++)
    w->own[e] = (double)vectors[e];
  square_norms(w->own_norms, w->own, set->size);
  bl_feature_products(w->products, w->own, w->shared, set->size);
  for (size_t i = 0; i < BLOCK; i++)
    for (size_t j = 0; j < BLOCK; j++) {
      const double norms = w->own_norms[i] + w->shared_norms[j], square = norms - 2.0 * w->products[i * BLOCK + j];
      w->products[i * BLOCK + j] = square > 1e-12 * norms ? square : 0.0;
    }
}

static bl_status take(work *w, const bl_feature_set *set, size_t block, MPI_Comm comm) {
  BL_TRY(bl_feature_set_share(w->shared, w->message, set, block, comm));
  square_norms(w->shared_norms, w->shared, set->size);
  return BL_OK;
}

/* Put a distance in its place among the \a k smallest so far, in rising order. */
static void keep_smallest(double *smallest, int k, double square) {
  int place = k;
  for (; place > 0 && square < smallest[place - 1]; place--)
    if (place < k)
      smallest[place] = smallest[place - 1];
  if (place < k)
    smallest[place] = square;
}

/* Squared radii of the balls of the vectors of \a set. \param [out] radii (blocks, BLOCK), of all vectors on every rank;
 * \param [in,out] smallest (blocks, BLOCK, k), used for own blocks. */
static bl_status find_radii(double *radii, double *smallest, work *w, const bl_feature_set *set, int k, MPI_Comm comm) {
  for (size_t i = 0; i < set->blocks * BLOCK * (size_t)k; i++)
    smallest[i] = (double)INFINITY;
  BL_TRY(bl_barrier(comm));
  for (size_t other = 0; other < set->blocks; other++) {
    const size_t columns = bl_feature_set_rows(set, other);
    BL_TRY(take(w, set, other, comm));
    for (size_t block = (size_t)set->rank; block < set->blocks; block += (size_t)set->ranks) {
      measure(w, set, block);
      for (size_t i = 0; i < bl_feature_set_rows(set, block); i++)
        for (size_t j = 0; j < columns; j++)
          if (block != other || i != j)
            keep_smallest(smallest + (block * BLOCK + i) * (size_t)k, k, w->products[i * BLOCK + j]);
    }
  }
  for (size_t block = 0; block < set->blocks; block++) {
    for (size_t i = 0; i < BLOCK; i++)
      radii[block * BLOCK + i] = smallest[(block * BLOCK + i) * (size_t)k + (size_t)k - 1];
    BL_TRY(BL_MPI(MPI_Bcast(radii + block * BLOCK, BLOCK, MPI_DOUBLE, (int)(block % (size_t)set->ranks), comm)));
  }
  return BL_OK;
}

enum { IN_SOME, BALLS, OCCUPIED, COUNTS };

/* How many vectors of \a set are in a ball of some vector of \a other; in how many balls they are in all; how many of their
 * own balls hold a vector of \a other. */
static bl_status count_balls(unsigned long long counts[COUNTS], work *w, const bl_feature_set *set, const double *own_radii,
                             const bl_feature_set *other, const double *radii, unsigned char *flags, MPI_Comm comm) {
  enum { IN = 1, HOLDS = 2 };
  for (size_t i = 0; i < set->blocks * BLOCK; i++)
    flags[i] = 0;
  counts[IN_SOME] = counts[BALLS] = counts[OCCUPIED] = 0;
  BL_TRY(bl_barrier(comm));
  for (size_t theirs = 0; theirs < other->blocks; theirs++) {
    BL_TRY(take(w, other, theirs, comm));
    for (size_t block = (size_t)set->rank; block < set->blocks; block += (size_t)set->ranks) {
      measure(w, set, block);
      for (size_t i = 0; i < bl_feature_set_rows(set, block); i++)
        for (size_t j = 0; j < bl_feature_set_rows(other, theirs); j++) {
          const double square = w->products[i * BLOCK + j];
          const bool in = square <= radii[theirs * BLOCK + j], holds = square <= own_radii[block * BLOCK + i];
          flags[block * BLOCK + i] |= (unsigned char)((in ? IN : 0) | (holds ? HOLDS : 0));
          counts[BALLS] += in;
        }
    }
  }
  for (size_t i = 0; i < set->blocks * BLOCK; i++) {
    counts[IN_SOME] += (flags[i] & IN) != 0;
    counts[OCCUPIED] += (flags[i] & HOLDS) != 0;
  }
  return BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, counts, COUNTS, MPI_UNSIGNED_LONG_LONG, MPI_SUM, comm), comm);
}

bl_status bl_neighbours_compute(bl_neighbours *result, const bl_feature_set *generated, const bl_feature_set *real, int k,
                                MPI_Comm comm) {
  const bl_feature_set *sets[2] = {generated, real};
  const size_t most = generated->blocks > real->blocks ? generated->blocks : real->blocks;
  unsigned long long counts[2][COUNTS];
  double *radii[2] = {NULL, NULL}, *smallest = NULL;
  unsigned char *flags = NULL;
  work *w = NULL;
  if (k < 1 || k > BL_NEIGHBOURS_MAX || generated->count <= (size_t)k || real->count <= (size_t)k)
    return bl_fail(BL_ERROR_USAGE, "%d nearest neighbours (1 to %d) need more images than that, these are %zu and %zu", k,
                   BL_NEIGHBOURS_MAX, generated->count, real->count);
  bl_status status = allocate(&w, real->size);
  for (int i = 0; i < 2 && status == BL_OK; i++)
    status = bl_allocate(&radii[i], sets[i]->blocks * BLOCK, sizeof *radii[i]);
  if (status == BL_OK)
    status = bl_allocate(&smallest, most * BLOCK * (size_t)k, sizeof *smallest);
  if (status == BL_OK)
    status = bl_allocate(&flags, most * BLOCK, 1);
  BL_GOTO(bl_agree(status, comm));
  for (int i = 0; i < 2; i++)
    BL_GOTO(find_radii(radii[i], smallest, w, sets[i], k, comm));
  for (int i = 0; i < 2; i++)
    BL_GOTO(count_balls(counts[i], w, sets[i], radii[i], sets[1 - i], radii[1 - i], flags, comm));
  *result = (bl_neighbours){.precision = (double)counts[0][IN_SOME] / (double)generated->count,
                            .recall = (double)counts[1][IN_SOME] / (double)real->count,
                            .density = (double)counts[0][BALLS] / ((double)k * (double)generated->count),
                            .coverage = (double)counts[1][OCCUPIED] / (double)real->count};
done:
  bl_free(&radii[0]);
  bl_free(&radii[1]);
  bl_free(&smallest);
  bl_free(&flags);
  release(&w);
  return status;
}
