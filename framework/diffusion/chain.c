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
  BL_GOTO(bl_allocate(&chain->process, (size_t)steps, sizeof *chain->process));
  double **arrays[] = {&chain->state, &chain->output, &chain->sigma, &chain->clipped_state, &chain->clipped_origin};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
    BL_GOTO(bl_allocate(arrays[i], (size_t)steps, sizeof **arrays[i]));
  if (depth > 0)
    BL_GOTO(bl_allocate(&chain->past, (size_t)steps * (size_t)depth, sizeof *chain->past));
done:
  if (status != BL_OK)
    bl_chain_destroy(chain);
  return status;
}

/* From state · x + factor · ε, of a step at \a process, to state · x + factor · y. */
static void convert(double *state, double *factor, bl_prediction prediction, bl_process process) {
  if (prediction == BL_PREDICTION_EPSILON || *factor == 0.0)
    return;
  const bl_prediction_noise noise = bl_prediction_find_noise(prediction, process);
  *state += *factor * noise.state;
  *factor *= noise.output;
}

void bl_chain_set_prediction(bl_chain *chain, bl_prediction prediction) {
  chain->prediction = prediction;
  for (int i = 0; i < chain->steps; i++) {
    convert(&chain->state[i], &chain->output[i], prediction, chain->process[i]);
    for (int d = 1; d <= chain->depth && d <= i; d++) {
      bl_chain_term *past = &chain->past[i * chain->depth + d - 1];
      convert(&past->state, &past->output, prediction, chain->process[i - d]);
    }
  }
}

double bl_chain_noise_factor(const bl_chain *chain, int step) {
  return chain->output[step] / bl_prediction_find_noise(chain->prediction, chain->process[step]).output;
}

bl_status bl_chain_attach_head(bl_chain *chain, const bl_schedule *schedule, bl_head head, double limit) {
  const int last = chain->steps - 1;
  BL_TRY(bl_allocate(&chain->drawn, (size_t)chain->steps, sizeof *chain->drawn));
  chain->head = head;
  for (int i = 0; i <= last; i++) {
    const bool limited = i == last - 1 && limit > 0.0;
    chain->drawn[i] = (bl_head_step){.alpha_bar = schedule->alpha_bar[(int)chain->time[i]],
                                     .own = chain->sigma[i] * chain->sigma[i],
                                     .share = chain->clipped_origin[i],
                                     .limit = limited ? limit : INFINITY};
    chain->sigma[i] = i < last ? 1.0 : 0.0;
  }
  return BL_OK;
}

void bl_chain_destroy(bl_chain *chain) {
  bl_free(&chain->time);
  bl_free(&chain->process);
  bl_free(&chain->state);
  bl_free(&chain->output);
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
  chain->process[step] = bl_process_of(alpha_bar);
  chain->sigma[step] = sigma;
  chain->state[step] = ratio;
  chain->output[step] = along - sqrt(1.0 - alpha_bar) * ratio;
  convert(&chain->state[step], &chain->output[step], chain->prediction, chain->process[step]);
  chain->clipped_state[step] = along / sqrt(1.0 - alpha_bar);
  chain->clipped_origin[step] = sqrt(alpha_bar_next) - along * sqrt(alpha_bar) / sqrt(1.0 - alpha_bar);
}

void bl_chain_set_process_step(bl_chain *chain, int step, double time, bl_process here, bl_process next, double sigma) {
  const double along = sqrt(fmax(next.sigma * next.sigma - sigma * sigma, 0.0));
  const bl_prediction_origin origin = bl_prediction_find_origin(chain->prediction, here);
  const bl_prediction_noise noise = bl_prediction_find_noise(chain->prediction, here);
  chain->time[step] = (float)time;
  chain->process[step] = here;
  chain->sigma[step] = sigma;
  chain->state[step] = next.alpha * origin.state / origin.divisor + along * noise.state;
  chain->output[step] = along * noise.output - next.alpha * origin.output / origin.divisor;
  chain->clipped_state[step] = along / here.sigma;
  chain->clipped_origin[step] = next.alpha - along * here.alpha / here.sigma;
}

