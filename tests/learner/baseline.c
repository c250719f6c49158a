/* The line of least squares through f(x̂_0), as a baseline. */
#include "learner/baseline.h"

#include "base/random.h"
#include "support/cmocka.h"

#include <math.h>

enum { SAMPLES = 50 };

static bl_baseline fit(const double *cost, const double *predicted) {
  double means[BL_BASELINE_MOMENTS] = {0};
  for (int i = 0; i < SAMPLES; i++) {
    double moments[BL_BASELINE_MOMENTS];
    bl_baseline_moments(moments, cost[i], predicted[i]);
    for (int j = 0; j < BL_BASELINE_MOMENTS; j++)
      means[j] += moments[j] / SAMPLES;
  }
  return bl_baseline_fit(means);
}

static void draw(double *values, uint32_t stream) {
  float drawn[SAMPLES];
  bl_random_normal(drawn, SAMPLES, (bl_draw){.seed = 4, .purpose = BL_PURPOSE_TEST, .sample = stream});
  for (int i = 0; i < SAMPLES; i++)
    values[i] = drawn[i];
}

static void a_line_is_taken_away_whole(void **state) {
  double cost[SAMPLES], predicted[SAMPLES];
  (void)state;
  draw(predicted, 1);
  for (int i = 0; i < SAMPLES; i++)
    cost[i] = 100 - 2.5 * predicted[i];
  const bl_baseline line = fit(cost, predicted);
  for (int i = 0; i < SAMPLES; i++)
    assert_near(bl_baseline_residual(&line, cost[i], predicted[i]), 0, 1e-10);
}

/* The normal equations: what is left has mean 0 and does not go along with the prediction. */
static void what_is_left_is_orthogonal(void **state) {
  double cost[SAMPLES], predicted[SAMPLES], noise[SAMPLES], sum = 0, product = 0;
  (void)state;
  draw(predicted, 1);
  draw(noise, 2);
  for (int i = 0; i < SAMPLES; i++)
    cost[i] = 3 + 0.7 * predicted[i] * predicted[i] + noise[i];
  const bl_baseline line = fit(cost, predicted);
  for (int i = 0; i < SAMPLES; i++) {
    const double left = bl_baseline_residual(&line, cost[i], predicted[i]);
    sum += left;
    product += left * predicted[i];
  }
  assert_near(sum, 0, 1e-10);
  assert_near(product, 0, 1e-10);
}

static void equal_predictions_say_nothing(void **state) {
  double cost[SAMPLES], predicted[SAMPLES];
  (void)state;
  draw(cost, 1);
  for (int i = 0; i < SAMPLES; i++)
    predicted[i] = 0.1;
  assert_near(fit(cost, predicted).slope, 0, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_line_is_taken_away_whole),
                                     cmocka_unit_test(what_is_left_is_orthogonal),
                                     cmocka_unit_test(equal_predictions_say_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
