#include "base/memory.h"
#include "sampler/sampler.h"
#include "support/chain.h"
#include "support/cmocka.h"

#include <stdio.h>

/* Chain of FastDPM on the schedule of Ho et al. 2020. */
static void plan(bl_chain *chain, const char *grid, int steps, double kappa, double final_sigma) {
  char texts[4][64];
  const char *sets[5] = {"sampler.name=fastdpm"};
  snprintf(texts[0], sizeof texts[0], "sampler.grid=%s", grid);
  snprintf(texts[1], sizeof texts[1], "sampler.steps=%d", steps);
  snprintf(texts[2], sizeof texts[2], "sampler.kappa=%.17g", kappa);
  snprintf(texts[3], sizeof texts[3], "sampler.final_sigma=%.17g", final_sigma);
  for (int i = 0; i < 4; i++)
    sets[i + 1] = texts[i];
  bl_options *options;
  bl_schedule schedule;
  assert_int_equal(bl_options_load(&options, NULL, 5, sets), BL_OK);
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  assert_int_equal(bl_sampler_plan(chain, &schedule, options, false), BL_OK);
  bl_schedule_destroy(&schedule);
  bl_options_destroy(&options);
}

/* η of step \a i: the share of signal that the step takes away. */
static double eta(const bl_chain *chain, int i) {
  double next = i + 1 < chain->steps ? test_alpha_bar(chain, i + 1) : 1.0;
  return 1.0 - test_alpha_bar(chain, i) / next;
}

/* Numbers of the public SFT-PG code (T = 1000, β from 1e-4 to 0.02). */
static void published_quadratic_chain_comes_out(void **state) {
  (void)state;
  const double etas[10] = {.748225, .5929, .455625, .3364, .235225, .1521, .087025, .04, .011025, 1e-4};
  const double times[10] = {616.734, 493.982, 394.076, 308.868, 234.858, 170.3, 114.363, 66.865, 28.293, 0.0};
  const double sigmas[10] = {.8372, .7177, .5987, .4847, .3773, .2765, .1819, .0937, .01, .001};
  bl_chain chain;
  plan(&chain, "var_quadratic", 10, 1.0, 0.001);
  for (int i = 0; i < 10; i++) {
    assert_near(eta(&chain, i), etas[i], 1e-8);
    assert_near(chain.time[i], times[i], 6e-4);
    assert_near(chain.sigma[i], sigmas[i], 6e-5);
  }
  assert_near(test_alpha_bar(&chain, 0), 2.08e-2,
              5e-5); /* far from 4e-5: the published chain does not start at pure noise */
  bl_chain_destroy(&chain);

  const double etas8[8] = {.707702, .522006, .364514, .235225, .134139, .061256, .016577, 1e-4};
  const double times8[8] = {534.401, 405.103, 302.321, 216.67, 144.46, 84.205, 35.811, 0.0};
  plan(&chain, "var_quadratic", 8, 1.0, 0.001);
  for (int i = 0; i < 8; i++) {
    assert_near(eta(&chain, i), etas8[i], 6e-7);
    assert_near(chain.time[i], times8[i], 6e-4);
  }
  bl_chain_destroy(&chain);
}

static void published_linear_chain_comes_out(void **state) {
  (void)state;
  const double times[10] = {998.996, 802.762, 668.635, 554.592, 452.102, 357.472, 268.604, 183.986, 101.751, 0.0};
  bl_chain chain;
  plan(&chain, "var_linear", 10, 1.0, 0.001);
  for (int i = 0; i < 10; i++) {
    assert_near(eta(&chain, i), 1e-4 + (.972001 - 1e-4) * (9 - i) / 9.0, 6e-7);
    assert_near(chain.time[i], times[i], 6e-4);
  }
  bl_chain_destroy(&chain);
  plan(&chain, "var_linear", 8, 1.0, 0.001);
  assert_near(eta(&chain, 0), 0.99, 1e-12);
  bl_chain_destroy(&chain);
}

