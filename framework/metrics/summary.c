#include "metrics/summary.h"

#include "base/memory.h"
#include "metrics/covariance.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <limits.h>
#include <math.h>

enum { BATCH = BL_FEATURES_BATCH, PAUSES = 100 };

/* A pass of one rank. */
typedef struct pass {
  const bl_summary_plan *plan;
  const bl_images *images;
  bl_summary *summary;
  MPI_Comm comm;
  int rank, ranks;
  bl_covariance *sums; /* NULL where no statistics are wanted; owned, as all that follows */
  float *batch;        /* (BATCH, elements of an image) */
  float *vectors;      /* (BATCH, features) */
  float *kept;         /* (rows, features) of this rank's images among those whose features are kept */
} pass;

/* The first image of rank \a rank's share, among the first \a count. */
static size_t first_of(const pass *p, int rank, size_t count) {
  const size_t unit = p->images->batch > 0 && p->images->batch % BATCH == 0 ? p->images->batch : BATCH;
  const size_t first = (p->images->count + unit - 1) / unit * (size_t)rank / (size_t)p->ranks * unit;
  return first < count ? first : count;
}

static bl_status check(const bl_summary_plan *plan, const bl_images *images) {
  const size_t size = (size_t)plan->channels * (size_t)plan->height * (size_t)plan->width;
  if (plan->features)
    BL_TRY(bl_features_check(plan->features, images->points, images->size));
  if (size > 0 && (images->points || images->size != size))
    return bl_fail(BL_ERROR_INPUT, "power spectra are of images of %d × %d × %d, but these are %s of %zu values",
                   plan->channels, plan->height, plan->width, images->points ? "points" : "images", images->size);
  if (plan->samples_kept > INT_MAX / images->size && images->count > INT_MAX / images->size)
    return bl_fail(BL_ERROR_USAGE, "%zu samples of %zu elements are too many to keep", images->count, images->size);
  return BL_OK;
}

static bl_status allocate(pass *p) {
  const bl_summary_plan *plan = p->plan;
  bl_summary *summary = p->summary;
  const size_t count = p->images->count, size = p->images->size;
  summary->samples_kept = plan->samples_kept < count ? plan->samples_kept : count;
  BL_TRY(bl_allocate(&p->batch, BATCH * size, sizeof *p->batch));
  BL_TRY(bl_allocate(&summary->samples, summary->samples_kept * size, sizeof *summary->samples));
  if (plan->height > 0)
    BL_TRY(bl_spectrum_create(&summary->spectrum, plan->channels, plan->height, plan->width));
  if (!plan->features)
    return BL_OK;
  const int features = bl_features_size(plan->features);
  BL_TRY(bl_allocate(&p->vectors, BATCH * (size_t)features, sizeof *p->vectors));
  if (plan->statistics) {
    BL_TRY(bl_covariance_create(&p->sums, features));
    BL_TRY(bl_allocate(&summary->mean, (size_t)features, sizeof *summary->mean));
    BL_TRY(bl_symmetric_create(&summary->covariance, features, p->comm));
  }
  const size_t kept = plan->features_kept < count ? plan->features_kept : count;
  if (kept == 0)
    return BL_OK;
  const size_t own = first_of(p, p->rank + 1, kept) - first_of(p, p->rank, kept);
  BL_TRY(bl_feature_set_create(&summary->features, features, kept, p->comm));
  return bl_allocate(&p->kept, own * (size_t)features, sizeof *p->kept);
}

/* Keep the features of the images from \a first on that are among the first ones. */
static bl_status keep_features(pass *p, size_t first, size_t rows) {
  const size_t size = (size_t)p->summary->features.size, all = p->summary->features.count;
  if (first >= all)
    return BL_OK;
  const size_t elements = (all - first < rows ? all - first : rows) * size;
  float *place = p->kept + (first - first_of(p, p->rank, all)) * size;
  for (size_t i = 0; i < elements; i++) {
    if (!isfinite(p->vectors[i]))
      return bl_fail(BL_ERROR_NUMERIC, "feature %zu of image %zu is %g", i % size, first + i / size, (double)p->vectors[i]);
    place[i] = p->vectors[i];
  }
  return BL_OK;
}

/* One micro-batch, for all that is wanted. */
static bl_status take(pass *p, size_t first, size_t rows) {
  bl_summary *summary = p->summary;
  const size_t size = p->images->size, left = summary->samples_kept > first ? summary->samples_kept - first : 0;
  const size_t samples = (left < rows ? left : rows) * size;
  BL_TRY(bl_images_fetch(p->batch, p->images, first, rows));
  for (size_t i = 0; i < samples; i++)
    summary->samples[first * size + i] = p->batch[i];
  if (p->plan->height > 0)
    bl_spectrum_add(&summary->spectrum, p->batch, rows);
  if (!p->plan->features)
    return BL_OK;
  BL_TRY(bl_features_compute(p->vectors, p->plan->features, p->batch, rows));
  if (p->sums)
    bl_covariance_add(p->sums, p->vectors, rows);
  return keep_features(p, first, rows);
}

