#include "diffusion/chain.h"

#include "base/memory.h"
#include "base/random.h"
#include "diffusion/schedule.h"
#include "support/chain.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

/* The chain of DDPM on all steps. */
static void make_ddpm(bl_chain *chain, const bl_schedule *schedule, bool large) {
  assert_int_equal(bl_chain_create(chain, schedule->steps), BL_OK);
  for (int i = 0; i < schedule->steps; i++) {
    int t = schedule->steps - 1 - i;
    double here = schedule->alpha_bar[t], next = t > 0 ? schedule->alpha_bar[t - 1] : 1.0;
    double posterior = sqrt(schedule->beta[t] * (1.0 - next) / (1.0 - here));
    bl_chain_set_step(chain, i, t, here, next, posterior);
    if (large)
      chain->sigma[i] = sqrt(schedule->beta[t]);
  }
}

static void coefficients_are_those_of_the_paper(void **state) {
  (void)state;
  bl_schedule schedule;
  bl_chain chain;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  make_ddpm(&chain, &schedule, false);
  for (int i = 0; i < 1000; i++) {
    int t = 999 - i;
    double alpha = 1.0 - schedule.beta[t], here = schedule.alpha_bar[t], next = t > 0 ? schedule.alpha_bar[t - 1] : 1.0;
    /* Ho et al. 2020, equations 11 and 7. */
    assert_near(chain.state[i], 1.0 / sqrt(alpha), 1e-12);
    assert_near(chain.output[i], -schedule.beta[t] / sqrt((1.0 - here) * alpha), 1e-12);
    assert_near(chain.clipped_state[i], sqrt(alpha) * (1.0 - next) / (1.0 - here), 1e-10);
    assert_near(chain.clipped_origin[i], sqrt(next) * schedule.beta[t] / (1.0 - here), 1e-10);
    assert_true(chain.sigma[i] >= 0.0 && chain.sigma[i] * chain.sigma[i] <= schedule.beta[t]);
    assert_near(chain.time[i], t, 0.0);
  }
  assert_near(chain.sigma[999], 0.0, 0.0);
  bl_chain_destroy(&chain);
  bl_schedule_destroy(&schedule);
}

/* On data N(m, s²) the best ε is linear in x, so every marginal of the chain is a Gaussian whose mean and variance obey a
 * recursion; the test iterates it with the formulas of the paper. */
static double exact_epsilon(double x, double alpha_bar, double m, double s2) {
  return sqrt(1.0 - alpha_bar) * (x - sqrt(alpha_bar) * m) / (alpha_bar * s2 + 1.0 - alpha_bar);
}

static void check_gaussian(int steps, double beta_last, bool large, double marginal_tolerance) {
  enum { COUNT = 40000 };
  const double m = 0.3, s2 = 0.04;
  bl_schedule schedule;
  bl_chain chain;
  float *x = NULL, *epsilon = NULL, *z = NULL;
  assert_int_equal(bl_schedule_create(&schedule, "linear", steps, 1e-4, beta_last), BL_OK);
  make_ddpm(&chain, &schedule, large);
  assert_int_equal(bl_allocate(&x, COUNT, sizeof *x), BL_OK);
  assert_int_equal(bl_allocate(&epsilon, COUNT, sizeof *x), BL_OK);
  assert_int_equal(bl_allocate(&z, COUNT, sizeof *x), BL_OK);

  bl_draw draw = {.seed = 5, .purpose = BL_PURPOSE_TEST};
  bl_random_normal(x, COUNT, draw);
  double mean = 0.0, variance = 1.0;
  for (int i = 0; i < steps; i++) {
    int t = steps - 1 - i;
    double here = schedule.alpha_bar[t], next = t > 0 ? schedule.alpha_bar[t - 1] : 1.0, beta = schedule.beta[t];
    for (int e = 0; e < COUNT; e++)
      epsilon[e] = (float)exact_epsilon((double)x[e], here, m, s2);
    draw.sample = 1;
    draw.step = (uint32_t)i;
    bl_random_normal(z, COUNT, draw);
    bl_chain_step(x, &chain, i, x, epsilon, z, 1, COUNT);

    double slope = exact_epsilon(1.0, here, m, s2) - exact_epsilon(0.0, here, m, s2);
    double gain = (1.0 - beta / sqrt(1.0 - here) * slope) / sqrt(1.0 - beta);
    mean = gain * mean - beta / sqrt((1.0 - here) * (1.0 - beta)) * exact_epsilon(0.0, here, m, s2);
    variance = gain * gain * variance + (large ? beta : beta * (1.0 - next) / (1.0 - here));
  }
  double sum = 0.0, squares = 0.0;
  for (int e = 0; e < COUNT; e++)
    sum += (double)x[e];
  sum /= COUNT;
  for (int e = 0; e < COUNT; e++)
    squares += ((double)x[e] - sum) * ((double)x[e] - sum);
  squares /= COUNT - 1;
  assert_near(sum, mean, 5.0 * sqrt(variance / COUNT));
  assert_near(squares, variance, 5.0 * variance * sqrt(2.0 / COUNT));
  if (marginal_tolerance > 0.0) { /* a fine chain reproduces the data */
    assert_near(mean, m, marginal_tolerance);
    assert_near(sqrt(variance), sqrt(s2), marginal_tolerance);
  }
  bl_free(&x);
  bl_free(&epsilon);
  bl_free(&z);
  bl_chain_destroy(&chain);
  bl_schedule_destroy(&schedule);
}

