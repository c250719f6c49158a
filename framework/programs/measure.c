#include "programs/measure.h"

#include "base/memory.h"
#include "metrics/distance.h"
#include "parallel/agree.h"

bl_status bl_measure_create(bl_measure *measure, const bl_options *options, const bl_images *real, int channels, int height,
                            int width, const bl_provenance *provenance, MPI_Comm comm) {
  const bl_options_metrics *metrics = &options->metrics;
  *measure = (bl_measure){.options = options, .real = *real, .comm = comm};
  if (!bl_features_configured(options))
    return BL_OK;
  BL_TRY(bl_features_configure(&measure->features, options, channels, height, width, comm));
  return bl_options_blame(
      options, "metrics.reference",
      bl_reference_get(&measure->reference, metrics->reference, measure->features, &measure->real, provenance, comm));
}

void bl_measure_destroy(bl_measure *measure) {
  bl_reference_destroy(&measure->reference);
  bl_features_destroy(&measure->features);
}

const char *bl_measure_name(const bl_measure *measure) {
  return measure->features ? "FID" : "sliced Wasserstein";
}

static bl_status measure_whole(double *distance, const bl_measure *measure, const bl_images *samples) {
  const bl_options *options = measure->options;
  float *real = NULL, *drawn = NULL;
  bl_status status;
  BL_GOTO(bl_images_collect(&real, &measure->real));
  BL_GOTO(bl_images_collect(&drawn, samples));
  status = bl_sliced_wasserstein(distance, real, measure->real.count, drawn, samples->count, (int)samples->size,
                                 options->metrics.projections, (uint64_t)options->seed);
done:
  bl_free(&real);
  bl_free(&drawn);
  return status;
}

bl_status bl_measure_samples(double *distance, bl_measure *measure, const bl_images *samples) {
  if (measure->features)
    return bl_fid(distance, &measure->reference, measure->features, samples, measure->comm);
  return bl_agree(measure_whole(distance, measure, samples), measure->comm);
}
