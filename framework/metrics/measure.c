#include "metrics/measure.h"

#include "metrics/distance.h"
#include "parallel/agree.h"

#include <stdio.h>

bl_status bl_measure_create(bl_measure *measure, const bl_options *options, unsigned what, const bl_images *real,
                            int channels, int height, int width, const bl_provenance *provenance, MPI_Comm comm) {
  const bl_options_metrics *metrics = &options->metrics;
  *measure =
      (bl_measure){.options = options, .what = what, .channels = channels, .height = height, .width = width, .comm = comm};
  if (real)
    measure->real = *real;
  if (!bl_features_configured(options))
    return BL_OK;
  BL_TRY(bl_features_configure(&measure->features, options, channels, height, width, comm));
  return bl_options_blame(
      options, "metrics.reference",
      bl_reference_get(&measure->reference, metrics->reference, measure->features, real, provenance, comm));
}

void bl_measure_destroy(bl_measure *measure) {
  bl_summary_destroy(&measure->known);
  bl_reference_destroy(&measure->reference);
  bl_features_destroy(&measure->features);
}

void bl_measurement_destroy(bl_measurement *measurement) {
  bl_summary_destroy(&measurement->summary);
}

const char *bl_measure_name(const bl_measure *measure) {
  return measure->features ? "FID" : "sliced Wasserstein";
}

static bool wants_all_samples(const bl_measure *measure, unsigned what) {
  return (what & BL_MEASURE_DISTANCE) && !measure->features;
}

static bool wants_figures(const bl_measure *measure, unsigned what) {
  return (what & BL_MEASURE_FIGURES) && measure->features && bl_figures_wanted(measure->options);
}

/* What \a what takes of samples and of real ones alike. */
static bl_summary_plan plan_for(const bl_measure *measure, unsigned what) {
  bl_summary_plan plan = {0};
  if (wants_figures(measure, what))
    plan = (bl_summary_plan){.features = measure->features, .features_kept = (size_t)measure->options->metrics.subset};
  if (wants_all_samples(measure, what))
    plan.samples_kept = SIZE_MAX;
  if (what & BL_MEASURE_SPECTRUM) {
    plan.channels = measure->channels;
    plan.height = measure->height;
    plan.width = measure->width;
  }
  return plan;
}

/* The real samples' side, once it is needed; FID's is the reference. Collective. */
static bl_status know_real(bl_measure *measure, unsigned what) {
  const bool compares = wants_figures(measure, what) && bl_figures_compare(measure->options);
  if (measure->known.count > 0 || (!compares && !wants_all_samples(measure, what) && !(what & BL_MEASURE_SPECTRUM)))
    return BL_OK;
  bl_summary_plan plan = plan_for(measure, measure->what);
  if (!bl_figures_compare(measure->options))
    plan.features = NULL;
  return bl_summary_gather(&measure->known, &plan, &measure->real, measure->comm);
}

static bl_status measure_fid(bl_measurement *m, const bl_measure *measure) {
  const bl_summary *samples = &m->summary;
  const bl_reference *reference = &measure->reference;
  bl_figure *fid = bl_figures_add(m->figures, &m->count, "fid", bl_measure_name(measure), "1");
  snprintf(fid->note, sizeof fid->note, "on %d features of %s; %zu samples, %zu real images", reference->size,
           bl_features_name(measure->features), samples->count, reference->count);
  return bl_frechet_distance(&fid->value, samples->mean, &samples->covariance, reference->mean, &reference->covariance,
                             measure->comm);
}

static bl_status measure_wasserstein(bl_measurement *m, const bl_measure *measure, uint64_t seed) {
  const bl_summary *samples = &m->summary, *real = &measure->known;
  const int projections = measure->options->metrics.projections;
  bl_figure *distance = bl_figures_add(m->figures, &m->count, "sliced_wasserstein", bl_measure_name(measure), "1");
  snprintf(distance->note, sizeof distance->note, "of order 2, %d directions, seed %lld; %zu samples, %zu real points",
           projections, (long long)seed, samples->count, real->count);
  return bl_agree(bl_sliced_wasserstein(&distance->value, real->samples, real->count, samples->samples, samples->count,
                                        (int)measure->real.size, projections, seed),
                  measure->comm);
}

static void measure_spectrum(bl_measurement *m, const bl_measure *measure) {
  bl_figure *spectrum = bl_figures_add(m->figures, &m->count, "spectrum_distance", "power spectrum", "dB");
  snprintf(spectrum->note, sizeof spectrum->note,
           "root mean square over rings of frequencies; %zu samples, %zu real images", m->summary.count,
           measure->known.count);
  spectrum->value = bl_spectrum_distance(&m->summary.spectrum, &measure->known.spectrum);
}

bl_status bl_measure_samples(bl_measurement *measurement, bl_measure *measure, unsigned what, const bl_images *samples,
                             size_t kept, uint64_t seed) {
  bl_measurement *m = measurement;
  *m = (bl_measurement){0};
  BL_TRY(know_real(measure, what));
  bl_summary_plan plan = plan_for(measure, what);
  if (measure->features && (what & BL_MEASURE_DISTANCE)) {
    plan.features = measure->features;
    plan.statistics = true;
  }
  plan.samples_kept = kept > plan.samples_kept ? kept : plan.samples_kept;
  BL_TRY(bl_summary_gather(&m->summary, &plan, samples, measure->comm));
  if (what & BL_MEASURE_DISTANCE)
    BL_TRY(measure->features ? measure_fid(m, measure) : measure_wasserstein(m, measure, seed));
  if (wants_figures(measure, what))
    BL_TRY(bl_figures_measure(m->figures, &m->count, measure->options, measure->features, &m->summary.features,
                              &measure->known.features, measure->comm));
  if (what & BL_MEASURE_SPECTRUM)
    measure_spectrum(m, measure);
  return BL_OK;
}
