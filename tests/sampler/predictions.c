/* A chain speaks of what its network predicts: with the exact answers of ε, x_0, v and velocity, one trajectory. */
#include "base/random.h"
#include "sampler/exact.h"
#include "support/cmocka.h"

#include <math.h>

enum { MOST_STEPS = 20, MOST_SETS = 8, STATES = (MOST_STEPS + 1) * EXACT_SIZE };

static exact_data mixture(const bl_schedule *schedule) {
  return (exact_data){.count = 2, .mean = {-0.6, 0.4}, .weight = {0.3, 0.7}, .variance = 0.04, .schedule = schedule};
}

static const char *const gaussian[][MOST_SETS] = {
    {"sampler.name=fastdpm", "sampler.grid=step_quadratic", "sampler.steps=10", "sampler.kappa=1",
     "sampler.final_sigma=0.001"},
    {"sampler.name=fastdpm", "sampler.grid=step_linear", "sampler.steps=20", "sampler.kappa=0.5"},
    {"sampler.name=ddpm", "sampler.grid=linear", "sampler.steps=20", "sampler.variance=small"},
    {"sampler.name=ddpm", "sampler.grid=even", "sampler.steps=8", "sampler.variance=large"},
    {"sampler.name=ddim", "sampler.grid=even", "sampler.steps=4", "sampler.eta=0.5"},
    {"sampler.name=ddim", "sampler.grid=quadratic", "sampler.steps=10", "sampler.eta=0"},
    {"sampler.name=ddim", "sampler.grid=even", "sampler.steps=1", "sampler.eta=1"}};

static const char *const solvers[][MOST_SETS] = {
    {"sampler.name=dpm_solver", "sampler.grid=log_snr", "sampler.steps=9", "sampler.order=3"},
    {"sampler.name=dpm_solver", "sampler.grid=time", "sampler.steps=8", "sampler.order=2"},
    {"sampler.name=dpm_solver", "sampler.grid=log_snr", "sampler.steps=20", "sampler.order=0"},
    {"sampler.name=dpm_solver_pp", "sampler.grid=log_snr", "sampler.steps=12", "sampler.order=2"},
    {"sampler.name=unipc", "sampler.grid=log_snr", "sampler.steps=12", "sampler.order=3"},
    {"sampler.name=unipc", "sampler.grid=linear", "sampler.steps=5", "sampler.order=2"}};

static void walk(float *trajectory, exact_data *data, const bl_chain *chain) {
  float work[16 * EXACT_SIZE];
  assert_true(bl_sampler_work(chain, NULL, 1, EXACT_SIZE) <= sizeof work / sizeof *work);
  data->prediction = chain->prediction;
  assert_int_equal(bl_sampler_walk(trajectory, NULL, exact_predict, data, chain, NULL, 1, 0, 3, 1, EXACT_SIZE, work),
                   BL_OK);
}

/* Rounding of what is predicted counts as much as ε does in x_0, at the noisy end 160 times. */
static double tolerance(const bl_chain *chain, int state) {
  return state == 0 ? 0.0 : 4e-7 * (2.0 + 1.0 / chain->process[state - 1].alpha);
}

static void check_states(const float *expected, const float *found, const bl_chain *chain) {
  for (int i = 0; i <= chain->steps; i++) {
    double most = 0.0;
    for (int j = 0; j <= i; j++)
      most = fmax(most, tolerance(chain, j));
    for (int e = 0; e < EXACT_SIZE; e++)
      assert_near(found[i * EXACT_SIZE + e], expected[i * EXACT_SIZE + e], most);
  }
}

static void check_sampler(const char *const *sets, bool clip) {
  const char *all[MOST_SETS + 1] = {clip ? "sampler.clip=true" : "sampler.clip=false"};
  float expected[STATES], found[STATES];
  bl_schedule schedule;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  exact_data data = mixture(&schedule);
  for (int i = 0; i < MOST_SETS && sets[i]; i++)
    all[i + 1] = sets[i];
  for (int p = 0; p < BL_PREDICTIONS; p++) {
    bl_chain chain;
    exact_plan(&chain, &schedule, all);
    bl_chain_set_prediction(&chain, (bl_prediction)p);
    walk(p == BL_PREDICTION_EPSILON ? expected : found, &data, &chain);
    if (p != BL_PREDICTION_EPSILON)
      check_states(expected, found, &chain);
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

static void gaussian_steps_go_one_way(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof gaussian / sizeof *gaussian; k++)
    for (int clip = 0; clip < 2; clip++)
      check_sampler(gaussian[k], clip == 1);
}

static void solvers_go_one_way(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof solvers / sizeof *solvers; k++)
    for (int clip = 0; clip < 2; clip++)
      check_sampler(solvers[k], clip == 1);
}