static void exact_quadratic_chain_starts_at_pure_noise(void **state) {
  (void)state;
  const int counts[] = {2, 8, 10, 20, 100};
  bl_schedule schedule;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  for (int k = 0; k < 5; k++) {
    bl_chain chain;
    plan(&chain, "var_quadratic_exact", counts[k], 1.0, 0.001);
    assert_near(test_alpha_bar(&chain, 0) / schedule.alpha_bar[999], 1.0, 1e-9);
    assert_near(chain.time[0], 999.0, 1e-4);
    for (int i = 0; i + 1 < counts[k]; i++)
      assert_true(chain.time[i] > chain.time[i + 1]);
    int last = counts[k] - 1;
    double second = sqrt(eta(&chain, last - 1)) - sqrt(eta(&chain, last)); /* √η is evenly spaced */
    for (int i = 0; i + 1 < counts[k]; i++)
      assert_near(sqrt(eta(&chain, i)) - sqrt(eta(&chain, i + 1)), second, 1e-9);
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

static void steps_with_full_noise_are_those_of_ddpm(void **state) {
  (void)state;
  const char *const pairs[][3] = {{"step_linear", "sampler.grid=full", "sampler.steps=1000"},
                                  {"step_linear", "sampler.grid=linear", "sampler.steps=10"},
                                  {"step_quadratic", "sampler.grid=quadratic", "sampler.steps=8"}};
  bl_schedule schedule;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  for (int k = 0; k < 3; k++) {
    const char *sets[] = {"sampler.name=ddpm", pairs[k][1], pairs[k][2], "sampler.variance=small",
                          "sampler.final_sigma=-1"};
    bl_options *options;
    bl_chain ddpm, fast;
    assert_int_equal(bl_options_load(&options, NULL, 5, sets), BL_OK);
    assert_int_equal(bl_sampler_plan(&ddpm, &schedule, options, false), BL_OK);
    plan(&fast, pairs[k][0], ddpm.steps, 1.0, -1.0);
    for (int i = 0; i < ddpm.steps; i++) {
      assert_near(fast.time[i], ddpm.time[i], 0.0);
      assert_near(fast.state[i], ddpm.state[i], 1e-14);
      assert_near(fast.output[i], ddpm.output[i], 1e-12);
      assert_near(fast.sigma[i], ddpm.sigma[i], 1e-12);
    }
    bl_chain_destroy(&ddpm);
    bl_chain_destroy(&fast);
    bl_options_destroy(&options);
  }
  bl_schedule_destroy(&schedule);
}

/* Kong & Ping 2021: κ trades the noise against the part along ε; the variance of the next state given x_0 is 1 − ᾱ_next. */
static void kappa_keeps_the_marginal(void **state) {
  (void)state;
  for (int k = 0; k <= 4; k++) {
    bl_chain chain, full;
    plan(&chain, "var_quadratic", 10, k / 4.0, -1.0);
    plan(&full, "var_quadratic", 10, 1.0, -1.0);
    for (int i = 0; i < 10; i++) {
      double next = i < 9 ? test_alpha_bar(&chain, i + 1) : 1.0;
      double along = chain.output[i] + chain.state[i] * sqrt(1.0 - test_alpha_bar(&chain, i));
      assert_near(along * along + chain.sigma[i] * chain.sigma[i], 1.0 - next, 1e-14);
      assert_near(chain.state[i], sqrt(next / test_alpha_bar(&chain, i)), 1e-13);
      assert_near(chain.sigma[i], k / 4.0 * full.sigma[i], 1e-14);
    }
    bl_chain_destroy(&chain);
    bl_chain_destroy(&full);
  }
}

/* κ = 0 with the exact ε of data N(0, s²) follows the probability flow: scales are kept, so N(0, 1) becomes √(marginal). */
static void deterministic_chain_transports_a_gaussian(void **state) {
  (void)state;
  const double s2 = 0.25;
  bl_chain chain;
  plan(&chain, "step_linear", 1000, 0.0, -1.0);
  double gain = 1.0;
  for (int i = 0; i < 1000; i++) {
    double here = test_alpha_bar(&chain, i);
    assert_near(chain.sigma[i], 0.0, 0.0);
    gain *= chain.state[i] + chain.output[i] * sqrt(1.0 - here) / (here * s2 + 1.0 - here);
  }
  assert_near(gain, sqrt(s2), 0.005);
  bl_chain_destroy(&chain);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_quadratic_chain_comes_out),
      cmocka_unit_test(published_linear_chain_comes_out),
      cmocka_unit_test(exact_quadratic_chain_starts_at_pure_noise),
      cmocka_unit_test(steps_with_full_noise_are_those_of_ddpm),
      cmocka_unit_test(kappa_keeps_the_marginal),
      cmocka_unit_test(deterministic_chain_transports_a_gaussian),
  };
  return cmocka_run_group_tests_name("fastdpm", tests, NULL, NULL);
}
