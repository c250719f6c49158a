#include "diffusion/chain.h"

#include "base/kernel.h"
#include "base/memory.h"

#include <math.h>

bl_status bl_chain_create(bl_chain *chain, int steps) {
  bl_status status = BL_OK;
  *chain = (bl_chain){.steps = steps};
  BL_GOTO(bl_allocate(&chain->time, (size_t)steps, sizeof *chain->time));
  double **arrays[] = {&chain->alpha_bar, &chain->state,         &chain->noise,
                       &chain->sigma,     &chain->clipped_state, &chain->clipped_origin};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
    BL_GOTO(bl_allocate(arrays[i], (size_t)steps, sizeof **arrays[i]));
done:
  if (status != BL_OK)
    bl_chain_destroy(chain);
  return status;
}

void bl_chain_destroy(bl_chain *chain) {
  bl_free(&chain->time);
  bl_free(&chain->alpha_bar);
  bl_free(&chain->state);
  bl_free(&chain->noise);
  bl_free(&chain->sigma);
  bl_free(&chain->clipped_state);
  bl_free(&chain->clipped_origin);
  chain->steps = 0;
}

void bl_chain_set_step(bl_chain *chain, int step, double time, double alpha_bar, double alpha_bar_next, double sigma) {
  /* Along ε goes what σ leaves of the next state's variance; rounding may leave −1e-17 of it. */
  double along = sqrt(fmax(1.0 - alpha_bar_next - sigma * sigma, 0.0));
  double ratio = sqrt(alpha_bar_next / alpha_bar);
  chain->time[step] = (float)time;
  chain->alpha_bar[step] = alpha_bar;
  chain->sigma[step] = sigma;
  chain->state[step] = ratio;
  chain->noise[step] = along - sqrt(1.0 - alpha_bar) * ratio;
  chain->clipped_state[step] = along / sqrt(1.0 - alpha_bar);
  chain->clipped_origin[step] = sqrt(alpha_bar_next) - along * sqrt(alpha_bar) / sqrt(1.0 - alpha_bar);
}

/* next may be x: element i is read before it is written. */
BL_KERNEL static void step_plain(float *next, const float *x, const float *restrict epsilon, float state, float noise,
                                 size_t count) {
  for (size_t i = 0; i < count; i++)
    next[i] = state * x[i] + noise * epsilon[i];
}

BL_KERNEL static void step_noisy(float *next, const float *x, const float *restrict epsilon, const float *restrict z,
                                 float state, float noise, float sigma, size_t count) {
  for (size_t i = 0; i < count; i++)
    next[i] = state * x[i] + noise * epsilon[i] + sigma * z[i];
}

/* x_0 = (x − root · ε) · inverse, clipped; mean = state · x + origin · x_0. */
BL_KERNEL static void step_clipped(float *next, const float *x, const float *restrict epsilon, float root, float inverse,
                                   float state, float origin, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float guess = (x[i] - root * epsilon[i]) * inverse;
    guess = guess < -1.0F ? -1.0F : guess;
    guess = guess > 1.0F ? 1.0F : guess;
    next[i] = state * x[i] + origin * guess;
  }
}

BL_KERNEL static void add_scaled(float *restrict next, const float *restrict z, float sigma, size_t count) {
  for (size_t i = 0; i < count; i++)
    next[i] += sigma * z[i];
}

void bl_chain_step(float *next, const bl_chain *chain, int step, const float *x, const float *epsilon, const float *z,
                   size_t batch, size_t size) {
  size_t count = batch * size;
  float sigma = (float)chain->sigma[step];
  if (chain->clip) {
    double alpha_bar = chain->alpha_bar[step];
    step_clipped(next, x, epsilon, (float)sqrt(1.0 - alpha_bar), (float)(1.0 / sqrt(alpha_bar)),
                 (float)chain->clipped_state[step], (float)chain->clipped_origin[step], count);
    if (sigma > 0.0F)
      add_scaled(next, z, sigma, count);
    return;
  }
  float state = (float)chain->state[step], noise = (float)chain->noise[step];
  if (sigma > 0.0F)
    step_noisy(next, x, epsilon, z, state, noise, sigma, count);
  else
    step_plain(next, x, epsilon, state, noise, count);
}

enum { LANES = 8 }; /* fixed partial sums, so that the bits do not depend on the width of vectors */

/* Σ (next − mean)² in double: at the last step next − mean is a thousandth of either. */
BL_KERNEL static double squared_distance(const float *restrict x, const float *restrict epsilon, const float *restrict next,
                                         double state, double noise, size_t size) {
  double partial[LANES] = {0.0};
  size_t whole = size - size % LANES;
  for (size_t i = 0; i < whole; i += LANES) {
    for (size_t lane = 0; lane < LANES; lane++) {
      double gap = (double)next[i + lane] - (state * (double)x[i + lane] + noise * (double)epsilon[i + lane]);
      partial[lane] += gap * gap;
    }
  }
  for (size_t i = whole; i < size; i++) {
    double gap = (double)next[i] - (state * (double)x[i] + noise * (double)epsilon[i]);
    partial[i - whole] += gap * gap;
  }
  double sum = 0.0;
  for (size_t lane = 0; lane < LANES; lane++)
    sum += partial[lane];
  return sum;
}

void bl_chain_log_density(double *log_density, const bl_chain *chain, const int *step, const float *x, const float *epsilon,
                          const float *next, size_t batch, size_t size, bool mean) {
  const double half_log_two_pi = 0.91893853320467274178;
  for (size_t b = 0; b < batch; b++) {
    int i = step[b];
    double sigma = chain->sigma[i];
    double distance =
        squared_distance(x + b * size, epsilon + b * size, next + b * size, chain->state[i], chain->noise[i], size);
    double sum = -distance / (2.0 * sigma * sigma) - (double)size * (log(sigma) + half_log_two_pi);
    log_density[b] = mean ? sum / (double)size : sum;
  }
}

BL_KERNEL static void density_gradient(float *restrict d_epsilon, const float *restrict x, const float *restrict epsilon,
                                       const float *restrict next, double state, double noise, double factor, size_t size) {
  for (size_t i = 0; i < size; i++)
    d_epsilon[i] = (float)(factor * ((double)next[i] - (state * (double)x[i] + noise * (double)epsilon[i])));
}

void bl_chain_log_density_gradient(float *d_epsilon, const bl_chain *chain, const int *step, const float *x,
                                   const float *epsilon, const float *next, const double *weight, size_t batch, size_t size,
                                   bool mean) {
  for (size_t b = 0; b < batch; b++) {
    int i = step[b];
    double factor = weight[b] * chain->noise[i] / (chain->sigma[i] * chain->sigma[i]);
    if (mean)
      factor /= (double)size;
    density_gradient(d_epsilon + b * size, x + b * size, epsilon + b * size, next + b * size, chain->state[i],
                     chain->noise[i], factor, size);
  }
}