/* Built for a prediction from the start, or converted: the same factors. */
static void the_order_of_building_does_not_matter(void **state) {
  (void)state;
  for (int p = 0; p < BL_PREDICTIONS; p++) {
    bl_chain before, after;
    assert_int_equal(bl_chain_create_deep(&before, 2, 1), BL_OK);
    assert_int_equal(bl_chain_create_deep(&after, 2, 1), BL_OK);
    bl_chain_set_prediction(&before, (bl_prediction)p);
    bl_chain *both[] = {&before, &after};
    for (int k = 0; k < 2; k++) {
      bl_chain_set_step(both[k], 0, 9, 0.2, 0.6, 0.3);
      bl_chain_begin_step(both[k], 1, 4, 0.6);
      bl_chain_add(both[k], 1, 0, 0.4, -0.2);
      bl_chain_add(both[k], 1, 1, 0.1, 0.7);
      bl_chain_add_origin(both[k], 1, 0, 0.9);
      bl_chain_add_origin(both[k], 1, 1, -0.3);
    }
    bl_chain_set_prediction(&after, (bl_prediction)p);
    for (int i = 0; i < 2; i++) {
      assert_near(before.state[i], after.state[i], 1e-14);
      assert_near(before.output[i], after.output[i], 1e-14);
      assert_near(before.past[i].state, after.past[i].state, 1e-14);
      assert_near(before.past[i].output, after.past[i].output, 1e-14);
    }
    bl_chain_destroy(&before);
    bl_chain_destroy(&after);
  }
}

/* What a step owes to the noise, and what a rollout predicted, do not depend on the words of the network. */
static void noise_and_origin_mean_the_same(void **state) {
  (void)state;
  const char *const *sets = gaussian[0];
  float trajectory[STATES], origin[EXACT_SIZE];
  double expected[MOST_STEPS];
  bl_schedule schedule;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  exact_data data = mixture(&schedule);
  for (int p = 0; p < BL_PREDICTIONS; p++) {
    bl_chain chain;
    exact_plan(&chain, &schedule, sets);
    for (int i = 0; i < chain.steps; i++)
      expected[i] = chain.output[i];
    bl_chain_set_prediction(&chain, (bl_prediction)p);
    walk(trajectory, &data, &chain);
    for (int i = 0; i < chain.steps; i++) {
      const bl_process process = chain.process[i];
      assert_near(bl_chain_noise_factor(&chain, i), expected[i], 1e-13);
      bl_sampler_origin(origin, &chain, i, trajectory, 1, 0, 3, 1, EXACT_SIZE);
      for (int e = 0; e < EXACT_SIZE; e++) {
        const double x = trajectory[i * EXACT_SIZE + e];
        const double epsilon = exact_epsilon(&data, x, process.alpha * process.alpha);
        const double gain = fmax(1.0 / process.alpha, 1.0 / fabs(expected[i]));
        assert_near(origin[e], (x - process.sigma * epsilon) / process.alpha, 1e-6 * gain);
      }
    }
    bl_chain_destroy(&chain);
  }
  bl_schedule_destroy(&schedule);
}

/* α² + σ² = 1 as one process among others: both ways to set a step give its factors. */
static void a_process_that_keeps_variance_is_the_known_one(void **state) {
  (void)state;
  for (int p = 0; p < BL_PREDICTIONS; p++) {
    bl_chain chain;
    assert_int_equal(bl_chain_create(&chain, 2), BL_OK);
    bl_chain_set_prediction(&chain, (bl_prediction)p);
    bl_chain_set_step(&chain, 0, 5, 0.3, 0.8, 0.2);
    bl_chain_set_process_step(&chain, 1, 5, bl_process_of(0.3), bl_process_of(0.8), 0.2);
    assert_near(chain.state[1], chain.state[0], 1e-14);
    assert_near(chain.output[1], chain.output[0], 1e-14);
    assert_near(chain.clipped_state[1], chain.clipped_state[0], 1e-14);
    assert_near(chain.clipped_origin[1], chain.clipped_origin[0], 1e-14);
    bl_chain_destroy(&chain);
  }
}

