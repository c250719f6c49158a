#include "metrics/figures.h"

#include "metrics/kernel_distance.h"
#include "metrics/neighbours.h"
#include "metrics/score.h"

#include <stdio.h>

bool bl_figures_wanted(const bl_options *options) {
  const bl_options_metrics *metrics = &options->metrics;
  return metrics->score || bl_figures_compare(options);
}

bool bl_figures_compare(const bl_options *options) {
  return options->metrics.kid || options->metrics.neighbours > 0;
}

bl_figure *bl_figures_add(bl_figure figures[BL_FIGURES_MAX], int *count, const char *variable, const char *label,
                          const char *units) {
  bl_figure *added = &figures[(*count)++];
  *added = (bl_figure){.variable = variable, .long_name = label, .label = label, .units = units, .factor = 1};
  return added;
}

/* Tables show it times 1000, as papers do. */
static bl_status measure_kid(bl_figure *kid, const bl_feature_set *samples, const bl_feature_set *real, MPI_Comm comm) {
  bl_kernel_distance distance;
  char error[128] = "one block, so its error is not known";
  BL_TRY(bl_kernel_distance_compute(&distance, samples, real, comm));
  kid->long_name = "kernel distance (KID), unbiased, not times 1000";
  kid->value = distance.mean;
  kid->factor = 1000;
  if (distance.blocks > 1)
    snprintf(error, sizeof error, "+- %.2g (times 1000 too; standard error over %zu subsets of 1024)",
             1000 * distance.error, distance.blocks);
  snprintf(kid->note, sizeof kid->note, "%s; the first %zu samples, %zu real images%s", error, samples->count, real->count,
           distance.mean < 0 ? "; below 0, as an unbiased estimate near 0 may be" : "");
  return BL_OK;
}

static bl_status measure_pairs(bl_figure *figures, int *count, const bl_options *options, const bl_feature_set *samples,
                               const bl_feature_set *real, MPI_Comm comm) {
  const int neighbours = options->metrics.neighbours;
  if (options->metrics.kid)
    BL_TRY(measure_kid(bl_figures_add(figures, count, "kid", "KID x 1000", "1"), samples, real, comm));
  if (neighbours == 0)
    return BL_OK;
  bl_neighbours shares;
  BL_TRY(bl_options_blame(options, "metrics.neighbours", bl_neighbours_compute(&shares, samples, real, neighbours, comm)));
  const char *const names[4] = {"precision", "recall", "density", "coverage"};
  const double values[4] = {shares.precision, shares.recall, shares.density, shares.coverage};
  for (int i = 0; i < 4; i++) {
    bl_figure *share = bl_figures_add(figures, count, names[i], names[i], "1");
    share->value = values[i];
    snprintf(share->note, sizeof share->note, "%d nearest neighbours; the first %zu samples, %zu real images", neighbours,
             samples->count, real->count);
  }
  return BL_OK;
}

bl_status bl_figures_measure(bl_figure figures[BL_FIGURES_MAX], int *count, const bl_options *options,
                             const bl_features *features, const bl_feature_set *samples, const bl_feature_set *real,
                             MPI_Comm comm) {
  if (bl_figures_compare(options))
    BL_TRY(measure_pairs(figures, count, options, samples, real, comm));
  if (!options->metrics.score)
    return BL_OK;
  bl_figure *score = bl_figures_add(figures, count, "score", "score of classes", "1");
  snprintf(score->note, sizeof score->note, "1 to %d; the first %zu samples", bl_features_classes(features),
           samples->count);
  return bl_score_compute(&score->value, features, samples, comm);
}
