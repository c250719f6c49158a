#include "diffusion/prediction.h"

#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { COUNT = 5 };

/* From z = α x + σ ε and each prediction come x and ε, at every level of noise, whether or not α² + σ² = 1. */
static void each_gives_the_others(void **state) {
  const float x[COUNT] = {0.5F, -1.0F, 0.0F, 0.25F, -0.125F}, epsilon[COUNT] = {1.5F, 0.0F, -2.0F, 0.75F, 0.5F};
  const bl_process levels[] = {bl_process_of(0.9999), bl_process_of(0.5), bl_process_of(4e-5), {0.75, 0.25}, {0.9, 1.5}};
  (void)state;
  for (int level = 0; level < 5; level++) {
    const bl_process process = levels[level];
    const double alpha = process.alpha, sigma = process.sigma;
    float z[COUNT], outputs[BL_PREDICTIONS][COUNT], found[COUNT];
    for (int i = 0; i < COUNT; i++) {
      z[i] = (float)(alpha * x[i] + sigma * epsilon[i]);
      outputs[BL_PREDICTION_EPSILON][i] = epsilon[i];
      outputs[BL_PREDICTION_X][i] = x[i];
      outputs[BL_PREDICTION_V][i] = (float)(alpha * epsilon[i] - sigma * x[i]);
      outputs[BL_PREDICTION_VELOCITY][i] = epsilon[i] - x[i];
    }
    for (int p = 0; p < BL_PREDICTIONS; p++) {
      /* Rounding of z and of the output, as large as what they are divided by is small. */
      const double tolerance_x = 4e-7 * (p == BL_PREDICTION_EPSILON ? 1.0 / alpha : 1.0);
      const double tolerance_epsilon = 4e-7 * (p == BL_PREDICTION_X ? 1.0 / sigma : 1.0);
      bl_prediction_x(found, (bl_prediction)p, outputs[p], z, process, COUNT);
      for (int i = 0; i < COUNT; i++)
        assert_near(found[i], x[i], tolerance_x);
      bl_prediction_epsilon(found, (bl_prediction)p, outputs[p], z, process, COUNT);
      for (int i = 0; i < COUNT; i++)
        assert_near(found[i], epsilon[i], tolerance_epsilon);
    }
  }
}

static void slope_is_the_change_of_x(void **state) {
  (void)state;
  const bl_process process = bl_process_of(0.3);
  for (int p = 0; p < BL_PREDICTIONS; p++) {
    const float z = 0.75F, low = -0.5F, high = 0.5F;
    float below, above;
    bl_prediction_x(&below, (bl_prediction)p, &low, &z, process, 1);
    bl_prediction_x(&above, (bl_prediction)p, &high, &z, process, 1);
    assert_near(above - below, bl_prediction_slope((bl_prediction)p, process), 1e-6);
  }
}

static void names_come_back(void **state) {
  bl_prediction found;
  (void)state;
  for (int p = 0; p < BL_PREDICTIONS; p++) {
    assert_int_equal(bl_prediction_parse(&found, bl_prediction_name((bl_prediction)p)), BL_OK);
    assert_int_equal(found, p);
  }
  assert_int_equal(bl_prediction_parse(&found, "noise"), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "epsilon, x, v or velocity"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_gives_the_others), cmocka_unit_test(slope_is_the_change_of_x),
                                     cmocka_unit_test(names_come_back)};
  return cmocka_run_group_tests_name("prediction", tests, NULL, NULL);
}
