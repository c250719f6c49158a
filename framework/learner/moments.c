#include "learner/moments.h"

#include "base/memory.h"
#include "base/progress.h"
#include "diffusion/denoise.h"
#include "learner/batches.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"
#include "parallel/mpi_check.h"

#include <math.h>

/* What a micro-batch needs. */
typedef struct measurement {
  bl_batches batches;
  size_t count, batch, size;
  uint64_t seed;
  float *origin, *noisy, *epsilon, *time;
  bl_exact_sum *sums; /* (2, steps): Σ g and Σ g², g = ‖ε‖² / d of one sample */
} measurement;

static void destroy(measurement *m) {
  bl_batches_destroy(&m->batches);
  bl_free(&m->origin);
  bl_free(&m->noisy);
  bl_free(&m->epsilon);
  bl_free(&m->time);
  bl_exact_sum_destroy(&m->sums);
}

static bl_status create(measurement *m, const bl_dataset *data, int steps) {
  const size_t elements = m->batch * m->size;
  BL_TRY(bl_batches_create(&m->batches, data, data->count, m->seed, false));
  BL_TRY(bl_allocate(&m->origin, elements, sizeof *m->origin));
  BL_TRY(bl_allocate(&m->noisy, elements, sizeof *m->noisy));
  BL_TRY(bl_allocate(&m->epsilon, elements, sizeof *m->epsilon));
  BL_TRY(bl_allocate(&m->time, m->batch, sizeof *m->time));
  return bl_exact_sum_create(&m->sums, 2 * (size_t)steps);
}

static double mean_square(const float *epsilon, size_t size) {
  double sum = 0.0;
  for (size_t i = 0; i < size; i++)
    sum += (double)epsilon[i] * (double)epsilon[i];
  return sum / (double)size;
}

/* Samples first … of step t; the last micro-batch is filled up with samples that do not count. */
static bl_status add_micro_batch(measurement *m, bl_predict *predict, void *model, const bl_schedule *schedule, int t,
                                 size_t first) {
  const size_t all = m->batches.dataset->count;
  for (size_t s = 0; s < m->batch; s++) {
    const size_t k = first + s;
    float *origin = m->origin + s * m->size;
    bl_batches_get(origin, NULL, &m->batches, (int64_t)(k / all), k % all, 1);
    const bl_draw draw = {
        .seed = m->seed, .purpose = BL_PURPOSE_FORWARD_NOISE, .round = (uint32_t)t, .sample = (uint32_t)k, .step = 1};
    bl_denoise_mix(m->noisy + s * m->size, m->epsilon + s * m->size, origin, schedule->alpha_bar[t], draw, m->size);
    m->time[s] = (float)t;
  }
  BL_TRY(predict(model, m->epsilon, &(bl_graph_inputs){.x = m->noisy, .time = m->time}));
  for (size_t s = 0; s < m->batch && first + s < m->count; s++) {
    const double square = mean_square(m->epsilon + s * m->size, m->size), fourth = square * square;
    if (!(fourth < 0x1p20))
      return bl_fail(BL_ERROR_NUMERIC, "the mean square of the noise predicted at step %d is %g, expected about 1", t + 1,
                     square);
    bl_exact_sum_add_double(m->sums, (size_t)t, 1, &square);
    bl_exact_sum_add_double(m->sums, (size_t)(schedule->steps + t), 1, &fourth);
  }
  return BL_OK;
}

/* This rank's micro-batches, numbered through all steps. */
static bl_status add_share(measurement *m, bl_predict *predict, void *model, const bl_schedule *schedule, const char *title,
                           int rank, int ranks) {
  const size_t each = (m->count + m->batch - 1) / m->batch, total = each * (size_t)schedule->steps;
  bl_progress *progress = NULL;
  bl_status status = BL_OK;
  if (rank == 0 && title)
    BL_GOTO(bl_progress_start(&progress, title, 0, schedule->steps));
  for (size_t j = (size_t)rank; j < total; j += (size_t)ranks) {
    BL_GOTO(add_micro_batch(m, predict, model, schedule, (int)(j / each), j % each * m->batch));
    if (progress)
      bl_progress_update(progress, (long)((j + 1) / each), "%zu samples each", m->count);
  }
done:
  bl_progress_finish(&progress);
  return status;
}

static bl_status finish(bl_moments *moments, const measurement *m, const bl_schedule *schedule) {
  const size_t steps = (size_t)schedule->steps;
  const double count = (double)m->count;
  BL_TRY(bl_moments_create(moments, schedule->steps));
  moments->count = m->count;
  BL_TRY(bl_exact_sum_get_double(moments->gamma, m->sums, 0, steps, 1.0 / count));
  BL_TRY(bl_exact_sum_get_double(moments->error, m->sums, steps, steps, 1.0 / count));
  for (size_t t = 0; t < steps; t++) {
    const double spread = fmax(moments->error[t] - moments->gamma[t] * moments->gamma[t], 0.0);
    moments->error[t] = m->count > 1 ? sqrt(spread / (count - 1.0)) : 0.0;
    moments->alpha_bar[t] = schedule->alpha_bar[t];
  }
  return BL_OK;
}

bl_status bl_moments_measure(bl_moments *moments, bl_predict *predict, void *model, const bl_schedule *schedule,
                             const bl_dataset *data, size_t count, size_t batch, uint64_t seed, const char *title,
                             MPI_Comm comm) {
  int rank, ranks;
  *moments = (bl_moments){0};
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  measurement m = {.count = count, .batch = batch, .size = bl_dataset_sample_size(data), .seed = seed};
  bl_status status = BL_OK;
  BL_GOTO(bl_agree(create(&m, data, schedule->steps), comm));
  BL_GOTO(bl_agree(add_share(&m, predict, model, schedule, title, rank, ranks), comm));
  BL_GOTO(bl_exact_sum_allreduce(m.sums, comm));
  BL_GOTO(bl_agree(finish(moments, &m, schedule), comm));
done:
  destroy(&m);
  if (status != BL_OK)
    bl_moments_destroy(moments);
  return status;
}
