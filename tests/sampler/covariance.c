#include "base/memory.h"
#include "sampler/exact.h"
#include "support/chain.h"
#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 2, SIZE = 5, POINTS = 20000 };

static const double pi = 3.14159265358979323846;

static void make_schedule(bl_schedule *schedule) {
  assert_int_equal(bl_schedule_create(schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
}

static exact_data make_data(const bl_schedule *schedule, bool mixture) {
  exact_data data = {.count = mixture ? 2 : 1, .mean = {-0.6, 0.4}, .weight = {0.3, 0.7}, .variance = 0.04};
  data.schedule = schedule;
  return data;
}

static bl_status try_plan(bl_chain *chain, const bl_schedule *schedule, bl_head head, int steps, double eta, double limit,
                          bool fine_tuning) {
  char texts[4][64];
  snprintf(texts[0], sizeof texts[0], "sampler.name=%s_ddpm", bl_head_name(head));
  snprintf(texts[1], sizeof texts[1], "sampler.steps=%d", steps);
  snprintf(texts[2], sizeof texts[2], "sampler.eta=%.17g", eta);
  snprintf(texts[3], sizeof texts[3], "sampler.pixel_clip=%.17g", limit);
  const char *sets[] = {"sampler.grid=linear", "sampler.head=head.nc", texts[0], texts[1], texts[2], texts[3]};
  bl_options *options;
  assert_int_equal(bl_options_load(&options, NULL, 6, sets), BL_OK);
  const bl_status status = bl_sampler_plan(chain, schedule, options, fine_tuning);
  bl_options_destroy(&options);
  return status;
}

static void plan(bl_chain *chain, const bl_schedule *schedule, bl_head head, int steps, double eta, double limit) {
  if (try_plan(chain, schedule, head, steps, eta, limit, false) != BL_OK)
    fail_msg("%s", bl_status_message());
}

static double normal(double x, double mean, double variance) {
  return exp(-0.5 * (x - mean) * (x - mean) / variance) / sqrt(2.0 * pi * variance);
}

/* Density of the data with noise. */
static double density(const exact_data *data, double x, double alpha_bar) {
  double sum = 0.0;
  for (int k = 0; k < data->count; k++)
    sum += data->weight[k] * normal(x, sqrt(alpha_bar) * data->mean[k], alpha_bar * data->variance + 1.0 - alpha_bar);
  return sum;
}

/* What the best head answers: each component's ε is Gaussian given x. */
static double best_answer(const exact_data *data, bl_head head, double x, double alpha_bar) {
  const double rest = 1.0 - alpha_bar, variance = alpha_bar * data->variance + rest;
  const double within = alpha_bar * data->variance / variance, guess = exact_epsilon(data, x, alpha_bar);
  double total = 0.0, sum = 0.0;
  for (int k = 0; k < data->count; k++) {
    const double gap = x - sqrt(alpha_bar) * data->mean[k], mean = sqrt(rest) * gap / variance;
    const double share = data->weight[k] * exp(-0.5 * gap * gap / variance);
    total += share;
    sum += share * (within + mean * mean);
  }
  return sum / total - (head == BL_HEAD_NPR ? guess * guess : 0.0);
}

/* The mean of what the head learns, by quadrature over x_0 given x. */
static double mean_target(const exact_data *data, bl_head head, double x, double alpha_bar) {
  const double guess = exact_epsilon(data, x, alpha_bar);
  double total = 0.0, sum = 0.0;
  for (int i = 0; i < POINTS; i++) {
    const double origin = -3.0 + 6.0 * (i + 0.5) / POINTS;
    const double weight = density(data, origin, 1.0) * normal(x, sqrt(alpha_bar) * origin, 1.0 - alpha_bar);
    total += weight;
    sum += weight * bl_head_target(head, (x - sqrt(alpha_bar) * origin) / sqrt(1.0 - alpha_bar), guess);
  }
  return sum / total;
}

/* Variance of x_s given x_t, by quadrature: q(x_s) q(x_t | x_s). */
static double reverse_variance(const exact_data *data, double x, double here, double next) {
  double total = 0.0, first = 0.0, second = 0.0;
  for (int i = 0; i < POINTS; i++) {
    const double value = -6.0 + 12.0 * (i + 0.5) / POINTS;
    const double weight = density(data, value, next) * normal(x, sqrt(here / next) * value, 1.0 - here / next);
    total += weight;
    first += weight * value;
    second += weight * value * value;
  }
  return second / total - first / total * (first / total);
}

/* With the best answers, a step of η = 1 draws the variance of x_s given x_t, whichever head tells it. */
static void the_best_heads_give_the_variance_of_the_reverse_step(void **state) {
  (void)state;
  enum { STEPS = 10 };
  bl_schedule schedule;
  make_schedule(&schedule);
  for (int k = 0; k < 4; k++) {
    const bl_head head = k % 2 ? BL_HEAD_NPR : BL_HEAD_SN;
    const exact_data data = make_data(&schedule, k / 2);
    bl_chain chain;
    plan(&chain, &schedule, head, STEPS, 1.0, 0.0);
    for (int i = 2; i + 1 < STEPS; i++)
      for (int j = -2; j <= 2; j++) {
        const double here = test_alpha_bar(&chain, i), next = test_alpha_bar(&chain, i + 1), x = 0.45 * j;
        const double expected = reverse_variance(&data, x, here, next);
        assert_near(best_answer(&data, head, x, here) / mean_target(&data, head, x, here), 1.0, 1e-6);
        float z = 1.0F;
        const float guess = (float)exact_epsilon(&data, x, here), answer = (float)best_answer(&data, head, x, here);
        bl_head_scale_noise(&z, head, &chain.drawn[i], &guess, &answer, 1);
        assert_near((double)z * (double)z / expected, 1.0, 1e-4);
      }
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

typedef struct exact_head {
  exact_data data;
  bl_head head;
  int calls;
} exact_head;

static bl_status predict(void *model, float *output, const bl_graph_inputs *inputs) {
  const float *x = inputs->x, *time = inputs->time;
  exact_head *exact = model;
  for (int s = 0; s < BATCH; s++)
    for (int e = 0; e < SIZE; e++) {
      const double value = x[s * SIZE + e], alpha_bar = exact->data.schedule->alpha_bar[(int)time[s]];
      output[2 * s * SIZE + e] = (float)exact_epsilon(&exact->data, value, alpha_bar);
      output[(2 * s + 1) * SIZE + e] = (float)best_answer(&exact->data, exact->head, value, alpha_bar);
    }
  exact->calls++;
  return BL_OK;
}

/* Bao et al. 2022, in double, with the noise that the documentation promises. */
static void walk_reference(double x[SIZE], const exact_data *data, uint32_t sample, int steps, double eta, double levels) {
  float z[SIZE];
  bl_draw draw = {.seed = 5, .purpose = BL_PURPOSE_PRIOR, .round = 2, .sample = sample};
  bl_random_normal(z, SIZE, draw);
  for (int e = 0; e < SIZE; e++)
    x[e] = (double)z[e];
  draw.purpose = BL_PURPOSE_TRANSITION;
  for (int i = 0; i < steps; i++) {
    const int t = (steps - 1 - i) * 999 / (steps - 1), s = (steps - 2 - i) * 999 / (steps - 1);
    const double here = data->schedule->alpha_bar[t], next = i == steps - 1 ? 1.0 : data->schedule->alpha_bar[s];
    const double own = eta * eta * (1.0 - next) / (1.0 - here) * (1.0 - here / next);
    const double along = sqrt(1.0 - next - own), share = sqrt(next) - along * sqrt(here / (1.0 - here));
    draw.step = (uint32_t)i;
    bl_random_normal(z, SIZE, draw);
    for (int e = 0; e < SIZE; e++) {
      const double epsilon = exact_epsilon(data, x[e], here), origin = (x[e] - sqrt(1.0 - here) * epsilon) / sqrt(here);
      const double spread = (1.0 - here) / here * best_answer(data, BL_HEAD_NPR, x[e], here);
      double sigma = i == steps - 1 ? 0.0 : sqrt(own + share * share * fmin(fmax(spread, 0.0), 1.0));
      if (i == steps - 2 && levels > 0.0)
        sigma = fmin(sigma, levels * 2.0 / 255.0 * sqrt(pi / 2.0));
      x[e] = sqrt(next) * origin + along * epsilon + sigma * (double)z[e];
    }
  }
}

static void walks_are_those_of_the_paper(void **state) {
  (void)state;
  bl_schedule schedule;
  make_schedule(&schedule);
  const int counts[] = {2, 8, 20};
  for (int k = 0; k < 18; k++) {
    exact_head exact = {.data = make_data(&schedule, true), .head = k % 2 ? BL_HEAD_NPR : BL_HEAD_SN};
    const double eta = k / 2 % 3 / 2.0, levels = k % 3;
    const int steps = counts[k / 6];
    /* h − ε̂² of single precision times 25,000 at the noisy end, which weighs where one step takes all */
    const double tolerance = exact.head == BL_HEAD_SN ? (steps == 2 ? 3e-2 : 2e-4) : 5e-5;
    float final[BATCH * SIZE], work[5 * BATCH * SIZE];
    bl_chain chain;
    plan(&chain, &schedule, exact.head, steps, eta, levels);
    assert_true(bl_sampler_work(&chain, NULL, BATCH, SIZE) == sizeof work / sizeof *work);
    assert_int_equal(bl_sampler_walk(NULL, final, predict, &exact, &chain, NULL, 5, 2, 7, BATCH, SIZE, work), BL_OK);
    assert_int_equal(exact.calls, steps);
    for (int s = 0; s < BATCH; s++) {
      double x[SIZE];
      walk_reference(x, &exact.data, 7 + (uint32_t)s, steps, eta, levels);
      for (int e = 0; e < SIZE; e++)
        assert_near(final[s * SIZE + e], x[e], tolerance);
    }
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

static void the_variance_keeps_its_bounds(void **state) {
  (void)state;
  enum { STEPS = 10 };
  bl_schedule schedule;
  bl_chain chain;
  make_schedule(&schedule);
  for (int k = 0; k < 4; k++) {
    const bl_head head = k % 2 ? BL_HEAD_NPR : BL_HEAD_SN;
    plan(&chain, &schedule, head, STEPS, k / 2, 0.0);
    for (int i = 0; i + 1 < STEPS; i++) {
      const bl_head_step *drawn = &chain.drawn[i];
      const float guesses[] = {0.5F, 0.5F}, answers[] = {-1.0F, 1e9F};
      float z[] = {2.0F, 2.0F};
      bl_head_scale_noise(z, head, drawn, guesses, answers, 2);
      assert_near(z[0], 2.0 * sqrt(drawn->own), 1e-6);
      assert_near(z[1], 2.0 * sqrt(drawn->own + drawn->share * drawn->share), 1e-6);
    }
    assert_near(chain.sigma[STEPS - 1], 0.0, 0.0);
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

static void what_lacks_is_refused(void **state) {
  (void)state;
  static const char *const sets[] = {"sampler.name=npr_ddpm", "sampler.grid=linear"};
  bl_schedule schedule;
  bl_chain chain;
  bl_options *options;
  make_schedule(&schedule);
  assert_int_equal(bl_options_load(&options, NULL, 2, sets), BL_OK);
  assert_int_equal(bl_sampler_plan(&chain, &schedule, options, false), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "moments.head npr"));
  bl_status_clear();
  bl_options_destroy(&options);
  assert_int_equal(try_plan(&chain, &schedule, BL_HEAD_SN, 10, 1.0, 2.0, true), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "log-density"));
  bl_status_clear();
  bl_schedule_destroy(&schedule);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_best_heads_give_the_variance_of_the_reverse_step),
      cmocka_unit_test(walks_are_those_of_the_paper),
      cmocka_unit_test(the_variance_keeps_its_bounds),
      cmocka_unit_test(what_lacks_is_refused),
  };
  return cmocka_run_group_tests_name("covariance", tests, NULL, NULL);
}
