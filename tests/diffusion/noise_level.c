#include "diffusion/noise_level.h"

#include "base/memory.h"
#include "support/cmocka.h"

static void whole_steps_are_those_of_the_schedule(void **state) {
  (void)state;
  const char *const names[] = {"linear", "sigmoid", "cosine"};
  for (int k = 0; k < 3; k++) {
    bl_schedule schedule;
    assert_int_equal(bl_schedule_create(&schedule, names[k], 100, 1e-4, 0.1), BL_OK);
    for (int t = 0; t < 100; t++) {
      const bl_noise_level level = bl_noise_level_at(&schedule, t);
      assert_near(level.alpha_bar, schedule.alpha_bar[t], 0.0);
      assert_near(level.alpha * level.alpha + level.sigma * level.sigma, 1.0, 1e-15);
      assert_near(level.log_snr, log(level.alpha / level.sigma), 1e-12 * (1.0 + fabs(level.log_snr)));
    }
    assert_near(bl_noise_level_at(&schedule, -3.0).time, 0.0, 0.0);
    assert_near(bl_noise_level_at(&schedule, 150.0).time, 99.0, 0.0);
    bl_schedule_destroy(&schedule);
  }
}

static void between_steps_log_alpha_is_linear_and_lambda_is_inverted(void **state) {
  (void)state;
  bl_schedule schedule;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  for (double time = 0.0; time < 999.0; time += 0.37) {
    const int i = (int)time;
    const bl_noise_level level = bl_noise_level_at(&schedule, time);
    const double left = 0.5 * log(schedule.alpha_bar[i]), right = 0.5 * log(schedule.alpha_bar[i + 1]);
    assert_near(log(level.alpha), left + (time - i) * (right - left), 1e-12);
    const bl_noise_level found = bl_noise_level_of(&schedule, level.log_snr);
    assert_near(found.time, time, 1e-7);
    assert_near(found.log_snr, level.log_snr, 1e-10);
  }
  assert_near(bl_noise_level_of(&schedule, 50.0).time, 0.0, 0.0);
  assert_near(bl_noise_level_of(&schedule, -50.0).time, 999.0, 0.0);
  bl_schedule_destroy(&schedule);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whole_steps_are_those_of_the_schedule),
      cmocka_unit_test(between_steps_log_alpha_is_linear_and_lambda_is_inverted),
  };
  return cmocka_run_group_tests_name("noise_level", tests, NULL, NULL);
}