void bl_chain_begin_step(bl_chain *chain, int step, double time, double alpha_bar) {
  chain->time[step] = (float)time;
  chain->process[step] = bl_process_of(alpha_bar);
  chain->sigma[step] = chain->state[step] = chain->output[step] = 0.0;
  chain->clipped_state[step] = chain->clipped_origin[step] = 0.0;
  for (int d = 0; d < chain->depth; d++)
    chain->past[step * chain->depth + d] = (bl_chain_term){0};
}

static void add_term(bl_chain *chain, int step, int back, bl_chain_term term) {
  if (back > 0) {
    bl_chain_term *past = &chain->past[step * chain->depth + back - 1];
    past->state += term.state;
    past->output += term.output;
    past->clipped_state += term.clipped_state;
    past->clipped_origin += term.clipped_origin;
  } else {
    chain->state[step] += term.state;
    chain->output[step] += term.output;
    chain->clipped_state[step] += term.clipped_state;
    chain->clipped_origin[step] += term.clipped_origin;
  }
}

void bl_chain_add(bl_chain *chain, int step, int back, double state, double noise) {
  const bl_process process = chain->process[step - back];
  bl_chain_term term = {state, noise, state + noise / process.sigma, -noise * process.alpha / process.sigma};
  convert(&term.state, &term.output, chain->prediction, process);
  add_term(chain, step, back, term);
}

void bl_chain_add_origin(bl_chain *chain, int step, int back, double weight) {
  const bl_prediction_origin origin = bl_prediction_find_origin(chain->prediction, chain->process[step - back]);
  add_term(chain, step, back,
           (bl_chain_term){weight * origin.state / origin.divisor, -weight * origin.output / origin.divisor, 0.0, weight});
}

/* next may be x: element i is read before it is written. */
BL_KERNEL static void step_plain(float *next, const float *x, const float *restrict output, float state, float factor,
                                 size_t count) {
  for (size_t i = 0; i < count; i++)
    next[i] = state * x[i] + factor * output[i];
}

BL_KERNEL static void step_noisy(float *next, const float *x, const float *restrict output, const float *restrict z,
                                 float state, float factor, float sigma, size_t count) {
  for (size_t i = 0; i < count; i++)
    next[i] = state * x[i] + factor * output[i] + sigma * z[i];
}

/* How x_0 follows from x and the network's output y: (of_x · x − of_y · y) · inverse. */
typedef struct guess_factors {
  float of_x, of_y, inverse;
} guess_factors;

static guess_factors guess_of(const bl_chain *chain, int step) {
  const bl_prediction_origin origin = bl_prediction_find_origin(chain->prediction, chain->process[step]);
  return (guess_factors){(float)origin.state, (float)origin.output, (float)(1.0 / origin.divisor)};
}

/* x_0 is clipped; mean = state · x + origin · x_0. */
BL_KERNEL static void step_clipped(float *next, const float *x, const float *restrict output, guess_factors g, float state,
                                   float origin, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float guess = (g.of_x * x[i] - g.of_y * output[i]) * g.inverse;
    guess = guess < -1.0F ? -1.0F : guess;
    guess = guess > 1.0F ? 1.0F : guess;
    next[i] = state * x[i] + origin * guess;
  }
}

BL_KERNEL static void add_scaled(float *restrict next, const float *restrict z, float sigma, size_t count) {
  for (size_t i = 0; i < count; i++)
    next[i] += sigma * z[i];
}

void bl_chain_step(float *next, const bl_chain *chain, int step, const float *x, const float *output, const float *z,
                   size_t batch, size_t size) {
  size_t count = batch * size;
  float sigma = (float)chain->sigma[step];
  if (chain->clip) {
    step_clipped(next, x, output, guess_of(chain, step), (float)chain->clipped_state[step],
                 (float)chain->clipped_origin[step], count);
    if (sigma > 0.0F)
      add_scaled(next, z, sigma, count);
    return;
  }
  float state = (float)chain->state[step], factor = (float)chain->output[step];
  if (sigma > 0.0F)
    step_noisy(next, x, output, z, state, factor, sigma, count);
  else
    step_plain(next, x, output, state, factor, count);
}

