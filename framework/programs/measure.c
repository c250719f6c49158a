#include "programs/measure.h"

#include "base/memory.h"
#include "metrics/distance.h"
#include "parallel/agree.h"

bl_status bl_measure_create(bl_measure *measure, const bl_options *options, const bl_dataset *data,
                            const bl_provenance *provenance, MPI_Comm comm) {
  const bl_options_metrics *metrics = &options->metrics;
  *measure = (bl_measure){.options = options, .data = data, .comm = comm};
  if (!bl_features_configured(options))
    return BL_OK;
  BL_TRY(bl_features_configure(&measure->features, options, data->channels, data->height, data->width, comm));
  return bl_options_blame(
      options, "metrics.reference",
      bl_reference_get(&measure->reference, metrics->reference, measure->features, data, provenance, comm));
}

void bl_measure_destroy(bl_measure *measure) {
  bl_reference_destroy(&measure->reference);
  bl_features_destroy(&measure->features);
}

const char *bl_measure_name(const bl_measure *measure) {
  return measure->features ? "FID" : "sliced Wasserstein";
}

/* All samples of a data set in network units; the caller's. */
static bl_status to_network_units(float **values, const bl_dataset *dataset) {
  const size_t size = bl_dataset_sample_size(dataset);
  BL_TRY(bl_allocate(values, dataset->count * size, sizeof **values));
  for (size_t i = 0; i < dataset->count; i++)
    bl_dataset_sample(*values + i * size, dataset, i);
  return BL_OK;
}

bl_status bl_measure_images(double *distance, bl_measure *measure, const bl_images *images) {
  return bl_fid(distance, &measure->reference, measure->features, images, measure->comm);
}

bl_status bl_measure_samples(double *distance, bl_measure *measure, const float *samples, size_t count) {
  const bl_options *options = measure->options;
  float *real = NULL;
  if (measure->features) {
    const bl_images images = bl_images_of_array(samples, count, bl_features_image_size(measure->features));
    return bl_measure_images(distance, measure, &images);
  }
  bl_status status = to_network_units(&real, measure->data);
  if (status == BL_OK)
    status = bl_sliced_wasserstein(distance, real, measure->data->count, samples, count,
                                   (int)bl_dataset_sample_size(measure->data), options->metrics.projections,
                                   (uint64_t)options->seed);
  bl_free(&real);
  return bl_agree(status, measure->comm);
}

bl_status bl_measure_dataset(double *distance, bl_measure *measure, const bl_dataset *samples) {
  float *values = NULL;
  if (measure->features) {
    const bl_images images = bl_images_of_dataset(samples);
    BL_TRY(bl_features_check_dataset(measure->features, samples));
    return bl_measure_images(distance, measure, &images);
  }
  bl_status status = bl_agree(to_network_units(&values, samples), measure->comm);
  if (status == BL_OK)
    status = bl_measure_samples(distance, measure, values, samples->count);
  bl_free(&values);
  return status;
}
