#include "learner/optimiser.h"

#include "base/kernel.h"
#include "base/memory.h"

#include <math.h>

bl_status bl_optimiser_create(bl_optimiser *optimiser, size_t count, bl_optimiser_settings settings) {
  bl_optimiser made = {.settings = settings, .count = count};
  bl_status status = BL_OK;
  if (settings.kind == BL_OPTIMISER_ADAM)
    BL_GOTO(bl_allocate(&made.first, count, sizeof *made.first));
  BL_GOTO(bl_allocate(&made.second, count, sizeof *made.second));
  if (settings.start_decay > 0.0)
    BL_GOTO(bl_allocate(&made.start, count, sizeof *made.start));
done:
  if (status != BL_OK)
    bl_optimiser_destroy(&made);
  *optimiser = made;
  return status;
}

void bl_optimiser_destroy(bl_optimiser *optimiser) {
  bl_free(&optimiser->first);
  bl_free(&optimiser->second);
  bl_free(&optimiser->start);
  optimiser->count = 0;
  optimiser->steps = 0;
}

/* Scalars of a step are computed in double precision and rounded once, as PyTorch does. */

/* Kingma & Ba 2015 (algorithm 1) with PyTorch's placement of epsilon:
 * values −= rate / (1 − β1ⁿ) · m / (√v / √(1 − β2ⁿ) + ε). */
BL_KERNEL static void adam_step(float *restrict values, float *restrict first, float *restrict second,
                                const float *restrict gradient, size_t count, const bl_optimiser_settings *settings,
                                int64_t steps, double rate, float scale) {
  float decay1 = (float)settings->beta1, fresh1 = (float)(1.0 - settings->beta1);
  float decay2 = (float)settings->beta2, fresh2 = (float)(1.0 - settings->beta2);
  float step_size = (float)(rate / (1.0 - pow(settings->beta1, (double)steps)));
  float correction = (float)sqrt(1.0 - pow(settings->beta2, (double)steps));
  float epsilon = (float)settings->epsilon;
  float keep = (float)(1.0 - rate * settings->weight_decay);
  for (size_t i = 0; i < count; i++) {
    float g = gradient[i] * scale;
    first[i] = first[i] * decay1 + fresh1 * g;
    second[i] = second[i] * decay2 + fresh2 * g * g;
    values[i] = values[i] * keep - step_size * (first[i] / (sqrtf(second[i]) / correction + epsilon));
  }
}

/* Tieleman & Hinton 2012, PyTorch's placement of epsilon: values −= rate · g / (√v + ε). */
BL_KERNEL static void rmsprop_step(float *restrict values, float *restrict second, const float *restrict gradient,
                                   size_t count, const bl_optimiser_settings *settings, double rate, float scale) {
  float decay = (float)settings->beta2, fresh = (float)(1.0 - settings->beta2);
  float epsilon = (float)settings->epsilon;
  float step_size = (float)rate;
  float keep = (float)(1.0 - rate * settings->weight_decay);
  for (size_t i = 0; i < count; i++) {
    float g = gradient[i] * scale;
    second[i] = second[i] * decay + fresh * g * g;
    values[i] = values[i] * keep - step_size * (g / (sqrtf(second[i]) + epsilon));
  }
}

BL_KERNEL static void draw_back(float *restrict values, const float *restrict start, size_t count, float share) {
  for (size_t i = 0; i < count; i++)
    values[i] -= share * (values[i] - start[i]);
}

void bl_optimiser_step(bl_optimiser *optimiser, float *values, const float *gradient, double rate, double scale) {
  optimiser->steps++;
  if (optimiser->start)
    draw_back(values, optimiser->start, optimiser->count, (float)(rate * optimiser->settings.start_decay));
  if (optimiser->settings.kind == BL_OPTIMISER_ADAM)
    adam_step(values, optimiser->first, optimiser->second, gradient, optimiser->count, &optimiser->settings,
              optimiser->steps, rate, (float)scale);
  else
    rmsprop_step(values, optimiser->second, gradient, optimiser->count, &optimiser->settings, rate, (float)scale);
}

double bl_clip_scale(double norm, double limit) {
  if (!(limit > 0.0))
    return 1.0;
  double scale = limit / (norm + 1e-6);
  return scale < 1.0 ? scale : 1.0;
}

/* The form a + (1 − d)(v − a): with d and 1 − d rounded apart, their sum would not be one, and an average over 1 / (1 − d)
 * steps would be off by up to 3e-4 at d = 0.9999. */
double bl_moving_average_decay(double decay, int64_t steps) {
  return fmin(decay, (1.0 + (double)steps) / (10.0 + (double)steps));
}

BL_KERNEL void bl_moving_average_step(float *average, const float *values, size_t count, double decay) {
  float fresh = (float)(1.0 - decay);
  for (size_t i = 0; i < count; i++)
    average[i] += fresh * (values[i] - average[i]);
}
