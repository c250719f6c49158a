#include "layer/exponential.h"

#include "support/cmocka.h"

#include <math.h>

/* Relative error over the whole range, in steps far from any binary pattern. */
static void is_as_exact_as_stated(void **state) {
  (void)state;
  double worst = 0.0;
  for (double x = -87.0; x <= 87.0; x += 3.7e-5) {
    const double exact = exp((double)(float)x);
    worst = fmax(worst, fabs((double)bl_exponential((float)x) - exact) / exact);
  }
  assert_true(worst <= 1.2e-7);
  assert_true(bl_exponential(0.0f) == 1.0f);
}

static void saturates_and_passes_nan_on(void **state) {
  (void)state;
  assert_true(bl_exponential(1e30f) == bl_exponential(87.0f));
  assert_true(bl_exponential(INFINITY) == bl_exponential(87.0f));
  assert_true(bl_exponential(-INFINITY) == bl_exponential(-87.0f));
  assert_true(isnan(bl_exponential(NAN)));
  assert_true(bl_sigmoid(-1e30f) > 0.0f && bl_sigmoid(-1e30f) < 1e-37f);
  assert_true(bl_sigmoid(1e30f) == 1.0f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(is_as_exact_as_stated),
                                     cmocka_unit_test(saturates_and_passes_nan_on)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