/* Flow matching: α = 1 − t, σ = t. On data N(m, s²) the exact x_0 is linear in the state, and \a steps steps take the mean
 * and the deviation of all noise to (mean, deviation). */
static void flow(double *mean, double *deviation, bl_prediction prediction, int steps, double share) {
  const double m = 0.3, s2 = 0.25;
  bl_chain chain;
  double variance = 1.0;
  assert_int_equal(bl_chain_create(&chain, steps), BL_OK);
  bl_chain_set_prediction(&chain, prediction);
  *mean = 0.0;
  for (int i = 0; i < steps; i++) {
    const double t = 1.0 - (double)i / steps, s = i == steps - 1 ? 0.0 : 1.0 - (i + 1.0) / steps;
    bl_chain_set_process_step(&chain, i, t, (bl_process){1.0 - t, t}, (bl_process){1.0 - s, s}, share * s);
    const double total = (1.0 - t) * (1.0 - t) * s2 + t * t, slope = (1.0 - t) * s2 / total;
    double of_x[BL_PREDICTIONS], at_0[BL_PREDICTIONS]; /* of the answer */
    of_x[BL_PREDICTION_X] = slope, at_0[BL_PREDICTION_X] = m - slope * (1.0 - t) * m;
    of_x[BL_PREDICTION_EPSILON] = t / total, at_0[BL_PREDICTION_EPSILON] = -t / total * (1.0 - t) * m;
    for (int k = 0; k < 2; k++) {
      double *answer = k == 0 ? of_x : at_0;
      answer[BL_PREDICTION_V] = (1.0 - t) * answer[BL_PREDICTION_EPSILON] - t * answer[BL_PREDICTION_X];
      answer[BL_PREDICTION_VELOCITY] = answer[BL_PREDICTION_EPSILON] - answer[BL_PREDICTION_X];
    }
    const double gain = chain.state[i] + chain.output[i] * of_x[prediction];
    *mean = gain * *mean + chain.output[i] * at_0[prediction];
    variance = gain * gain * variance + chain.sigma[i] * chain.sigma[i];
    if (prediction == BL_PREDICTION_VELOCITY && share == 0.0) { /* Euler's method for dx/dt = velocity */
      assert_near(chain.state[i], 1.0, 1e-13);
      assert_near(chain.output[i], s - t, 1e-13);
    }
  }
  *deviation = sqrt(variance);
  bl_chain_destroy(&chain);
}

static void a_straight_process_ends_at_the_data(void **state) {
  (void)state;
  const bl_prediction predictions[] = {BL_PREDICTION_X, BL_PREDICTION_V,
                                       BL_PREDICTION_VELOCITY}; /* ε tells nothing at α = 0 */
  for (int noisy = 0; noisy < 2; noisy++) {
    double expected[2] = {0.0};
    for (int k = 0; k < 3; k++) {
      double mean, deviation;
      flow(&mean, &deviation, predictions[k], 8000, noisy * 0.02);
      assert_near(mean, 0.3, 1e-3);
      assert_near(deviation, 0.5, 1e-3);
      if (k == 0)
        expected[0] = mean, expected[1] = deviation;
      assert_near(mean, expected[0], 1e-10);
      assert_near(deviation, expected[1], 1e-10);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gaussian_steps_go_one_way),
      cmocka_unit_test(solvers_go_one_way),
      cmocka_unit_test(the_order_of_building_does_not_matter),
      cmocka_unit_test(noise_and_origin_mean_the_same),
      cmocka_unit_test(a_process_that_keeps_variance_is_the_known_one),
      cmocka_unit_test(a_straight_process_ends_at_the_data),
  };
  return cmocka_run_group_tests_name("predictions", tests, NULL, NULL);
}
