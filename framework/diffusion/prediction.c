#include "diffusion/prediction.h"

#include "base/kernel.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {[BL_PREDICTION_EPSILON] = "epsilon", [BL_PREDICTION_X] = "x", [BL_PREDICTION_V] = "v"};

enum { PREDICTIONS = sizeof names / sizeof names[0] };

const char *bl_prediction_name(bl_prediction prediction) {
  return names[prediction];
}

bl_status bl_prediction_parse(bl_prediction *prediction, const char *name) {
  for (int i = 0; i < PREDICTIONS; i++)
    if (strcmp(name, names[i]) == 0) {
      *prediction = (bl_prediction)i;
      return BL_OK;
    }
  return bl_fail(BL_ERROR_USAGE, "the prediction is \"%s\", expected epsilon, x or v", name);
}

/* result = of_z · z + of_output · output, in double, since at the noisy end of a schedule 1 / α is above 100. */
BL_KERNEL static void combine(float *result, const float *z, const float *output, double of_z, double of_output,
                              size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    result[i] = (float)(of_z * (double)z[i] + of_output * (double)output[i]);
}

void bl_prediction_x(float *x, bl_prediction prediction, const float *output, const float *z, double alpha_bar,
                     size_t count) {
  const double alpha = sqrt(alpha_bar), slope = bl_prediction_slope(prediction, alpha_bar);
  const double of_z[PREDICTIONS] = {[BL_PREDICTION_EPSILON] = 1.0 / alpha, [BL_PREDICTION_V] = alpha};
  combine(x, z, output, of_z[prediction], slope, count);
}

void bl_prediction_epsilon(float *epsilon, bl_prediction prediction, const float *output, const float *z, double alpha_bar,
                           size_t count) {
  const double alpha = sqrt(alpha_bar), sigma = sqrt(1.0 - alpha_bar);
  const double of_z[PREDICTIONS] = {[BL_PREDICTION_X] = 1.0 / sigma, [BL_PREDICTION_V] = sigma};
  const double of_output[PREDICTIONS] = {
      [BL_PREDICTION_EPSILON] = 1.0, [BL_PREDICTION_X] = -alpha / sigma, [BL_PREDICTION_V] = alpha};
  combine(epsilon, z, output, of_z[prediction], of_output[prediction], count);
}

double bl_prediction_slope(bl_prediction prediction, double alpha_bar) {
  const double alpha = sqrt(alpha_bar), sigma = sqrt(1.0 - alpha_bar);
  const double slope[PREDICTIONS] = {
      [BL_PREDICTION_EPSILON] = -sigma / alpha, [BL_PREDICTION_X] = 1.0, [BL_PREDICTION_V] = -sigma};
  return slope[prediction];
}
