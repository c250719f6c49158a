#include "programs/finetune_measure.h"

#include "base/memory.h"
#include "base/print.h"
#include "metrics/sample_stream.h"
#include "parallel/agree.h"
#include "report/outcome.h"
#include "sampler/sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH_LENGTH = 4096, PICTURE = 64 };

/* Rounds that the measuring draws pretend to be in, apart from those of learning. */
static const uint32_t round_of_measurement = 0xffffffffu;

/* ---- Preparing --------------------------------------------------------------------------------------------------------
 */

bl_status bl_finetune_measure_open(bl_finetune_measure *measure, const bl_dataset *data, const bl_options *options,
                                   MPI_Comm comm) {
  const char *path = options->metrics.samples;
  bl_sample_file *stored = &measure->stored;
  measure->data = data;
  if (path[0] == '\0' || options->metrics.count == 0)
    return BL_OK;
  BL_TRY(bl_options_blame(options, "metrics.samples", bl_agree(bl_sample_file_open(stored, path), comm)));
  const size_t found = bl_sample_file_size(stored), expected = bl_dataset_sample_size(data);
  const bool points = !data->pixels;
  if (found != expected || stored->points != points)
    return bl_fail(BL_ERROR_INPUT, "%s: samples are %s of %zu elements, expected %s of %zu as those of %s", path,
                   stored->points ? "points" : "images", found, points ? "points" : "images", expected, options->data.file);
  measure->stored_count = stored->count;
  return BL_OK;
}

static size_t count_of(const bl_finetune_measure *m) {
  return (size_t)m->run->options->metrics.count;
}

/* Distance of the samples of the file, which are not needed any more. Collective. */
static bl_status measure_stored(bl_finetune_measure *m) {
  const bl_images stored = bl_images_of_file(&m->stored);
  bl_measurement found;
  const bl_status status =
      bl_measure_samples(&found, &m->measure, BL_MEASURE_DISTANCE, &stored, 0, (uint64_t)m->run->options->seed);
  m->stored_distance = found.figures[0].value;
  bl_measurement_destroy(&found);
  bl_sample_file_close(&m->stored);
  return status;
}

bl_status bl_finetune_measure_create(bl_finetune_measure *measure, const bl_run *run, const bl_chain *chain,
                                     const bl_condition *condition, bl_graph *sampler, const bl_aggregator *policy) {
  const bl_dataset *data = measure->data;
  measure->run = run;
  measure->chain = chain;
  measure->condition = condition;
  measure->sampler = sampler;
  measure->policy = policy;
  measure->comparison.data = data;
  if (count_of(measure) == 0)
    return BL_OK;
  const bl_images real = bl_images_of_dataset(data);
  BL_TRY(bl_measure_create(&measure->measure, run->options, BL_MEASURE_DISTANCE | BL_MEASURE_FIGURES, &real, data->channels,
                           data->height, data->width, &run->provenance, run->world.comm));
  return measure->stored_count > 0 ? measure_stored(measure) : BL_OK;
}

void bl_finetune_measure_destroy(bl_finetune_measure *measure) {
  bl_comparison_destroy(&measure->comparison);
  bl_measure_destroy(&measure->measure);
  bl_sample_file_close(&measure->stored);
}

/* ---- Measuring --------------------------------------------------------------------------------------------------------
 */

/* θ or its moving average. Collective. */
static bl_status load_sampler(bl_finetune_measure *m) {
  const MPI_Comm comm = m->run->world.comm;
  float *current = NULL;
  BL_AGREE(bl_allocate(&current, m->policy->table->count, sizeof *current), comm);
  bl_status status = bl_checkpoint_current(current, m->policy, &m->run->world);
  if (status == BL_OK)
    status = bl_agree(bl_graph_load(m->sampler, current), comm);
  bl_free(&current);
  return status;
}

/* Draw samples with the present model once, and measure \a what of them. Collective. \param [out] found  empty with
 * metrics.count 0; bl_measurement_destroy, also after a failure. \param [in] kept  samples that stay in it. \param [in]
 * title  of the progress bar, or NULL. */
