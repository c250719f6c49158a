#include "base/memory.h"
#include "base/print.h"
#include "programs/inspect.h"
#include "store/dataset.h"

#include <stdio.h>
#include <string.h>

/* Mean and deviation of channel \a channel, or of coordinate \a channel of points. */
static void add_channel(bl_summary *summary, const bl_dataset *dataset, int channel) {
  const size_t plane = (size_t)dataset->height * (size_t)dataset->width, size = bl_dataset_sample_size(dataset);
  for (size_t i = 0; i < dataset->count; i++)
    for (size_t k = 0; k < plane; k++) {
      const size_t index = i * size + (size_t)channel * plane + k;
      const double value = dataset->points != NULL ? (double)dataset->points[index] : (double)dataset->pixels[index];
      bl_summary_add(summary, &value, 1);
    }
}

static bl_status show_classes(const bl_dataset *dataset) {
  enum { SHOWN = 32 };
  size_t *counts;
  BL_TRY(bl_allocate(&counts, (size_t)dataset->classes, sizeof *counts));
  for (size_t i = 0; i < dataset->count; i++)
    counts[dataset->labels[i]]++;
  bl_print("\n  class  samples  name\n");
  for (int class = 0; class < dataset->classes && class < SHOWN; class ++)
    bl_print("  %5d  %7zu  %s\n", class, counts[class], dataset->class_names != NULL ? dataset->class_names[class] : "");
  if (dataset->classes > SHOWN)
    bl_print("  ... %d classes more\n", dataset->classes - SHOWN);
  bl_free(&counts);
  return BL_OK;
}

bl_status bl_inspect_dataset(const char *path) {
  enum { SHOWN = 16 };
  bl_dataset dataset;
  BL_TRY(bl_dataset_read(&dataset, path));
  if (dataset.points != NULL)
    bl_print("  %zu points of %d dimensions\n", dataset.count, dataset.channels);
  else
    bl_print("  %zu images, %d pixels high, %d wide, %d channel%s (%s)\n", dataset.count, dataset.height, dataset.width,
             dataset.channels, dataset.channels == 1 ? "" : "s",
             dataset.channels == 1   ? "grey"
             : dataset.channels == 3 ? "red, green, blue"
                                     : "of other colours");
  bl_print("\n  %-10s %12s %12s %12s %12s\n", dataset.points != NULL ? "coordinate" : "channel", "mean", "deviation",
           "least", "most");
  for (int c = 0; c < dataset.channels && c < SHOWN; c++) {
    bl_summary summary = {0};
    add_channel(&summary, &dataset, c);
    bl_print("  %-10d %12.6g %12.6g %12.6g %12.6g%s\n", c, bl_summary_mean(&summary), bl_summary_deviation(&summary),
             summary.least, summary.most, summary.not_finite > 0 ? "  WARNING: values that are not finite" : "");
  }
  if (dataset.channels > SHOWN)
    bl_print("  ... %d more\n", dataset.channels - SHOWN);
  bl_status status = BL_OK;
  if (dataset.labels != NULL)
    status = show_classes(&dataset);
  bl_dataset_destroy(&dataset);
  return status;
}
