#include "base/memory.h"
#include "sampler/sampler.h"
#include "support/cmocka.h"

static void plan(bl_chain *chain, const bl_schedule *schedule, const char *grid, const char *steps, const char *variance,
                 const char *final_sigma) {
  const char *sets[] = {"sampler.name=ddpm", grid, steps, variance, final_sigma};
  bl_options *options;
  assert_int_equal(bl_options_load(&options, NULL, 5, sets), BL_OK);
  assert_int_equal(bl_sampler_plan(chain, schedule, options, false), BL_OK);
  bl_options_destroy(&options);
}

/* The toy of SFT-PG: mean (x − β_t / √(1 − ᾱ_t) ε) / √α_t and σ_t = √β_t at every step, the last one too. */
static void toy_is_the_full_grid_with_large_variance(void **state) {
  (void)state;
  bl_schedule schedule;
  bl_chain chain;
  assert_int_equal(bl_schedule_create(&schedule, "sigmoid", 10, 1e-5, 1e-2), BL_OK);
  plan(&chain, &schedule, "sampler.grid=full", "sampler.steps=10", "sampler.variance=large", "sampler.final_sigma=-1");
  for (int i = 0; i < 10; i++) {
    int t = 9 - i;
    assert_near(chain.time[i], t, 0.0);
    assert_near(chain.state[i], 1.0 / sqrt(1.0 - schedule.beta[t]), 1e-14);
    assert_near(chain.output[i], -schedule.beta[t] / sqrt((1.0 - schedule.alpha_bar[t]) * (1.0 - schedule.beta[t])), 1e-13);
    assert_near(chain.sigma[i], sqrt(schedule.beta[t]), 1e-12);
  }
  bl_chain_destroy(&chain);
  bl_schedule_destroy(&schedule);
}

/* A step from t to s < t is a step of the diffusion whose ᾱ are those of the grid. */
static void subsampled_steps_join_the_variances(void **state) {
  (void)state;
  const int quadratic[10] = {0, 9, 39, 88, 158, 246, 355, 483, 632, 800};
  bl_schedule schedule;
  bl_chain small, large;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  plan(&small, &schedule, "sampler.grid=quadratic", "sampler.steps=10", "sampler.variance=small", "sampler.final_sigma=0");
  plan(&large, &schedule, "sampler.grid=quadratic", "sampler.steps=10", "sampler.variance=large",
       "sampler.final_sigma=0.25");
  for (int i = 0; i < 10; i++) {
    int t = quadratic[9 - i], s = i == 9 ? -1 : quadratic[8 - i];
    double here = schedule.alpha_bar[t], next = s < 0 ? 1.0 : schedule.alpha_bar[s], alpha = here / next;
    assert_near(small.time[i], t, 0.0);
    assert_near(small.state[i], 1.0 / sqrt(alpha), 1e-13);
    assert_near(small.output[i], -(1.0 - alpha) / sqrt((1.0 - here) * alpha), 1e-12);
    assert_near(small.output[i], large.output[i], 0.0);
    if (i < 9) {
      assert_near(small.sigma[i] * small.sigma[i], (1.0 - alpha) * (1.0 - next) / (1.0 - here), 1e-14);
      assert_near(large.sigma[i] * large.sigma[i], 1.0 - alpha, 1e-14);
    }
  }
  assert_near(small.sigma[9], 0.0, 0.0);
  assert_near(large.sigma[9], 0.25, 0.0);
  bl_chain_destroy(&small);
  bl_chain_destroy(&large);
  bl_schedule_destroy(&schedule);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(toy_is_the_full_grid_with_large_variance),
      cmocka_unit_test(subsampled_steps_join_the_variances),
  };
  return cmocka_run_group_tests_name("ddpm", tests, NULL, NULL);
}
