#include "support/chain.h"
#include "support/cmocka.h"
#include "support/small_sampler.h"

#include <math.h>
#include <string.h>

enum { BATCH = 6, SIZE = 3, STEPS = TEST_SMALL_STEPS };

static void trajectory_obeys_the_documented_draws(void **state) {
  (void)state;
  enum { COUNT = BATCH * SIZE };
  test_small_sampler f;
  test_small_sampler_create(&f, SIZE, BATCH);
  float trajectory[(STEPS + 1) * COUNT], final[COUNT], alone[COUNT], work[3 * COUNT];
  assert_int_equal(bl_sampler_rollout(trajectory, final, f.graph, &f.chain, NULL, 9, 4, 60, BATCH, work), BL_OK);
  assert_int_equal(bl_sampler_rollout(NULL, alone, f.graph, &f.chain, NULL, 9, 4, 60, BATCH, work), BL_OK);
  assert_memory_equal(final, alone, sizeof final);
  assert_memory_equal(final, trajectory + STEPS * COUNT, sizeof final);
  assert_int_equal(bl_graph_evaluations(f.graph), 2 * STEPS * BATCH);

  float time[BATCH], epsilon[COUNT];
  for (int i = 0; i <= STEPS; i++) {
    bl_draw draw = {.seed = 9, .purpose = i == 0 ? BL_PURPOSE_PRIOR : BL_PURPOSE_TRANSITION, .round = 4};
    draw.step = i == 0 ? 0 : (uint32_t)(i - 1);
    if (i > 0) {
      for (int s = 0; s < BATCH; s++)
        time[s] = f.chain.time[i - 1];
      assert_int_equal(
          bl_graph_forward(f.graph, epsilon, &(bl_graph_inputs){.x = trajectory + (i - 1) * COUNT, .time = time}), BL_OK);
    }
    for (int s = 0; s < BATCH; s++) {
      float z[SIZE];
      draw.sample = 60 + (uint32_t)s;
      bl_random_normal(z, SIZE, draw);
      for (int e = 0; e < SIZE; e++) {
        int place = s * SIZE + e;
        double expected = (double)z[e];
        if (i > 0)
          expected = f.chain.state[i - 1] * (double)trajectory[(i - 1) * COUNT + place] +
                     f.chain.output[i - 1] * (double)epsilon[place] + f.chain.sigma[i - 1] * (double)z[e];
        assert_near(trajectory[i * COUNT + place], expected, 2e-6);
      }
    }
  }
  test_small_sampler_destroy(&f);
}

static void what_was_predicted_comes_back(void **state) {
  (void)state;
  enum { COUNT = BATCH * SIZE };
  test_small_sampler f;
  test_small_sampler_create(&f, SIZE, BATCH);
  float trajectory[(STEPS + 1) * COUNT], work[3 * COUNT], time[BATCH], epsilon[COUNT], origin[COUNT];
  assert_int_equal(bl_sampler_rollout(trajectory, NULL, f.graph, &f.chain, NULL, 9, 4, 60, BATCH, work), BL_OK);
  for (int i = 0; i < STEPS; i++) {
    const float *x = trajectory + i * COUNT;
    const double alpha_bar = test_alpha_bar(&f.chain, i);
    for (int s = 0; s < BATCH; s++)
      time[s] = f.chain.time[i];
    assert_int_equal(bl_graph_forward(f.graph, epsilon, &(bl_graph_inputs){.x = x, .time = time}), BL_OK);
    bl_sampler_origin(origin, &f.chain, i, trajectory, 9, 4, 60, BATCH, SIZE);
    for (int j = 0; j < COUNT; j++)
      assert_near(origin[j], ((double)x[j] - sqrt(1 - alpha_bar) * (double)epsilon[j]) / sqrt(alpha_bar), 1e-4);
  }
  test_small_sampler_destroy(&f);
}

static void a_network_that_explodes_is_reported(void **state) {
  (void)state;
  test_small_sampler f;
  float final[BATCH * SIZE], work[3 * BATCH * SIZE];
  test_small_sampler_create(&f, SIZE, BATCH);
  size_t count = bl_graph_parameters(f.graph)->count;
  for (size_t i = 0; i < count; i++)
    f.parameters[i] = 1e30F;
  assert_int_equal(bl_graph_load(f.graph, f.parameters), BL_OK);
  bl_status_clear();
  assert_int_equal(bl_sampler_rollout(NULL, final, f.graph, &f.chain, NULL, 9, 4, 60, BATCH, work), BL_ERROR_NUMERIC);
  assert_non_null(strstr(bl_status_message(), "sample 60 is not finite"));
  bl_status_clear();
  test_small_sampler_destroy(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trajectory_obeys_the_documented_draws),
      cmocka_unit_test(what_was_predicted_comes_back),
      cmocka_unit_test(a_network_that_explodes_is_reported),
  };
  return cmocka_run_group_tests_name("rollout", tests, NULL, NULL);
}
