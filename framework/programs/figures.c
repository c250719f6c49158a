#include "programs/figures.h"

#include "metrics/kernel_distance.h"
#include "metrics/neighbours.h"
#include "metrics/score.h"

#include <stdio.h>

bool bl_figures_wanted(const bl_options *options) {
  const bl_options_metrics *metrics = &options->metrics;
  return metrics->kid || metrics->score || metrics->neighbours > 0;
}

static bl_figure *add(bl_figure *figures, int *count, const char *variable, const char *label, double value) {
  bl_figure *added = &figures[(*count)++];
  *added = (bl_figure){.variable = variable, .label = label, .units = "1", .value = value};
  return added;
}

static bl_status measure_pairs(bl_figure *figures, int *count, const bl_options *options, const bl_feature_set *samples,
                               const bl_feature_set *real, MPI_Comm comm) {
  const int neighbours = options->metrics.neighbours;
  if (options->metrics.kid) {
    bl_kernel_distance distance;
    BL_TRY(bl_kernel_distance_compute(&distance, samples, real, comm));
    bl_figure *kid = add(figures, count, "kid", "KID", distance.mean);
    char error[80] = "one block, so its error is not known";
    if (distance.blocks > 1)
      snprintf(error, sizeof error, "standard error %.2g, %zu blocks", distance.error, distance.blocks);
    snprintf(kid->note, sizeof kid->note, "%s; the first %zu samples, %zu real images", error, samples->count, real->count);
  }
  if (neighbours == 0)
    return BL_OK;
  bl_neighbours shares;
  BL_TRY(bl_options_blame(options, "metrics.neighbours", bl_neighbours_compute(&shares, samples, real, neighbours, comm)));
  const char *const names[4] = {"precision", "recall", "density", "coverage"};
  const double values[4] = {shares.precision, shares.recall, shares.density, shares.coverage};
  for (int i = 0; i < 4; i++) {
    bl_figure *share = add(figures, count, names[i], names[i], values[i]);
    snprintf(share->note, sizeof share->note, "%d nearest neighbours; the first %zu samples, %zu real images", neighbours,
             samples->count, real->count);
  }
  return BL_OK;
}

bl_status bl_figures_measure(bl_figure figures[BL_FIGURES_MAX], int *count, const bl_options *options,
                             bl_features *features, const bl_images *samples, const bl_images *real, MPI_Comm comm) {
  const bl_options_metrics *metrics = &options->metrics;
  const size_t subset = (size_t)metrics->subset;
  bl_feature_set kept[2] = {{0}};
  bl_status status = BL_OK;
  if (!bl_figures_wanted(options))
    return BL_OK;
  BL_GOTO(bl_feature_set_collect(&kept[0], features, samples, subset, comm));
  if (metrics->kid || metrics->neighbours > 0) {
    BL_GOTO(bl_feature_set_collect(&kept[1], features, real, subset, comm));
    BL_GOTO(measure_pairs(figures, count, options, &kept[0], &kept[1], comm));
  }
  if (metrics->score) {
    bl_figure *score = add(figures, count, "score", "score of classes", 0.0);
    snprintf(score->note, sizeof score->note, "1 to %d; the first %zu samples", bl_features_classes(features),
             kept[0].count);
    status = bl_score_compute(&score->value, features, &kept[0], comm);
  }
done:
  bl_feature_set_destroy(&kept[0]);
  bl_feature_set_destroy(&kept[1]);
  return status;
}
