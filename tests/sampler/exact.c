#include "sampler/exact.h"

#include "support/chain.h"
#include "support/cmocka.h"

#include <stdlib.h>

double exact_epsilon(const exact_data *data, double x, double alpha_bar) {
  const double variance = alpha_bar * data->variance + 1.0 - alpha_bar;
  double total = 0.0, sum = 0.0;
  for (int k = 0; k < data->count; k++) {
    const double gap = x - sqrt(alpha_bar) * data->mean[k];
    const double share = data->weight[k] * exp(-0.5 * gap * gap / variance);
    total += share;
    sum += share * gap / variance;
  }
  return sqrt(1.0 - alpha_bar) * sum / total;
}

/* What a network of that kind answers to x where the best ε is \a epsilon. */
static double answer(bl_prediction prediction, double epsilon, double x, bl_process process) {
  const double origin = (x - process.sigma * epsilon) / process.alpha;
  switch (prediction) {
    case BL_PREDICTION_X:
      return origin;
    case BL_PREDICTION_V:
      return process.alpha * epsilon - process.sigma * origin;
    case BL_PREDICTION_VELOCITY:
      return epsilon - origin;
    case BL_PREDICTION_EPSILON:
      break;
  }
  return epsilon;
}

bl_status exact_predict(void *model, float *output, const bl_graph_inputs *inputs) {
  const float *x = inputs->x, *time = inputs->time;
  exact_data *data = model;
  const double *alpha_bar = data->schedule->alpha_bar;
  const int i = (int)time[0];
  const double part = (double)time[0] - i;
  const double here = part > 0.0 ? pow(alpha_bar[i], 1.0 - part) * pow(alpha_bar[i + 1], part) : alpha_bar[i];
  for (int e = 0; e < EXACT_SIZE; e++)
    output[e] = (float)answer(data->prediction, exact_epsilon(data, (double)x[e], here), (double)x[e], bl_process_of(here));
  data->calls++;
  return BL_OK;
}

double exact_walk(const bl_chain *chain, const exact_data *data, double x) {
  double *states = calloc((size_t)chain->steps + 1, sizeof *states), *seen = calloc((size_t)chain->steps, sizeof *seen);
  assert_non_null(states);
  assert_non_null(seen);
  states[0] = x;
  for (int i = 0; i < chain->steps; i++) {
    const double alpha_bar = test_alpha_bar(chain, i);
    seen[i] = exact_epsilon(data, states[i], alpha_bar);
    if (chain->clip)
      seen[i] = fmax(-1.0, fmin(1.0, (states[i] - sqrt(1.0 - alpha_bar) * seen[i]) / sqrt(alpha_bar)));
    double next = chain->clip ? chain->clipped_state[i] * states[i] + chain->clipped_origin[i] * seen[i]
                              : chain->state[i] * states[i] + chain->output[i] * seen[i];
    for (int d = 1; d <= chain->depth && d <= i; d++) {
      const bl_chain_term *term = &chain->past[i * chain->depth + d - 1];
      next += chain->clip ? term->clipped_state * states[i - d] + term->clipped_origin * seen[i - d]
                          : term->state * states[i - d] + term->output * seen[i - d];
    }
    assert_near(chain->sigma[i], 0.0, 0.0);
    states[i + 1] = next;
  }
  x = states[chain->steps];
  free(states);
  free(seen);
  return x;
}

/* dx/dλ = σ² x − σ ε, since d log α / dλ = σ². */
static double slope(const exact_data *data, double x, double log_snr) {
  const double alpha_bar = 1.0 / (1.0 + exp(-2.0 * log_snr));
  return (1.0 - alpha_bar) * x - sqrt(1.0 - alpha_bar) * exact_epsilon(data, x, alpha_bar);
}

double exact_flow(const exact_data *data, double x) {
  enum { STEPS = 20000 };
  const bl_schedule *schedule = data->schedule;
  const double noisiest = schedule->alpha_bar[schedule->steps - 1], clearest = schedule->alpha_bar[0];
  double at = 0.5 * log(noisiest / (1.0 - noisiest)), h = (0.5 * log(clearest / (1.0 - clearest)) - at) / STEPS;
  for (int i = 0; i < STEPS; i++, at += h) {
    const double a = slope(data, x, at), b = slope(data, x + 0.5 * h * a, at + 0.5 * h);
    const double c = slope(data, x + 0.5 * h * b, at + 0.5 * h), d = slope(data, x + h * c, at + h);
    x += h / 6.0 * (a + 2.0 * b + 2.0 * c + d);
  }
  return x;
}

void exact_plan(bl_chain *chain, const bl_schedule *schedule, const char *const *sets) {
  bl_options *options;
  int count = 0;
  while (sets[count])
    count++;
  if (bl_options_load(&options, NULL, count, sets) != BL_OK || bl_sampler_plan(chain, schedule, options, false) != BL_OK)
    fail_msg("%s", bl_status_message());
  bl_options_destroy(&options);
}
