#include "base/memory.h"
#include "base/random.h"
#include "sampler/exact.h"
#include "support/chain.h"
#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

static void plan(bl_chain *chain, const bl_schedule *schedule, const char *name, const char *grid, int steps, double eta) {
  char texts[4][64];
  snprintf(texts[0], sizeof texts[0], "sampler.name=%s", name);
  snprintf(texts[1], sizeof texts[1], "sampler.grid=%s", grid);
  snprintf(texts[2], sizeof texts[2], "sampler.steps=%d", steps);
  snprintf(texts[3], sizeof texts[3], "sampler.eta=%.17g", eta);
  const char *sets[] = {texts[0],          texts[1],          texts[2], texts[3], "sampler.final_sigma=-1",
                        "sampler.kappa=0", "sampler.order=1", NULL};
  exact_plan(chain, schedule, sets);
}

static void make_schedule(bl_schedule *schedule) {
  assert_int_equal(bl_schedule_create(schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
}

static void check_equal(const bl_chain *a, const bl_chain *b, int steps, double tolerance) {
  for (int i = 0; i < steps; i++) {
    assert_near(a->time[i], b->time[i], 0.0);
    assert_near(a->state[i], b->state[i], tolerance * b->state[i]);
    assert_near(a->output[i], b->output[i], tolerance * fabs(b->output[i]));
    assert_near(a->sigma[i], b->sigma[i], tolerance);
  }
}

static void it_lies_between_ddpm_and_the_first_order_solver(void **state) {
  (void)state;
  bl_schedule schedule;
  bl_chain a, b;
  make_schedule(&schedule);
  plan(&a, &schedule, "ddim", "quadratic", 10, 1.0);
  plan(&b, &schedule, "ddpm", "quadratic", 10, 0.0);
  check_equal(&a, &b, 10, 0.0);
  bl_chain_destroy(&a);
  bl_chain_destroy(&b);
  plan(&a, &schedule, "ddim", "linear", 20, 0.0);
  plan(&b, &schedule, "fastdpm", "step_linear", 20, 0.0);
  check_equal(&a, &b, 20, 1e-12);
  bl_chain_destroy(&b);
  plan(&b, &schedule, "dpm_solver", "linear", 19, 0.0); /* which does not go on to ᾱ = 1 */
  check_equal(&a, &b, 19, 1e-11);
  bl_chain_destroy(&a);
  bl_chain_destroy(&b);
  bl_schedule_destroy(&schedule);
}

/* Song et al. 2021, equations 12 and 16, in double with the noise that the documentation promises. */
static void walks_are_those_of_the_paper(void **state) {
  (void)state;
  enum { STEPS = 20 };
  bl_schedule schedule;
  make_schedule(&schedule);
  exact_data data = {.count = 2, .mean = {-0.6, 0.4}, .weight = {0.3, 0.7}, .variance = 0.04, .schedule = &schedule};
  float final[EXACT_SIZE], z[EXACT_SIZE], work[3 * EXACT_SIZE];
  for (int k = 0; k <= 4; k++) {
    const double eta = k / 4.0;
    double x[EXACT_SIZE];
    bl_chain chain;
    plan(&chain, &schedule, "ddim", "linear", STEPS, eta);
    data.calls = 0;
    assert_int_equal(bl_sampler_walk(NULL, final, exact_predict, &data, &chain, NULL, 5, 2, 7, 1, EXACT_SIZE, work), BL_OK);
    assert_int_equal(data.calls, STEPS);
    bl_draw draw = {.seed = 5, .purpose = BL_PURPOSE_PRIOR, .round = 2, .sample = 7};
    bl_random_normal(z, EXACT_SIZE, draw);
    for (int e = 0; e < EXACT_SIZE; e++)
      x[e] = (double)z[e];
    draw.purpose = BL_PURPOSE_TRANSITION;
    for (int i = 0; i < STEPS; i++) {
      const int t = (STEPS - 1 - i) * 999 / (STEPS - 1), s = (STEPS - 2 - i) * 999 / (STEPS - 1);
      const double here = schedule.alpha_bar[t], next = i == STEPS - 1 ? 1.0 : schedule.alpha_bar[s];
      const double sigma = eta * sqrt((1.0 - next) / (1.0 - here)) * sqrt(1.0 - here / next);
      draw.step = (uint32_t)i;
      bl_random_normal(z, EXACT_SIZE, draw);
      for (int e = 0; e < EXACT_SIZE; e++) {
        const double epsilon = exact_epsilon(&data, x[e], here), origin = (x[e] - sqrt(1.0 - here) * epsilon) / sqrt(here);
        x[e] = sqrt(next) * origin + sqrt(1.0 - next - sigma * sigma) * epsilon + sigma * (double)z[e];
      }
    }
    for (int e = 0; e < EXACT_SIZE; e++)
      assert_near(final[e], x[e], 5e-5);
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

/* On N(m, s²) every step is affine: mean and variance obey a recursion, and with all steps they end as the data's. */
static void marginals_of_a_gaussian_are_right(void **state) {
  (void)state;
  bl_schedule schedule;
  make_schedule(&schedule);
  const exact_data data = {.count = 1, .mean = {0.3}, .weight = {1.0}, .variance = 0.09, .schedule = &schedule};
  for (int k = 0; k <= 2; k++) {
    bl_chain chain;
    plan(&chain, &schedule, "ddim", "full", 1000, k / 2.0);
    double mean = 0.0, variance = 1.0;
    for (int i = 0; i < 1000; i++) {
      const double offset = exact_epsilon(&data, 0.0, test_alpha_bar(&chain, i));
      const double gain =
          chain.state[i] + chain.output[i] * (exact_epsilon(&data, 1.0, test_alpha_bar(&chain, i)) - offset);
      mean = gain * mean + chain.output[i] * offset;
      variance = gain * gain * variance + chain.sigma[i] * chain.sigma[i];
    }
    assert_near(mean, 0.3, 0.003);
    assert_near(variance, 0.09, 0.004);
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_lies_between_ddpm_and_the_first_order_solver),
      cmocka_unit_test(walks_are_those_of_the_paper),
      cmocka_unit_test(marginals_of_a_gaussian_are_right),
  };
  return cmocka_run_group_tests_name("ddim", tests, NULL, NULL);
}