static void a_gaussian_is_sampled_as_the_closed_form_says(void **state) {
  (void)state;
  check_gaussian(1000, 0.02, false, 0.005);
  check_gaussian(1000, 0.02, true, 0.005);
  check_gaussian(10, 0.6, false, 0.0);
  check_gaussian(10, 0.6, true, 0.0);
}

static void clipping_changes_only_what_is_outside(void **state) {
  (void)state;
  bl_schedule schedule;
  bl_chain chain;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 10, 1e-3, 0.3), BL_OK);
  make_ddpm(&chain, &schedule, false);
  for (int i = 0; i < 10; i++) {
    double here = test_alpha_bar(&chain, i);
    const float origin[3] = {0.4F, -0.9F, 3.0F}, epsilon[3] = {0.7F, -1.1F, 0.2F}, z[3] = {1.0F, -1.0F, 0.5F};
    float x[3], plain[3], clipped[3];
    for (int e = 0; e < 3; e++)
      x[e] = (float)(sqrt(here) * (double)origin[e] + sqrt(1.0 - here) * (double)epsilon[e]);
    chain.clip = false;
    bl_chain_step(plain, &chain, i, x, epsilon, z, 1, 3);
    chain.clip = true;
    bl_chain_step(clipped, &chain, i, x, epsilon, z, 1, 3);
    assert_near(clipped[0], plain[0], 2e-6);
    assert_near(clipped[1], plain[1], 2e-6);
    double expected = chain.clipped_state[i] * (double)x[2] + chain.clipped_origin[i] + chain.sigma[i] * 0.5;
    assert_near(clipped[2], (float)expected, 1e-6);
    assert_true(clipped[2] < plain[2]);
  }
  bl_chain_destroy(&chain);
  bl_schedule_destroy(&schedule);
}

static void stepping_in_place_gives_the_same_bits(void **state) {
  (void)state;
  enum { COUNT = 103 };
  bl_schedule schedule;
  bl_chain chain;
  float x[COUNT], epsilon[COUNT], z[COUNT], apart[COUNT];
  assert_int_equal(bl_schedule_create(&schedule, "cosine", 10, 0.0, 0.0), BL_OK);
  make_ddpm(&chain, &schedule, true);
  for (int clip = 0; clip < 2; clip++) {
    chain.clip = clip == 1;
    bl_random_normal(x, COUNT, (bl_draw){.purpose = BL_PURPOSE_TEST});
    bl_random_normal(epsilon, COUNT, (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = 1});
    bl_random_normal(z, COUNT, (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = 2});
    bl_chain_step(apart, &chain, 4, x, epsilon, z, 1, COUNT);
    bl_chain_step(x, &chain, 4, x, epsilon, z, 1, COUNT);
    assert_memory_equal(x, apart, sizeof x);
  }
  bl_chain_destroy(&chain);
  bl_schedule_destroy(&schedule);
}

/* One-step chain with mean 0.9 x − 0.3 ε. */
static void make_single(bl_chain *chain, double sigma) {
  assert_int_equal(bl_chain_create(chain, 1), BL_OK);
  chain->state[0] = 0.9;
  chain->output[0] = -0.3;
  chain->sigma[0] = sigma;
}

