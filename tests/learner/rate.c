#include "learner/rate.h"

#include "support/cmocka.h"

#include <string.h>

static void runs_from_first_to_last(void **state) {
  (void)state;
  const bl_rate linear = {.first = 1e-3, .last = 1e-4, .decay = BL_DECAY_LINEAR};
  const bl_rate cosine = {.first = 1e-3, .last = 1e-4, .decay = BL_DECAY_COSINE};
  const bl_rate none = {.first = 1e-3, .last = 1e-4, .decay = BL_DECAY_NONE};
  assert_near(bl_rate_at(&linear, 0, 11), 1e-3, 1e-18);
  assert_near(bl_rate_at(&linear, 10, 11), 1e-4, 1e-18);
  assert_near(bl_rate_at(&linear, 5, 11), 5.5e-4, 1e-18);
  assert_near(bl_rate_at(&cosine, 0, 11), 1e-3, 1e-18);
  assert_near(bl_rate_at(&cosine, 10, 11), 1e-4, 1e-18);
  assert_near(bl_rate_at(&cosine, 5, 11), 5.5e-4, 1e-15);
  assert_near(bl_rate_at(&none, 10, 11), 1e-3, 0);
  assert_near(bl_rate_at(&linear, 0, 1), 1e-3, 0);
  for (int round = 1; round < 11; round++) {
    assert_true(bl_rate_at(&linear, round, 11) < bl_rate_at(&linear, round - 1, 11));
    assert_true(bl_rate_at(&cosine, round, 11) < bl_rate_at(&cosine, round - 1, 11));
  }
}

static void steps_that_overshoot_are_refused(void **state) {
  static const char *const wrong = "learner.optimiser.start_decay=1e6";
  (void)state;
  bl_options *options = NULL;
  bl_rate rate;
  bl_optimiser_settings settings;
  assert_int_equal(bl_options_load(&options, NULL, 1, &wrong), BL_OK);
  assert_int_equal(bl_rate_create(&rate, &settings, options, &options->learner.optimiser, "learner.optimiser"),
                   BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "learner.optimiser.start_decay is"));
  bl_status_clear();
  bl_options_destroy(&options);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(runs_from_first_to_last),
                                     cmocka_unit_test(steps_that_overshoot_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
