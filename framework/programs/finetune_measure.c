#include "programs/finetune_measure.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "programs/drawing.h"
#include "programs/outcome.h"
#include "sampler/sampler.h"

#include <math.h>
#include <stdio.h>

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

/* Samples that stay in memory: all, where the distance needs them together, else those of the picture. */
static size_t samples_kept(const bl_finetune_measure *m) {
  return m->measure.features && count_of(m) > PICTURE ? PICTURE : count_of(m);
}

bl_status bl_finetune_measure_create(bl_finetune_measure *measure, const bl_run *run, const bl_chain *chain,
                                     bl_graph *sampler, const bl_aggregator *policy) {
  const bl_dataset *data = measure->data;
  const MPI_Comm comm = run->world.comm;
  measure->run = run;
  measure->chain = chain;
  measure->sampler = sampler;
  measure->policy = policy;
  measure->comparison.data = data;
  if (count_of(measure) == 0)
    return BL_OK;
  const bl_images real = bl_images_of_dataset(data);
  BL_TRY(bl_measure_create(&measure->measure, run->options, &real, data->channels, data->height, data->width,
                           &run->provenance, comm));
  BL_AGREE(bl_allocate(&measure->samples, samples_kept(measure) * real.size, sizeof *measure->samples), comm);
  if (measure->stored_count == 0)
    return BL_OK;
  const bl_images stored = bl_images_of_file(&measure->stored);
  BL_TRY(bl_measure_samples(&measure->stored_distance, &measure->measure, &stored));
  bl_sample_file_close(&measure->stored);
  return BL_OK;
}

void bl_finetune_measure_destroy(bl_finetune_measure *measure) {
  bl_comparison_destroy(&measure->comparison);
  bl_free(&measure->samples);
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

/* Samples of what the sampler has loaded. Collective. */
static bl_status begin_drawing(bl_drawing *drawing, const bl_finetune_measure *m, const char *title) {
  const bl_options *options = m->run->options;
  const MPI_Comm comm = m->run->world.comm;
  return bl_agree(bl_drawing_create(drawing, m->sampler, m->chain, (uint64_t)options->seed, round_of_measurement,
                                    (size_t)options->learner.micro_batch, count_of(m), title, comm),
                  comm);
}

/* Images, drawn as they are measured; for a \a picture some are drawn again and kept on rank 0. Collective. */
static bl_status measure_drawing(double *distance, bl_finetune_measure *m, const char *title, bool picture) {
  const bl_world *world = &m->run->world;
  bl_drawing drawing;
  bl_status status;
  BL_GOTO(begin_drawing(&drawing, m, title));
  const bl_images images = bl_drawing_images(&drawing);
  BL_GOTO(bl_measure_samples(distance, &m->measure, &images));
  bl_progress_finish(&drawing.progress);
  if (picture)
    status = bl_agree(world->rank == 0 ? images.fetch(m->samples, 0, samples_kept(m), images.context) : BL_OK, world->comm);
done:
  bl_drawing_destroy(&drawing);
  return status;
}

/* Draw samples with the present model and measure their distance to the data. Collective. \param [in] title  of the
 * progress bar, or NULL. \param [in] picture  whether m->samples are wanted afterwards. */
static bl_status measure_model(double *distance, bl_finetune_measure *m, const char *title, bool picture) {
  const bl_options *options = m->run->options;
  *distance = NAN;
  if (count_of(m) == 0)
    return BL_OK;
  BL_TRY(load_sampler(m));
  if (m->measure.features)
    return measure_drawing(distance, m, title, picture);
  BL_TRY(bl_sampler_draw(m->samples, 0, count_of(m), m->sampler, m->chain, (uint64_t)options->seed, round_of_measurement,
                         (size_t)options->learner.micro_batch, title, m->run->world.comm));
  const bl_images samples = bl_images_of_array(m->samples, count_of(m), bl_dataset_sample_size(m->data));
  return bl_measure_samples(distance, &m->measure, &samples);
}

/* What else is asked for, of the model that was measured last. Collective. */
static bl_status measure_figures(bl_finetune_measure *m, int which) {
  const bl_options *options = m->run->options;
  bl_drawing drawing;
  bl_status status;
  if (!m->measure.features || !bl_figures_wanted(options))
    return BL_OK;
  BL_GOTO(begin_drawing(&drawing, m, NULL));
  const bl_images samples = bl_drawing_images(&drawing), real = bl_images_of_dataset(m->data);
  m->figure_count[which] = 0;
  status = bl_figures_measure(m->figures[which], &m->figure_count[which], options, m->measure.features, &samples, &real,
                              m->run->world.comm);
done:
  bl_drawing_destroy(&drawing);
  return status;
}

bl_status bl_finetune_measure_distance(double *distance, bl_finetune_measure *measure) {
  return measure_model(distance, measure, NULL, false);
}

const char *bl_finetune_measure_label(const bl_finetune_measure *measure) {
  return measure->measure.features ? "FID" : "SW";
}

bl_status bl_finetune_measure_take(bl_finetune_measure *measure, int which) {
  const bl_world *world = &measure->run->world;
  BL_TRY(measure_model(&measure->distance[which], measure, which == 0 ? "measure before" : "measure after", true));
  BL_TRY(measure_figures(measure, which));
  return bl_agree(
      world->rank == 0 ? bl_comparison_keep(&measure->comparison, which, measure->samples, samples_kept(measure)) : BL_OK,
      world->comm);
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
  printf("  model    %s\n", model);
  if (drawn)
    printf("  picture  %s\n", picture);
  printf("\n");
  return BL_OK;
}