/* How many images all ranks have passed after \a steps micro-batches each. */
static size_t passed_after(const pass *p, size_t steps) {
  const size_t all = p->images->count;
  size_t sum = 0;
  for (int r = 0; r < p->ranks; r++) {
    const size_t own = first_of(p, r + 1, all) - first_of(p, r, all);
    sum += own < steps * BATCH ? own : steps * BATCH;
  }
  return sum;
}

/* This rank's share; with pauses all ranks keep step. Collective. */
static bl_status take_share(pass *p) {
  const size_t all = p->images->count, begin = first_of(p, p->rank, all), end = first_of(p, p->rank + 1, all);
  size_t steps = 0;
  bl_status status = BL_OK;
  for (int r = 0; r < p->ranks; r++) {
    const size_t own = (first_of(p, r + 1, all) - first_of(p, r, all) + BATCH - 1) / BATCH;
    steps = own > steps ? own : steps;
  }
  const size_t interval = (steps + PAUSES - 1) / PAUSES;
  for (size_t step = 0; step < steps; step++) {
    const size_t first = begin + step * BATCH;
    if (status == BL_OK && first < end)
      status = take(p, first, end - first < BATCH ? end - first : BATCH);
    if (p->images->pause && ((step + 1) % interval == 0 || step + 1 == steps)) {
      BL_AGREE(status, p->comm);
      BL_TRY(p->images->pause(passed_after(p, step + 1), p->images->watcher));
    }
  }
  return bl_agree(status, p->comm);
}

/* The samples that are kept, to all ranks. Collective. */
static bl_status share_samples(pass *p) {
  bl_summary *summary = p->summary;
  const size_t size = p->images->size;
  int *counts = NULL, *places = NULL;
  bl_status status = BL_OK;
  if (summary->samples_kept == 0)
    return BL_OK;
  status = bl_allocate(&counts, (size_t)p->ranks, sizeof *counts);
  if (status == BL_OK)
    status = bl_allocate(&places, (size_t)p->ranks, sizeof *places);
  BL_GOTO(bl_agree(status, p->comm));
  for (int r = 0; r < p->ranks; r++) {
    places[r] = (int)(first_of(p, r, summary->samples_kept) * size);
    counts[r] = (int)(first_of(p, r + 1, summary->samples_kept) * size) - places[r];
  }
  status = BL_MPI_SYNCHRONISED(
      MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_FLOAT, summary->samples, counts, places, MPI_FLOAT, p->comm), p->comm);
done:
  bl_free(&counts);
  bl_free(&places);
  return status;
}

/* What ranks have, put together. Collective. */
static bl_status join(pass *p) {
  bl_summary *summary = p->summary;
  const size_t kept = summary->features.count, first = first_of(p, p->rank, kept);
  BL_TRY(share_samples(p));
  if (p->plan->height > 0)
    BL_AGREE(bl_spectrum_finish(&summary->spectrum, summary->count, p->comm), p->comm);
  if (p->sums)
    BL_TRY(bl_covariance_finish(summary->mean, &summary->covariance, p->sums, summary->count, p->comm));
  if (kept > 0)
    BL_TRY(bl_feature_set_deal(&summary->features, p->kept, first, first_of(p, p->rank + 1, kept) - first, p->comm));
  return BL_OK;
}

bl_status bl_summary_gather(bl_summary *summary, const bl_summary_plan *plan, const bl_images *images, MPI_Comm comm) {
  pass p = {.plan = plan, .images = images, .summary = summary, .comm = comm};
  bl_status status;
  *summary = (bl_summary){.count = images->count};
  BL_GOTO(BL_MPI(MPI_Comm_rank(comm, &p.rank)));
  BL_GOTO(BL_MPI(MPI_Comm_size(comm, &p.ranks)));
  BL_GOTO(check(plan, images));
  BL_GOTO(bl_agree(allocate(&p), comm));
  BL_GOTO(take_share(&p));
  status = join(&p);
done:
  bl_covariance_destroy(&p.sums);
  bl_free(&p.batch);
  bl_free(&p.vectors);
  bl_free(&p.kept);
  if (status != BL_OK)
    bl_summary_destroy(summary);
  return status;
}

void bl_summary_destroy(bl_summary *summary) {
  bl_free(&summary->mean);
  bl_symmetric_destroy(&summary->covariance);
  bl_feature_set_destroy(&summary->features);
  bl_spectrum_destroy(&summary->spectrum);
  bl_free(&summary->samples);
  summary->samples_kept = summary->count = 0;
}
