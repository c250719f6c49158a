#include "diffusion/schedule.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"linear", "quadratic", "sigmoid", "cosine"};

enum { NAMES = sizeof names / sizeof names[0] };

static void alpha_bar_falls_and_posterior_variance_is_below_beta(void **state) {
  (void)state;
  const int sizes[] = {1, 2, 10, 100, 1000};
  for (int n = 0; n < NAMES; n++) {
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
      bl_schedule schedule;
      assert_int_equal(bl_schedule_create(&schedule, names[n], sizes[k], 1e-4, 0.02), BL_OK);
      double before = 1.0;
      for (int t = 0; t < sizes[k]; t++) {
        double beta = schedule.beta[t], here = schedule.alpha_bar[t];
        assert_true(beta > 0.0 && beta < 1.0);
        assert_true(here > 0.0 && here < before);
        double posterior = beta * (1.0 - before) / (1.0 - here);
        assert_true(posterior >= 0.0 && posterior <= beta);
        before = here;
      }
      bl_schedule_destroy(&schedule);
    }
  }
}

static void betas_follow_their_law(void **state) {
  (void)state;
  bl_schedule schedule;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  assert_near(schedule.beta[0], 1e-4, 1e-17);
  assert_near(schedule.beta[999], 0.02, 1e-17);
  assert_near(schedule.beta[500] - schedule.beta[499], 0.0199 / 999.0, 1e-15);
  assert_near(schedule.alpha_bar[999], 4.0358e-5, 1e-9); /* Ho et al. 2020's schedule */
  bl_schedule_destroy(&schedule);

  assert_int_equal(bl_schedule_create(&schedule, "quadratic", 5, 0.01, 0.09), BL_OK);
  for (int t = 0; t < 5; t++)
    assert_near(schedule.beta[t], (0.1 + 0.05 * t) * (0.1 + 0.05 * t), 1e-15);
  bl_schedule_destroy(&schedule);

  assert_int_equal(bl_schedule_create(&schedule, "sigmoid", 13, 1e-5, 1e-2), BL_OK);
  assert_near(schedule.beta[6], 0.5 * (1e-5 + 1e-2), 1e-15);
  assert_near(schedule.beta[7], 1e-5 + 0.00999 / (1.0 + exp(-1.0)), 1e-15);
  for (int t = 0; t < 13; t++)
    assert_near(schedule.beta[t] + schedule.beta[12 - t], 1e-5 + 1e-2, 1e-15);
  bl_schedule_destroy(&schedule);

  assert_int_equal(bl_schedule_create(&schedule, "cosine", 100, 0.0, 0.0), BL_OK);
  const double half_pi = acos(0.0);
  double start = cos(0.008 / 1.008 * half_pi);
  for (int t = 0; t < 99; t++) {
    double wave = cos(((t + 1) / 100.0 + 0.008) / 1.008 * half_pi);
    assert_near(schedule.alpha_bar[t], wave * wave / (start * start), 1e-13);
  }
  assert_near(schedule.beta[99], 0.999, 0.0);
  bl_schedule_destroy(&schedule);
}

/* log ᾱ(t) = (t + 1) log δ + log Γ(c + 1) − log Γ(c − t) with δ = β_{t+1} − β_t, c = (1 − β_1) / δ (Kong & Ping 2021). As
 * it stands it loses ten digits; the law F(t + 1) − F(t) = log(1 − β(t + 1)) that defines it is checked to more. */
static void fractional_times_are_those_of_the_gamma_function(void **state) {
  (void)state;
  bl_schedule schedule;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  double slope = 0.0199 / 999.0, c = (1.0 - 1e-4) / slope;
  for (int whole = 0; whole + 2 < 1000; whole += 31) {
    for (int part = 1; part < 8; part++) {
      double u = part / 8.0, time = whole + u;
      double here = bl_schedule_fractional_log_alpha_bar(&schedule, whole, u);
      double later = bl_schedule_fractional_log_alpha_bar(&schedule, whole + 1, u);
      assert_near(here, (time + 1.0) * log(slope) + lgamma(c + 1.0) - lgamma(c - time), 1e-9);
      assert_near(later - here, log(1.0 - 1e-4 - slope * (time + 1.0)), 1e-14);
      assert_near(bl_schedule_time_of(&schedule, exp(here)), time, 1e-7);
    }
  }
  bl_schedule_destroy(&schedule);
}

static void time_of_inverts_alpha_bar_for_every_schedule(void **state) {
  (void)state;
  const int sizes[] = {2, 10, 1000, 100000};
  for (int n = 0; n < NAMES; n++) {
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
      bl_schedule schedule;
      int steps = sizes[k], stride = steps > 1000 ? 977 : 1;
      assert_int_equal(bl_schedule_create(&schedule, names[n], steps, 1e-4, 0.02), BL_OK);
      for (int t = 0; t + 1 < steps; t += stride) {
        if (schedule.alpha_bar[t + 1] < 1e-250)
          break; /* a long chain runs out of numbers */
        assert_near(bl_schedule_fractional_log_alpha_bar(&schedule, t, 1.0), log(schedule.alpha_bar[t + 1]), 1e-9);
        assert_near(bl_schedule_time_of(&schedule, schedule.alpha_bar[t]), t, 1e-6);
        double halfway = exp(bl_schedule_fractional_log_alpha_bar(&schedule, t, 0.5));
        assert_true(halfway < schedule.alpha_bar[t] && halfway > schedule.alpha_bar[t + 1]);
      }
      assert_near(bl_schedule_time_of(&schedule, 1.0), 0.0, 0.0);
      assert_near(bl_schedule_time_of(&schedule, 0.0), steps - 1, 0.0);
      bl_schedule_destroy(&schedule);
    }
  }
}

static void refuses(const char *name, int steps, double first, double last, const char *word) {
  bl_schedule schedule;
  bl_status_clear();
  assert_int_equal(bl_schedule_create(&schedule, name, steps, first, last), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), word));
  bl_status_clear();
}

static void nonsense_is_refused(void **state) {
  (void)state;
  refuses("Linear", 10, 1e-4, 0.02, "\"sigmoid\"");
  refuses("linear", 0, 1e-4, 0.02, "diffusion.steps is 0");
  refuses("linear", 10, 0.0, 0.02, "diffusion.beta_first is 0");
  refuses("linear", 10, 0.03, 0.02, "first <= last");
  refuses("linear", 10, 1e-4, 1.0, "last < 1");
  refuses("linear", 10, (double)NAN, 0.02, "nan");
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alpha_bar_falls_and_posterior_variance_is_below_beta),
      cmocka_unit_test(betas_follow_their_law),
      cmocka_unit_test(fractional_times_are_those_of_the_gamma_function),
      cmocka_unit_test(time_of_inverts_alpha_bar_for_every_schedule),
      cmocka_unit_test(nonsense_is_refused),
  };
  return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
