#include "table/metric.h"

#include "parallel/agree.h"
#include "table/cell.h"

#include <stdio.h>
#include <string.h>

static bl_status check_fid(const bl_table_meter *meter, const char *place) {
  if (meter->real.points)
    return bl_fail(BL_ERROR_USAGE, "%s: metrics: fid is of images, but %s holds points: expected sliced_wasserstein", place,
                   meter->options->data.file);
  if (meter->options->metrics.classifier[0] == '\0')
    return bl_options_reject(meter->options, "metrics.classifier", "a classifier, whose features FID is measured on");
  return BL_OK;
}

static bl_status check_wasserstein(const bl_table_meter *meter, const char *place) {
  (void)place;
  if (meter->options->metrics.classifier[0] != '\0')
    return bl_options_reject(meter->options, "metrics.classifier", "nothing for sliced_wasserstein");
  return BL_OK;
}

static bl_status check_spectrum(const bl_table_meter *meter, const char *place) {
  if (meter->real.points)
    return bl_fail(BL_ERROR_USAGE, "%s: metrics: spectrum is of images, but %s holds points", place,
                   meter->options->data.file);
  return BL_OK;
}

static const bl_table_metric metrics[] = {
    {"fid", "FID", "1", check_fid, BL_MEASURE_DISTANCE, "fid"},
    {"sliced_wasserstein", "sliced Wasserstein", "1", check_wasserstein, BL_MEASURE_DISTANCE, "sliced_wasserstein"},
    {"spectrum", "power spectrum", "dB", check_spectrum, BL_MEASURE_SPECTRUM, "spectrum_distance"},
};

enum { METRICS = sizeof metrics / sizeof metrics[0] };

static bl_status find(const bl_table_metric **found, const char *name, const char *place) {
  char names[256] = "";
  for (int i = 0; i < METRICS; i++) {
    if (strcmp(metrics[i].name, name) == 0) {
      *found = &metrics[i];
      return BL_OK;
    }
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? ", " : "", metrics[i].name);
  }
  return bl_fail(BL_ERROR_USAGE, "%s: metrics: there is no metric %s, expected one of %s", place, name, names);
}

static bl_status choose(bl_table_meter *meter, const bl_table_file *file) {
  const bool features = meter->options->metrics.classifier[0] != '\0';
  const char *standard = features ? "fid" : "sliced_wasserstein";
  const char *const *names = file->metric_count > 0 ? file->metrics : &standard;
  const int count = file->metric_count > 0 ? file->metric_count : 1;
  const char *place = file->metric_count > 0 ? file->metrics_place : file->path;
  for (int i = 0; i < count; i++) {
    const bl_table_metric *metric = NULL;
    BL_TRY(find(&metric, names[i], place));
    if (meter->count == BL_TABLE_METRICS)
      return bl_fail(BL_ERROR_USAGE, "%s: metrics: more than %d", place, BL_TABLE_METRICS);
    for (int k = 0; k < meter->count; k++)
      if (meter->metrics[k] == metric)
        return bl_fail(BL_ERROR_USAGE, "%s: metrics: %s is there twice", place, metric->name);
    BL_TRY(metric->check(meter, place));
    meter->metrics[meter->count++] = metric;
  }
  return BL_OK;
}

bl_status bl_table_meter_create(bl_table_meter *meter, const bl_table_file *file, const bl_options *options,
                                MPI_Comm comm) {
  *meter = (bl_table_meter){.comm = comm, .options = options};
  if (options->data.file[0] == '\0')
    return bl_options_reject(options, "data.file", "real data, made by beeline import");
  bl_status status = bl_sample_file_open(&meter->real, options->data.file);
  if (status == BL_OK)
    status = bl_dataset_take(&meter->data, &meter->real, meter->real.points ? meter->real.count : BL_TABLE_IMAGES);
  BL_TRY(bl_options_blame(options, "data.file", bl_agree(status, comm)));
  return choose(meter, file);
}

static unsigned what_of(const bl_table_meter *meter) {
  unsigned what = 0;
  for (int i = 0; i < meter->count; i++)
    what |= meter->metrics[i]->what;
  return what;
}

bl_status bl_table_meter_prepare(bl_table_meter *meter, const bl_provenance *provenance) {
  const bl_sample_file *shape = &meter->real;
  const bl_images real = bl_images_of_file(&meter->real);
  return bl_measure_create(&meter->measure, meter->options, what_of(meter), &real, shape->channels, shape->height,
                           shape->width, provenance, meter->comm);
}

bl_status bl_table_meter_read(double *values, bl_measurement *measurement, bl_table_meter *meter, const bl_images *samples,
                              size_t kept, uint64_t seed) {
  BL_TRY(bl_measure_samples(measurement, &meter->measure, what_of(meter), samples, kept, seed));
  for (int i = 0; i < meter->count; i++)
    for (int k = 0; k < measurement->count; k++)
      if (strcmp(measurement->figures[k].variable, meter->metrics[i]->figure) == 0)
        values[i] = measurement->figures[k].value;
  return BL_OK;
}

void bl_table_meter_destroy(bl_table_meter *meter) {
  bl_measure_destroy(&meter->measure);
  bl_dataset_destroy(&meter->data);
  bl_sample_file_close(&meter->real);
}