/* The output becomes x_0, clipped. */
BL_KERNEL static void clip_origin(float *restrict output, const float *restrict x, guess_factors g, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float guess = (g.of_x * x[i] - g.of_y * output[i]) * g.inverse;
    guess = guess < -1.0F ? -1.0F : guess;
    output[i] = guess > 1.0F ? 1.0F : guess;
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
  if (clip)
    clip_origin(prediction[0], x[0], guess_of(chain, step), batch * size);
  count = add_part(parts, count, x[0], clip ? chain->clipped_state[step] : chain->state[step]);
  count = add_part(parts, count, prediction[0], clip ? chain->clipped_origin[step] : chain->output[step]);
  for (int d = 0; d < chain->depth; d++) {
    const bl_chain_term *term = &chain->past[step * chain->depth + d];
    count = add_part(parts, count, x[d + 1], clip ? term->clipped_state : term->state);
    count = add_part(parts, count, prediction[d + 1], clip ? term->clipped_origin : term->output);
  }
  count = add_part(parts, count, z, chain->sigma[step]);
  combine(next, parts, count, batch * size);
}

enum { LANES = 8 }; /* fixed partial sums, so that the bits do not depend on the width of vectors */

/* Σ (next − mean)² in double: at the last step next − mean is a thousandth of either. */
BL_KERNEL static double squared_distance(const float *restrict x, const float *restrict output, const float *restrict next,
                                         double state, double factor, size_t size) {
  double partial[LANES] = {0.0};
  size_t whole = size - size % LANES;
  for (size_t i = 0; i < whole; i += LANES) {
    for (size_t lane = 0; lane < LANES; lane++) {
      double gap = (double)next[i + lane] - (state * (double)x[i + lane] + factor * (double)output[i + lane]);
      partial[lane] += gap * gap;
    }
  }
  for (size_t i = whole; i < size; i++) {
    double gap = (double)next[i] - (state * (double)x[i] + factor * (double)output[i]);
    partial[i - whole] += gap * gap;
  }
  double sum = 0.0;
  for (size_t lane = 0; lane < LANES; lane++)
    sum += partial[lane];
  return sum;
}

void bl_chain_log_density(double *log_density, const bl_chain *chain, const int *step, const float *x, const float *output,
                          const float *next, size_t batch, size_t size, bool mean) {
  const double half_log_two_pi = 0.91893853320467274178;
  for (size_t b = 0; b < batch; b++) {
    int i = step[b];
    double sigma = chain->sigma[i];
    double distance =
        squared_distance(x + b * size, output + b * size, next + b * size, chain->state[i], chain->output[i], size);
    double sum = -distance / (2.0 * sigma * sigma) - (double)size * (log(sigma) + half_log_two_pi);
    log_density[b] = mean ? sum / (double)size : sum;
  }
}

BL_KERNEL static void density_gradient(float *restrict d_output, const float *restrict x, const float *restrict output,
                                       const float *restrict next, double state, double factor, double slope, size_t size) {
  for (size_t i = 0; i < size; i++)
    d_output[i] = (float)(slope * ((double)next[i] - (state * (double)x[i] + factor * (double)output[i])));
}

void bl_chain_log_density_gradient(float *d_output, const bl_chain *chain, const int *step, const float *x,
                                   const float *output, const float *next, const double *weight, size_t batch, size_t size,
                                   bool mean) {
  for (size_t b = 0; b < batch; b++) {
    int i = step[b];
    double slope = weight[b] * chain->output[i] / (chain->sigma[i] * chain->sigma[i]);
    if (mean)
      slope /= (double)size;
    density_gradient(d_output + b * size, x + b * size, output + b * size, next + b * size, chain->state[i],
                     chain->output[i], slope, size);
  }
}