static bl_status measure_model(bl_measurement *found, bl_finetune_measure *m, unsigned what, size_t kept,
                               const char *title) {
  const bl_options *options = m->run->options;
  const MPI_Comm comm = m->run->world.comm;
  const bool points = !m->data->pixels;
  bl_sample_stream stream;
  *found = (bl_measurement){0};
  if (count_of(m) == 0)
    return BL_OK;
  BL_TRY(load_sampler(m));
  bl_status status =
      bl_sample_stream_create(&stream, m->sampler, m->chain, m->condition, (uint64_t)options->seed, round_of_measurement,
                              (size_t)options->learner.micro_batch, count_of(m), points, title, comm);
  BL_GOTO(bl_agree(status, comm));
  const bl_images samples = bl_sample_stream_images(&stream);
  status = bl_measure_samples(found, &m->measure, what, &samples, kept, (uint64_t)options->seed);
done:
  bl_sample_stream_destroy(&stream);
  return status;
}

/* The distance stands first. */
static double distance_of(const bl_measurement *found) {
  return found->count > 0 ? found->figures[0].value : NAN;
}

bl_status bl_finetune_measure_distance(double *distance, bl_finetune_measure *measure) {
  bl_measurement found;
  const bl_status status = measure_model(&found, measure, BL_MEASURE_DISTANCE, 0, NULL);
  *distance = distance_of(&found);
  bl_measurement_destroy(&found);
  return status;
}

const char *bl_finetune_measure_label(const bl_finetune_measure *measure) {
  return measure->measure.features ? "FID" : "SW";
}

/* Keep the figures and, on rank 0, samples for the picture: of images some, of points all. */
static bl_status keep(bl_finetune_measure *m, int which, const bl_measurement *found) {
  const bl_summary *samples = &found->summary;
  m->distance[which] = distance_of(found);
  m->figure_count[which] = found->count > 0 ? found->count - 1 : 0; /* without the distance */
  memcpy(m->figures[which], found->figures + 1, (size_t)m->figure_count[which] * sizeof(bl_figure));
  return m->run->world.rank == 0 ? bl_comparison_keep(&m->comparison, which, samples->samples, samples->samples_kept)
                                 : BL_OK;
}

bl_status bl_finetune_measure_take(bl_finetune_measure *measure, int which) {
  bl_measurement found;
  bl_status status = measure_model(&found, measure, BL_MEASURE_DISTANCE | BL_MEASURE_FIGURES, PICTURE,
                                   which == 0 ? "measure before" : "measure after");
  if (status == BL_OK)
    status = bl_agree(keep(measure, which, &found), measure->run->world.comm);
  bl_measurement_destroy(&found);
  return status;
}

/* ---- The end ----------------------------------------------------------------------------------------------------------
 */

/* What the table says. */
static bl_outcome outcome_of(const bl_finetune_measure *m, double seconds) {
  const bl_run *run = m->run;
  return (bl_outcome){.distance = bl_measure_name(&m->measure),
                      .features = m->measure.features ? bl_features_name(m->measure.features) : NULL,
                      .before = m->distance[0],
                      .after = m->distance[1],
                      .stored = m->stored_distance,
                      .samples = count_of(m),
                      .stored_samples = m->stored_count,
                      .steps = m->chain->steps,
                      .all_steps = run->header.diffusion_steps,
                      .rounds = run->header.round,
                      .seed = run->options->seed,
                      .roles = run->roles,
                      .ranks = run->world.size,
                      .figures = {m->figures[0], m->figures[1]},
                      .figure_count = m->figure_count[1],
                      .average = run->options->learner.average > 0,
                      .seconds = seconds};
}

bl_status bl_finetune_measure_report(const bl_finetune_measure *measure, double seconds) {
  char model[PATH_LENGTH], picture[PATH_LENGTH], summary[PATH_LENGTH];
  const bl_outcome outcome = outcome_of(measure, seconds);
  bool drawn;
  bl_run_path(model, sizeof model, measure->run, "model.nc");
  bl_run_path(picture, sizeof picture, measure->run, "before-after.png");
  bl_run_path(summary, sizeof summary, measure->run, "summary.txt");
  BL_TRY(bl_comparison_write(&drawn, &measure->comparison, picture));
  BL_TRY(bl_outcome_write(summary, &outcome));
  bl_outcome_print(stdout, &outcome);
  bl_print("  model    %s\n", model);
  if (drawn)
    bl_print("  picture  %s\n", picture);
  bl_print("\n");
  return BL_OK;
}