static void density_integrates_to_one(void **state) {
  (void)state;
  const double sigmas[] = {0.001, 0.1, 2.0};
  for (int k = 0; k < 3; k++) {
    bl_chain chain;
    make_single(&chain, sigmas[k]);
    const int step = 0;
    const float x = 0.25F, epsilon = -0.5F; /* mean 0.375 */
    double integral = 0.0, moment = 0.0, width = 1.0 / 1024.0;
    for (int n = -8192; n <= 8192; n++) {
      double place = n * width * sigmas[k];
      float next = (float)(0.375 + place);
      double log_density;
      bl_chain_log_density(&log_density, &chain, &step, &x, &epsilon, &next, 1, 1, n % 2 == 0);
      integral += exp(log_density) * width * sigmas[k];
      moment += exp(log_density) * place * place * width * sigmas[k];
    }
    assert_near(integral, 1.0, 1e-4);
    assert_near(moment / (sigmas[k] * sigmas[k]), 1.0, 1e-3);
    bl_chain_destroy(&chain);
  }
}

static void check_gradient(bl_prediction prediction) {
  enum { BATCH = 3, SIZE = 11, COUNT = BATCH * SIZE };
  bl_schedule schedule;
  bl_chain chain;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 10, 1e-3, 0.3), BL_OK);
  make_ddpm(&chain, &schedule, true);
  bl_chain_set_prediction(&chain, prediction);
  const int step[BATCH] = {0, 9, 4};
  const double weight[BATCH] = {0.7, -1.3, 2.0};
  float x[COUNT], output[COUNT], next[COUNT], gradient[COUNT];
  bl_random_normal(x, COUNT, (bl_draw){.purpose = BL_PURPOSE_TEST});
  bl_random_normal(output, COUNT, (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = 1});
  bl_random_normal(next, COUNT, (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = 2});
  for (int mean = 0; mean < 2; mean++) {
    bl_chain_log_density_gradient(gradient, &chain, step, x, output, next, weight, BATCH, SIZE, mean == 1);
    for (int e = 0; e < COUNT; e++) {
      double value[2];
      float kept = output[e];
      for (int side = 0; side < 2; side++) {
        double log_density[BATCH];
        output[e] = kept + (side == 0 ? 0.5F : -0.5F); /* log p is quadratic in the output: the quotient is exact */
        bl_chain_log_density(log_density, &chain, step, x, output, next, BATCH, SIZE, mean == 1);
        value[side] = 0.0;
        for (int b = 0; b < BATCH; b++)
          value[side] += weight[b] * log_density[b];
      }
      double width = (double)(kept + 0.5F) - (double)(kept - 0.5F),
             middle = 0.5 * ((double)(kept + 0.5F) + (double)(kept - 0.5F));
      output[e] = kept;
      double quotient = (value[0] - value[1]) / width;
      assert_near(middle, (double)kept, 1e-6);
      assert_near((double)gradient[e], quotient, 1e-5 * (1.0 + fabs(quotient)));
    }
  }
  bl_chain_destroy(&chain);
  bl_schedule_destroy(&schedule);
}

static void gradient_is_the_finite_difference(void **state) {
  (void)state;
  for (int p = 0; p < BL_PREDICTIONS; p++)
    check_gradient((bl_prediction)p);
}

static void mean_is_sum_over_size(void **state) {
  (void)state;
  enum { SIZE = 13 };
  bl_chain chain;
  make_single(&chain, 0.2);
  const int step = 0;
  float x[SIZE], epsilon[SIZE], next[SIZE];
  double mean, sum, expected = 0.0;
  for (int e = 0; e < SIZE; e++) {
    x[e] = 0.1F * (float)e;
    epsilon[e] = 0.5F - 0.05F * (float)e;
    next[e] = 0.07F * (float)e;
    double gap = (double)next[e] - 0.9 * (double)x[e] + 0.3 * (double)epsilon[e];
    expected += -0.5 * gap * gap / 0.04 - log(0.2 * sqrt(2.0 * acos(-1.0)));
  }
  bl_chain_log_density(&mean, &chain, &step, x, epsilon, next, 1, SIZE, true);
  bl_chain_log_density(&sum, &chain, &step, x, epsilon, next, 1, SIZE, false);
  assert_near(sum, expected, 1e-12);
  assert_near(mean * SIZE, sum, 1e-12);
  bl_chain_destroy(&chain);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(coefficients_are_those_of_the_paper),
      cmocka_unit_test(a_gaussian_is_sampled_as_the_closed_form_says),
      cmocka_unit_test(clipping_changes_only_what_is_outside),
      cmocka_unit_test(stepping_in_place_gives_the_same_bits),
      cmocka_unit_test(density_integrates_to_one),
      cmocka_unit_test(gradient_is_the_finite_difference),
      cmocka_unit_test(mean_is_sum_over_size),
  };
  return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
