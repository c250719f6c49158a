#include "base/memory.h"
#include "sampler/exact.h"
#include "store/moments.h"
#include "support/chain.h"
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/beeline-analytic-XXXXXX";
static char path[64];

static const double data_mean = 0.3, data_variance = 0.25;

static void make_schedule(bl_schedule *schedule) {
  assert_int_equal(bl_schedule_create(schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
}

/* Γ of N(m, s²), (1 − ᾱ) / (ᾱ s² + 1 − ᾱ), or a constant where \a constant is not negative. */
static void write_moments(const bl_schedule *schedule, double constant) {
  bl_moments moments;
  assert_int_equal(bl_moments_create(&moments, schedule->steps), BL_OK);
  moments.count = 5;
  for (int t = 0; t < schedule->steps; t++) {
    const double rest = 1.0 - schedule->alpha_bar[t];
    moments.alpha_bar[t] = schedule->alpha_bar[t];
    moments.gamma[t] = constant >= 0.0 ? constant : rest / (schedule->alpha_bar[t] * data_variance + rest);
  }
  assert_int_equal(bl_moments_write(&moments, path, NULL), BL_OK);
  bl_moments_destroy(&moments);
}

static bl_status try_plan(bl_chain *chain, const bl_schedule *schedule, int steps, double eta, double pixel_clip,
                          bool fine_tuning) {
  char texts[4][96];
  snprintf(texts[0], sizeof texts[0], "sampler.moments=%s", path);
  snprintf(texts[1], sizeof texts[1], "sampler.steps=%d", steps);
  snprintf(texts[2], sizeof texts[2], "sampler.eta=%.17g", eta);
  snprintf(texts[3], sizeof texts[3], "sampler.pixel_clip=%.17g", pixel_clip);
  const char *sets[] = {"sampler.name=analytic",
                        "sampler.grid=linear",
                        texts[0],
                        texts[1],
                        texts[2],
                        texts[3],
                        fine_tuning ? "sampler.final_sigma=0.001" : "sampler.final_sigma=-1"};
  bl_options *options;
  assert_int_equal(bl_options_load(&options, NULL, 7, sets), BL_OK);
  bl_status status = bl_sampler_plan(chain, schedule, options, fine_tuning);
  bl_options_destroy(&options);
  return status;
}

static void plan(bl_chain *chain, const bl_schedule *schedule, int steps, double eta, double pixel_clip) {
  if (try_plan(chain, schedule, steps, eta, pixel_clip, false) != BL_OK)
    fail_msg("%s", bl_status_message());
}

/* With Γ of a Gaussian the reverse steps are exact: after any of them, in however few and with whatever η, the state is
 * distributed as the data with noise; with η = 1 the variance is that of x_s given x_t. */
static void steps_on_a_gaussian_are_exact(void **state) {
  (void)state;
  bl_schedule schedule;
  make_schedule(&schedule);
  write_moments(&schedule, -1.0);
  const exact_data data = {
      .count = 1, .mean = {data_mean}, .weight = {1.0}, .variance = data_variance, .schedule = &schedule};
  const int counts[] = {2, 5, 10, 50};
  for (int k = 0; k < 12; k++) {
    const double eta = k % 3 / 2.0;
    const int steps = counts[k / 3];
    bl_chain chain;
    plan(&chain, &schedule, steps, eta, 0.0);
    const double first = test_alpha_bar(&chain, 0);
    double mean = sqrt(first) * data_mean, variance = first * data_variance + 1.0 - first;
    for (int i = 0; i + 1 < steps; i++) {
      const double here = test_alpha_bar(&chain, i), next = test_alpha_bar(&chain, i + 1), before = variance;
      const double offset = exact_epsilon(&data, 0.0, here);
      const double gain = chain.state[i] + chain.output[i] * (exact_epsilon(&data, 1.0, here) - offset);
      mean = gain * mean + chain.output[i] * offset;
      variance = gain * gain * variance + chain.sigma[i] * chain.sigma[i];
      const double expected = next * data_variance + 1.0 - next;
      assert_near(mean, sqrt(next) * data_mean, 1e-9);
      assert_near(variance, expected, 1e-9);
      if (eta == 1.0)
        assert_near(chain.sigma[i] * chain.sigma[i], expected - here / next * expected * expected / before, 1e-9);
    }
    assert_near(chain.sigma[steps - 1], 0.0, 0.0);
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
  for (int k = 0; k < 2; k++) {
    const double eta = k;
    write_moments(&schedule, 2.0); /* more than 1: C = 0, only the chain's own noise is left */
    plan(&chain, &schedule, STEPS, eta, 0.0);
    for (int i = 0; i + 1 < STEPS; i++) {
      const double here = test_alpha_bar(&chain, i), next = test_alpha_bar(&chain, i + 1);
      assert_near(chain.sigma[i], eta * sqrt((1.0 - here / next) * (1.0 - next) / (1.0 - here)), 1e-12);
    }
    bl_chain_destroy(&chain);
    write_moments(&schedule, 0.0); /* C = min((1 − ᾱ) / ᾱ, 1) */
    plan(&chain, &schedule, STEPS, eta, 0.0);
    for (int i = 0; i + 1 < STEPS; i++) {
      const double here = test_alpha_bar(&chain, i), next = test_alpha_bar(&chain, i + 1);
      const double own = eta * eta * (1.0 - here / next) * (1.0 - next) / (1.0 - here);
      const double factor = sqrt(next) - sqrt((1.0 - next - own) * here / (1.0 - here));
      assert_near(chain.sigma[i], sqrt(own + factor * factor * fmin((1.0 - here) / here, 1.0)), 1e-12);
    }
    const double free_sigma = chain.sigma[STEPS - 2];
    bl_chain_destroy(&chain);
    plan(&chain, &schedule, STEPS, eta, 2.0); /* E|σ z| is at most 2 levels of 255 over [−1, 1] */
    assert_near(chain.sigma[STEPS - 2] * sqrt(2.0 / 3.14159265358979323846), 4.0 / 255.0, 1e-12);
    assert_true(chain.sigma[STEPS - 2] < free_sigma);
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

static void fine_tuning_takes_it_and_foreign_files_are_refused(void **state) {
  (void)state;
  bl_schedule schedule, other;
  bl_chain chain;
  make_schedule(&schedule);
  assert_int_equal(bl_schedule_create(&other, "cosine", 1000, 1e-4, 0.02), BL_OK);
  write_moments(&schedule, -1.0);
  assert_int_equal(try_plan(&chain, &schedule, 10, 0.0, 2.0, true), BL_OK);
  bl_chain_destroy(&chain);
  bl_status_clear();
  assert_int_equal(try_plan(&chain, &other, 10, 0.0, 2.0, false), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "measured on another diffusion"));
  bl_status_clear();
  assert_int_equal(unlink(path), 0);
  assert_int_equal(try_plan(&chain, &schedule, 10, 0.0, 2.0, false), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), path));
  bl_status_clear();
  bl_schedule_destroy(&schedule);
  bl_schedule_destroy(&other);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_on_a_gaussian_are_exact),
      cmocka_unit_test(the_variance_keeps_its_bounds),
      cmocka_unit_test(fine_tuning_takes_it_and_foreign_files_are_refused),
  };
  if (!mkdtemp(folder))
    return 99;
  snprintf(path, sizeof path, "%s/moments.nc", folder);
  int failed = cmocka_run_group_tests_name("analytic", tests, NULL, NULL);
  unlink(path);
  rmdir(folder);
  return failed;
}
