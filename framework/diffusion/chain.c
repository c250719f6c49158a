#include "diffusion/chain.h"

#include "base/kernel.h"
#include "base/memory.h"

#include <math.h>

bl_status bl_chain_create(bl_chain *chain, int steps) {
  return bl_chain_create_deep(chain, steps, 0);
}

bl_status bl_chain_create_deep(bl_chain *chain, int steps, int depth) {
  bl_status status = BL_OK;
  *chain = (bl_chain){.steps = steps, .depth = depth};
  BL_GOTO(bl_allocate(&chain->time, (size_t)steps, sizeof *chain->time));
  double **arrays[] = {&chain->alpha_bar, &chain->state,         &chain->noise,
                       &chain->sigma,     &chain->clipped_state, &chain->clipped_origin};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
    BL_GOTO(bl_allocate(arrays[i], (size_t)steps, sizeof **arrays[i]));
  if (depth > 0)
    BL_GOTO(bl_allocate(&chain->past, (size_t)steps * (size_t)depth, sizeof *chain->past));
done:
  if (status != BL_OK)
    bl_chain_destroy(chain);
  return status;
}

bl_status bl_chain_attach_head(bl_chain *chain, bl_head head, double limit) {
  const int last = chain->steps - 1;
  BL_TRY(bl_allocate(&chain->drawn, (size_t)chain->steps, sizeof *chain->drawn));
  chain->head = head;
  for (int i = 0; i <= last; i++) {
    const bool limited = i == last - 1 && limit > 0.0;
    chain->drawn[i] = (bl_head_step){.alpha_bar = chain->alpha_bar[i],
                                     .own = chain->sigma[i] * chain->sigma[i],
                                     .share = chain->clipped_origin[i],
                                     .limit = limited ? limit : INFINITY};
    chain->sigma[i] = i < last ? 1.0 : 0.0;
  }
  return BL_OK;
}

void bl_chain_destroy(bl_chain *chain) {
  bl_free(&chain->time);
  bl_free(&chain->alpha_bar);
  bl_free(&chain->state);
  bl_free(&chain->noise);
  bl_free(&chain->sigma);
  bl_free(&chain->clipped_state);
  bl_free(&chain->clipped_origin);
  bl_free(&chain->past);
  bl_free(&chain->drawn);
  chain->steps = chain->depth = 0;
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

void bl_chain_begin_step(bl_chain *chain, int step, double time, double alpha_bar) {
  chain->time[step] = (float)time;
  chain->alpha_bar[step] = alpha_bar;
  chain->sigma[step] = chain->state[step] = chain->noise[step] = 0.0;
  chain->clipped_state[step] = chain->clipped_origin[step] = 0.0;
  for (int d = 0; d < chain->depth; d++)
    chain->past[step * chain->depth + d] = (bl_chain_term){0};
}

static void add_term(bl_chain *chain, int step, int back, bl_chain_term term) {
  if (back > 0) {
    bl_chain_term *past = &chain->past[step * chain->depth + back - 1];
    past->state += term.state;
    past->noise += term.noise;
    past->clipped_state += term.clipped_state;
    past->clipped_origin += term.clipped_origin;
  } else {
    chain->state[step] += term.state;
    chain->noise[step] += term.noise;
    chain->clipped_state[step] += term.clipped_state;
    chain->clipped_origin[step] += term.clipped_origin;
  }
}

void bl_chain_add(bl_chain *chain, int step, int back, double state, double noise) {
  double signal = sqrt(chain->alpha_bar[step - back]), root = sqrt(1.0 - chain->alpha_bar[step - back]);
  add_term(chain, step, back, (bl_chain_term){state, noise, state + noise / root, -noise * signal / root});
}

void bl_chain_add_origin(bl_chain *chain, int step, int back, double weight) {
  double signal = sqrt(chain->alpha_bar[step - back]), root = sqrt(1.0 - chain->alpha_bar[step - back]);
  add_term(chain, step, back, (bl_chain_term){weight / signal, -weight * root / signal, 0.0, weight});
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

/* ε becomes x_0 = (x − root · ε) · inverse, clipped. */
BL_KERNEL static void clip_origin(float *restrict epsilon, const float *restrict x, float root, float inverse,
                                  size_t count) {
  for (size_t i = 0; i < count; i++) {
    float guess = (x[i] - root * epsilon[i]) * inverse;
    guess = guess < -1.0F ? -1.0F : guess;
    epsilon[i] = guess > 1.0F ? 1.0F : guess;
  }
}

enum { TILE = 128 };

/* What is seen and its factor. */
typedef struct part {
  const float *values;
  double factor;
} part;

/* next = Σ factor · values over \a parts, in double, since factors of opposite sign cancel; next may be one of them. */
BL_KERNEL static void combine(float *next, const part *parts, int part_count, size_t count) {
  for (size_t first = 0; first < count; first += TILE) {
    const size_t length = count - first < TILE ? count - first : TILE;
    double sum[TILE] = {0.0};
    for (int k = 0; k < part_count; k++) {
      const float *values = parts[k].values + first;
      const double factor = parts[k].factor;
      for (size_t i = 0; i < length; i++)
        sum[i] += factor * (double)values[i];
    }
    for (size_t i = 0; i < length; i++)
      next[first + i] = (float)sum[i];
  }
}

static int add_part(part *parts, int count, const float *values, double factor) {
  if (factor == 0.0) /* not only in vain: before the first step there are no values */
    return count;
  parts[count] = (part){values, factor};
  return count + 1;
}

void bl_chain_advance(float *next, const bl_chain *chain, int step, const float *const *x, float *const *prediction,
                      const float *z, size_t batch, size_t size) {
  if (chain->depth == 0) {
    bl_chain_step(next, chain, step, x[0], prediction[0], z, batch, size);
    return;
  }
  part parts[2 * BL_CHAIN_DEPTH + 3];
  int count = 0;
  const bool clip = chain->clip;
  if (clip) {
    double alpha_bar = chain->alpha_bar[step];
    clip_origin(prediction[0], x[0], (float)sqrt(1.0 - alpha_bar), (float)(1.0 / sqrt(alpha_bar)), batch * size);
  }
  count = add_part(parts, count, x[0], clip ? chain->clipped_state[step] : chain->state[step]);
  count = add_part(parts, count, prediction[0], clip ? chain->clipped_origin[step] : chain->noise[step]);
  for (int d = 0; d < chain->depth; d++) {
    const bl_chain_term *term = &chain->past[step * chain->depth + d];
    count = add_part(parts, count, x[d + 1], clip ? term->clipped_state : term->state);
    count = add_part(parts, count, prediction[d + 1], clip ? term->clipped_origin : term->noise);
  }
  count = add_part(parts, count, z, chain->sigma[step]);
  combine(next, parts, count, batch * size);
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
