/* The solvers of the probability flow (dpm_solver, dpm_solver_pp, unipc) on data whose best ε is known. */
#include "base/memory.h"
#include "base/random.h"
#include "sampler/exact.h"
#include "support/chain.h"
#include "support/cmocka.h"

#include <stdio.h>

/* Two bumps: the flow is not linear. */
static exact_data mixture(const bl_schedule *schedule) {
  return (exact_data){.count = 2, .mean = {-0.6, 0.4}, .weight = {0.3, 0.7}, .variance = 0.04, .schedule = schedule};
}

static void make_schedule(bl_schedule *schedule) {
  assert_int_equal(bl_schedule_create(schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
}

static void plan(bl_chain *chain, const bl_schedule *schedule, const char *name, int order, int steps, const char *grid,
                 bool clip) {
  char texts[4][64];
  snprintf(texts[0], sizeof texts[0], "sampler.name=%s", name);
  snprintf(texts[1], sizeof texts[1], "sampler.order=%d", order);
  snprintf(texts[2], sizeof texts[2], "sampler.steps=%d", steps);
  snprintf(texts[3], sizeof texts[3], "sampler.grid=%s", grid);
  const char *sets[] = {texts[0], texts[1], texts[2], texts[3], clip ? "sampler.clip=true" : "sampler.clip=false", NULL};
  exact_plan(chain, schedule, sets);
}

static void evaluations_are_exactly_those_asked_for(void **state) {
  (void)state;
  const char *const names[] = {"dpm_solver", "dpm_solver_pp", "unipc"};
  const char *const grids[] = {"log_snr", "time", "linear"};
  bl_schedule schedule;
  make_schedule(&schedule);
  exact_data data = mixture(&schedule);
  float final[EXACT_SIZE], trajectory[21 * EXACT_SIZE], work[16 * EXACT_SIZE];
  for (int k = 0; k < 9; k++) {
    for (int steps = 1; steps <= 20; steps++) {
      bl_chain chain;
      plan(&chain, &schedule, names[k / 3], 0, steps, grids[k % 3], false);
      assert_true(bl_sampler_work(&chain, NULL, 1, EXACT_SIZE) <= sizeof work / sizeof work[0]);
      data.calls = 0;
      assert_int_equal(bl_sampler_walk(NULL, final, exact_predict, &data, &chain, NULL, 1, 0, 0, 1, EXACT_SIZE, work),
                       BL_OK);
      assert_int_equal(data.calls, steps);
      assert_int_equal(chain.steps, steps);
      /* The rings and the trajectory remember the same. */
      assert_int_equal(bl_sampler_walk(trajectory, NULL, exact_predict, &data, &chain, NULL, 1, 0, 0, 1, EXACT_SIZE, work),
                       BL_OK);
      assert_memory_equal(final, trajectory + steps * EXACT_SIZE, sizeof final);
      bl_chain_destroy(&chain);
    }
  }
  bl_schedule_destroy(&schedule);
  assert_int_equal(bl_memory_balance(), 0);
}

/* Lu et al. 2022, appendix D.2: how "fast" splits evaluations into steps; seen from the levels of the chain. */
static void fast_has_the_published_orders(void **state) {
  (void)state;
  bl_schedule schedule;
  bl_chain chain;
  make_schedule(&schedule);
  static const struct {
    int steps, count, orders[4];
  } published[] = {{10, 4, {3, 3, 3, 1}}, {8, 3, {3, 3, 2}}, {9, 4, {3, 3, 2, 1}}, {3, 2, {2, 1}}, {1, 1, {1}}};
  for (size_t k = 0; k < sizeof published / sizeof published[0]; k++) {
    plan(&chain, &schedule, "dpm_solver", 0, published[k].steps, "log_snr", false);
    const double first = schedule.alpha_bar[999], last = schedule.alpha_bar[0];
    const double from = 0.5 * log(first / (1.0 - first)), to = 0.5 * log(last / (1.0 - last));
    for (int step = 0, place = 0; step < published[k].count; step++) {
      for (int inner = 0; inner < published[k].orders[step]; inner++, place++) {
        const double expected =
            from + (to - from) * (step + (double)inner / published[k].orders[step]) / published[k].count;
        assert_near(0.5 * log(test_alpha_bar(&chain, place) / (1.0 - test_alpha_bar(&chain, place))), expected, 1e-9);
      }
    }
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

/* Halving the steps divides the error by 2^k. */
static void errors_fall_with_the_order(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int order, evaluations; /* of a step */
    int steps;
    double expected;
  } cases[] = {{"dpm_solver", 1, 1, 160, 1.0},    {"dpm_solver", 2, 2, 80, 2.0},     {"dpm_solver", 3, 3, 80, 3.0},
               {"dpm_solver_pp", 1, 1, 160, 1.0}, {"dpm_solver_pp", 2, 1, 160, 2.0}, {"unipc", 1, 1, 160, 2.0},
               {"unipc", 2, 1, 160, 3.0},         {"unipc", 3, 1, 160, 4.0}};
  bl_schedule schedule;
  make_schedule(&schedule);
  const exact_data data = mixture(&schedule);
  const double starts[] = {-1.3, -0.4, 0.3, 1.1};
  double truth[4];
  for (int s = 0; s < 4; s++)
    truth[s] = exact_flow(&data, starts[s]);
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    double error[2] = {0.0, 0.0};
    for (int halved = 0; halved < 2; halved++) {
      bl_chain chain;
      plan(&chain, &schedule, cases[k].name, cases[k].order, cases[k].steps * cases[k].evaluations << halved, "log_snr",
           false);
      for (int s = 0; s < 4; s++)
        error[halved] += fabs(exact_walk(&chain, &data, starts[s]) - truth[s]);
      bl_chain_destroy(&chain);
    }
    const double order = log2(error[0] / error[1]);
    if (fabs(order - cases[k].expected) > 0.25)
      fail_msg("%s of order %d converges with order %.2f", cases[k].name, cases[k].order, order);
  }
  bl_schedule_destroy(&schedule);
}

/* On N(m, s²) the flow keeps (x − √ᾱ m) / √(ᾱ s² + 1 − ᾱ), so N(0, 1) ends as the marginal of step 1. */
static void flows_keep_the_marginals_of_a_gaussian(void **state) {
  (void)state;
  const char *const names[] = {"dpm_solver", "dpm_solver_pp", "unipc"};
  bl_schedule schedule;
  make_schedule(&schedule);
  exact_data data = {.count = 1, .mean = {0.3}, .weight = {1.0}, .variance = 0.25, .schedule = &schedule};
  const double last = schedule.alpha_bar[0], first = schedule.alpha_bar[999];
  for (int k = 0; k < 6; k++) {
    bl_chain chain;
    plan(&chain, &schedule, names[k / 2], 0, k % 2 ? 200 : 50, k % 2 ? "time" : "log_snr", false);
    for (double x = -2.0; x <= 2.0; x += 0.5) {
      const double place = (x - sqrt(first) * data.mean[0]) / sqrt(first * data.variance + 1.0 - first);
      const double expected = sqrt(last) * data.mean[0] + place * sqrt(last * data.variance + 1.0 - last);
      assert_near(exact_walk(&chain, &data, x), expected, 3e-3);
    }
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

/* ---- Algorithms of the papers, in double -------------------------------------------------------------------------------
 */

typedef struct level {
  double alpha, sigma, lambda, alpha_bar;
} level;

static level level_at(double lambda) {
  const double alpha_bar = 1.0 / (1.0 + exp(-2.0 * lambda));
  return (level){sqrt(alpha_bar), sqrt(1.0 - alpha_bar), lambda, alpha_bar};
}

static level node(const bl_schedule *schedule, int k, int count) {
  const double first = schedule->alpha_bar[schedule->steps - 1], last = schedule->alpha_bar[0];
  const double from = 0.5 * log(first / (1.0 - first)), to = 0.5 * log(last / (1.0 - last));
  return level_at(from + (to - from) * k / count);
}

/* Lu et al. 2022, algorithms 1 and 2 and "fast". */
static double dpm_solver_fast(const exact_data *data, double x, int evaluations) {
  int orders[20], count = evaluations / 3 + 1;
  for (int k = 0; k < count; k++)
    orders[k] = 3;
  if (evaluations % 3 == 0) {
    orders[count - 2] = 2;
    orders[count - 1] = 1;
  } else {
    orders[count - 1] = evaluations % 3;
  }
  for (int k = 0; k < count; k++) {
    const level s = node(data->schedule, k, count), t = node(data->schedule, k + 1, count);
    const double h = t.lambda - s.lambda, e = exact_epsilon(data, x, s.alpha_bar);
    if (orders[k] == 1) {
      x = t.alpha / s.alpha * x - t.sigma * (exp(h) - 1.0) * e;
    } else if (orders[k] == 2) {
      const level m = level_at(s.lambda + h / 2.0);
      const double u = m.alpha / s.alpha * x - m.sigma * (exp(h / 2.0) - 1.0) * e;
      x = t.alpha / s.alpha * x - t.sigma * (exp(h) - 1.0) * exact_epsilon(data, u, m.alpha_bar);
    } else {
      const double r1 = 1.0 / 3.0, r2 = 2.0 / 3.0;
      const level a = level_at(s.lambda + r1 * h), b = level_at(s.lambda + r2 * h);
      const double u1 = a.alpha / s.alpha * x - a.sigma * (exp(r1 * h) - 1.0) * e;
      const double d1 = exact_epsilon(data, u1, a.alpha_bar) - e;
      const double u2 = b.alpha / s.alpha * x - b.sigma * (exp(r2 * h) - 1.0) * e -
                        b.sigma * r2 / r1 * ((exp(r2 * h) - 1.0) / (r2 * h) - 1.0) * d1;
      const double d2 = exact_epsilon(data, u2, b.alpha_bar) - e;
      x = t.alpha / s.alpha * x - t.sigma * (exp(h) - 1.0) * e - t.sigma / r2 * ((exp(h) - 1.0) / h - 1.0) * d2;
    }
  }
  return x;
}

static double origin(const exact_data *data, double x, level s, bool clip) {
  const double guess = (x - s.sigma * exact_epsilon(data, x, s.alpha_bar)) / s.alpha;
  return clip ? fmax(-1.0, fmin(1.0, guess)) : guess;
}

/* Lu et al. 2022b, algorithm 2; below 15 steps the last one is of order 1. */
static double dpm_solver_2m(const exact_data *data, double x, int steps, bool clip) {
  double before = 0.0;
  for (int k = 0; k < steps; k++) {
    const level s = node(data->schedule, k, steps), t = node(data->schedule, k + 1, steps);
    const double h = t.lambda - s.lambda, now = origin(data, x, s, clip);
    double d = now; /* levels are even: r = 1 */
    if (k > 0 && (steps >= 15 || k < steps - 1))
      d = 1.5 * now - 0.5 * before;
    x = t.sigma / s.sigma * x - t.alpha * (exp(-h) - 1.0) * d;
    before = now;
  }
  return x;
}

/* α_t ∫ e^−(λ_t − λ) P(λ) dλ from s to t by Simpson's rule; P goes through the predictions m at the places \a at. Where a
 * single slope is known the papers take ½ (1 − e^−h) of it instead of the integral. */
static double integral(const double *m, const double *at, int count, level s, level t) {
  const double h = t.lambda - s.lambda;
  if (count == 1)
    return t.alpha * (1.0 - exp(-h)) * m[0];
  if (count == 2)
    return t.alpha * (1.0 - exp(-h)) * (m[0] + 0.5 * (m[1] - m[0]) * h / (at[1] - at[0]));
  enum { PIECES = 2000 };
  double sum = 0.0;
  for (int i = 0; i <= PIECES; i++) {
    const double lambda = s.lambda + h * i / PIECES;
    double value = 0.0;
    for (int k = 0; k < count; k++) {
      double term = m[k];
      for (int j = 0; j < count; j++)
        term *= j == k ? 1.0 : (lambda - at[j]) / (at[k] - at[j]);
      value += term;
    }
    sum += (i == 0 || i == PIECES ? 1.0 : i % 2 ? 4.0 : 2.0) * exp(lambda - t.lambda) * value;
  }
  return t.alpha * sum * h / PIECES / 3.0;
}

/* Zhao et al. 2023, algorithms 5 and 6 with the corrected state kept; m[0] is the prediction at the beginning of a step. */
static double unipc(const exact_data *data, double x, int steps, int most, bool clip) {
  double corrected = x, m[4] = {0.0}, at[4] = {0.0}; /* latest first */
  for (int k = 0; k < steps; k++) {
    const level s = node(data->schedule, k, steps), t = node(data->schedule, k + 1, steps);
    const double now = origin(data, x, s, clip);
    if (k > 0) { /* the step into level k, again with what is known there */
      int order = most < k ? most : k;
      if (steps < 15 && order > steps + 1 - k)
        order = steps + 1 - k;
      const level r = node(data->schedule, k - 1, steps);
      double values[4] = {m[0]}, places[4] = {at[0]};
      for (int j = 1; j < order; j++) {
        values[j] = m[j];
        places[j] = at[j];
      }
      values[order] = now;
      places[order] = s.lambda;
      corrected = s.sigma / r.sigma * corrected + integral(values, places, order + 1, r, s);
    }
    for (int j = 3; j > 0; j--) {
      m[j] = m[j - 1];
      at[j] = at[j - 1];
    }
    m[0] = now;
    at[0] = s.lambda;
    int order = most < k + 1 ? most : k + 1;
    if (steps < 15 && order > steps - k)
      order = steps - k;
    x = t.sigma / s.sigma * corrected + integral(m, at, order, s, t);
  }
  return x;
}

static void walks_are_those_of_the_papers(void **state) {
  (void)state;
  bl_schedule schedule;
  make_schedule(&schedule);
  exact_data data = mixture(&schedule);
  float final[EXACT_SIZE], start[EXACT_SIZE], work[16 * EXACT_SIZE];
  bl_random_normal(start, EXACT_SIZE, (bl_draw){.seed = 5, .purpose = BL_PURPOSE_PRIOR, .round = 2, .sample = 7});
  const int counts[] = {1, 2, 3, 5, 8, 10, 16, 20};
  for (int c = 0; c < 8; c++) {
    for (int k = 0; k < 7; k++) {
      const char *const names[] = {"dpm_solver", "dpm_solver_pp", "dpm_solver_pp", "unipc", "unipc", "unipc", "unipc"};
      const int orders[] = {0, 0, 2, 0, 1, 2, 3};
      const bool clip = k == 2 || k == 6;
      bl_chain chain;
      plan(&chain, &schedule, names[k], orders[k], counts[c], "log_snr", clip);
      data.variance = clip ? 0.3 : 0.04; /* with so much, x_0 is often outside */
      assert_int_equal(bl_sampler_walk(NULL, final, exact_predict, &data, &chain, NULL, 5, 2, 7, 1, EXACT_SIZE, work),
                       BL_OK);
      for (int e = 0; e < EXACT_SIZE; e++) {
        const double x = (double)start[e];
        double expected;
        if (k == 0)
          expected = dpm_solver_fast(&data, x, counts[c]);
        else if (k < 3)
          expected = dpm_solver_2m(&data, x, counts[c], clip);
        else
          expected = unipc(&data, x, counts[c], orders[k] == 0 ? 3 : orders[k], clip);
        assert_near(exact_walk(&chain, &data, x), expected, 1e-9 * (1.0 + fabs(expected)));
        assert_near(final[e], expected,
                    (k == 0 && counts[c] <= 5 ? 4e-4 : 2e-5) * (1.0 + fabs(expected))); /* it goes far outside there */
      }
      bl_chain_destroy(&chain);
    }
  }
  bl_schedule_destroy(&schedule);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(evaluations_are_exactly_those_asked_for),
      cmocka_unit_test(fast_has_the_published_orders),
      cmocka_unit_test(errors_fall_with_the_order),
      cmocka_unit_test(flows_keep_the_marginals_of_a_gaussian),
      cmocka_unit_test(walks_are_those_of_the_papers),
  };
  return cmocka_run_group_tests_name("solvers", tests, NULL, NULL);
}
