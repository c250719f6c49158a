#include "diffusion/prediction.h"

#include "base/kernel.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {[BL_PREDICTION_EPSILON] = "epsilon",
                                    [BL_PREDICTION_X] = "x",
                                    [BL_PREDICTION_V] = "v",
                                    [BL_PREDICTION_VELOCITY] = "velocity"};

bl_process bl_process_of(double alpha_bar) {
  return (bl_process){.alpha = sqrt(alpha_bar), .sigma = sqrt(1.0 - alpha_bar)};
}

const char *bl_prediction_name(bl_prediction prediction) {
  return names[prediction];
}

bl_status bl_prediction_parse(bl_prediction *prediction, const char *name) {
  for (int i = 0; i < BL_PREDICTIONS; i++)
    if (strcmp(name, names[i]) == 0) {
      *prediction = (bl_prediction)i;
      return BL_OK;
    }
  return bl_fail(BL_ERROR_USAGE, "the prediction is \"%s\", expected epsilon, x, v or velocity", name);
}

/* A prediction is of_x · x + of_epsilon · ε. */
typedef struct mixture {
  double of_x, of_epsilon;
} mixture;

static mixture mixture_of(bl_prediction prediction, bl_process process) {
  const mixture table[] = {[BL_PREDICTION_EPSILON] = {0.0, 1.0},
                           [BL_PREDICTION_X] = {1.0, 0.0},
                           [BL_PREDICTION_V] = {-process.sigma, process.alpha},
                           [BL_PREDICTION_VELOCITY] = {-1.0, 1.0}};
  return table[prediction];
}

/* The determinant of (z, y) by (x, ε). That of v is α² + σ², which is meant to be 1 where it is so up to rounding. */
static double determinant(mixture y, bl_process process) {
  const double value = process.alpha * y.of_epsilon - process.sigma * y.of_x;
  return fabs(value - 1.0) < 1e-14 ? 1.0 : value;
}

bl_prediction_origin bl_prediction_find_origin(bl_prediction prediction, bl_process process) {
  const mixture y = mixture_of(prediction, process);
  return (bl_prediction_origin){.state = y.of_epsilon, .output = process.sigma, .divisor = determinant(y, process)};
}

bl_prediction_noise bl_prediction_find_noise(bl_prediction prediction, bl_process process) {
  const mixture y = mixture_of(prediction, process);
  const double divisor = determinant(y, process);
  if (prediction == BL_PREDICTION_EPSILON) /* also where α is 0 */
    return (bl_prediction_noise){.state = 0.0, .output = 1.0};
  return (bl_prediction_noise){.state = -y.of_x / divisor, .output = process.alpha / divisor};
}

/* result = of_z · z + of_output · output, in double, since at the noisy end of a schedule 1 / α is above 100. */
BL_KERNEL static void combine(float *result, const float *z, const float *output, double of_z, double of_output,
                              size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    result[i] = (float)(of_z * (double)z[i] + of_output * (double)output[i]);
}

void bl_prediction_x(float *x, bl_prediction prediction, const float *output, const float *z, bl_process process,
                     size_t count) {
  const bl_prediction_origin origin = bl_prediction_find_origin(prediction, process);
  combine(x, z, output, origin.state / origin.divisor, -origin.output / origin.divisor, count);
}

void bl_prediction_epsilon(float *epsilon, bl_prediction prediction, const float *output, const float *z,
                           bl_process process, size_t count) {
  const bl_prediction_noise noise = bl_prediction_find_noise(prediction, process);
  combine(epsilon, z, output, noise.state, noise.output, count);
}

double bl_prediction_slope(bl_prediction prediction, bl_process process) {
  const bl_prediction_origin origin = bl_prediction_find_origin(prediction, process);
  return -origin.output / origin.divisor;
}
