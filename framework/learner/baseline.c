#include "learner/baseline.h"

#include <float.h>

enum { COST, PREDICTED, COST_PREDICTED, PREDICTED_PREDICTED };

void bl_baseline_moments(double *moments, double cost, double predicted) {
  moments[COST] = cost;
  moments[PREDICTED] = predicted;
  moments[COST_PREDICTED] = cost * predicted;
  moments[PREDICTED_PREDICTED] = predicted * predicted;
}

bl_baseline bl_baseline_fit(const double *means) {
  const double covariance = means[COST_PREDICTED] - means[COST] * means[PREDICTED];
  const double square = means[PREDICTED_PREDICTED], variance = square - means[PREDICTED] * means[PREDICTED];
  return (bl_baseline){.mean_cost = means[COST],
                       .mean_predicted = means[PREDICTED],
                       .slope = variance > 64 * DBL_EPSILON * square ? covariance / variance : 0};
}

double bl_baseline_residual(const bl_baseline *baseline, double cost, double predicted) {
  return cost - baseline->mean_cost - baseline->slope * (predicted - baseline->mean_predicted);
}
