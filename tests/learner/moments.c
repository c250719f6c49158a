#include "learner/moments.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "support/cmocka.h"

#include <string.h>

enum { STEPS = 20, SIZE = 6, COUNT = 50, BATCH = 8 };

static const double variance = 0.25;

/* What a predictor knows. */
typedef struct world_of_points {
  bl_schedule schedule;
  bl_dataset data;
} world_of_points;

static void make(world_of_points *w) {
  assert_int_equal(bl_schedule_create(&w->schedule, "linear", STEPS, 1e-3, 0.4), BL_OK);
  w->data = (bl_dataset){.count = COUNT, .channels = SIZE, .height = 1, .width = 1};
  assert_int_equal(bl_allocate(&w->data.points, COUNT * SIZE, sizeof *w->data.points), BL_OK);
  bl_random_normal(w->data.points, COUNT * SIZE, (bl_draw){.seed = 4, .purpose = BL_PURPOSE_TEST});
  for (int i = 0; i < COUNT * SIZE; i++)
    w->data.points[i] *= 0.5F;
}

static void destroy(world_of_points *w) {
  bl_schedule_destroy(&w->schedule);
  bl_dataset_destroy(&w->data);
}

/* The best ε of N(0, s²). */
static bl_status predict(void *model, float *epsilon, const bl_graph_inputs *inputs) {
  const float *x = inputs->x, *time = inputs->time;
  const world_of_points *w = model;
  for (int s = 0; s < BATCH; s++) {
    const double alpha_bar = w->schedule.alpha_bar[(int)time[s]];
    for (int e = 0; e < SIZE; e++)
      epsilon[s * SIZE + e] =
          (float)(sqrt(1.0 - alpha_bar) / (alpha_bar * variance + 1.0 - alpha_bar) * (double)x[s * SIZE + e]);
  }
  return BL_OK;
}

static void it_is_the_closed_form_on_a_gaussian(void **state) {
  (void)state;
  world_of_points w;
  bl_moments moments;
  make(&w);
  assert_int_equal(bl_moments_measure(&moments, predict, &w, &w.schedule, &w.data, 2000, BATCH, 1, NULL, MPI_COMM_WORLD),
                   BL_OK);
  assert_int_equal(moments.steps, STEPS);
  assert_int_equal(moments.count, 2000);
  for (int t = 0; t < STEPS; t++) {
    const double alpha_bar = w.schedule.alpha_bar[t], rest = 1.0 - alpha_bar;
    const double expected = rest / (alpha_bar * variance + rest);
    assert_near(moments.alpha_bar[t], alpha_bar, 0.0);
    /* Var(ε²) is 2 Γ² for each of the d elements; the 50 points, used again and again, add what they miss of s². */
    assert_near(moments.error[t], expected * sqrt(2.0 / SIZE / 2000.0), 0.3 * moments.error[t]);
    assert_near(moments.gamma[t], expected, 5.0 * moments.error[t] + 0.2 * expected * alpha_bar * variance);
  }
  bl_moments_destroy(&moments);
  destroy(&w);
  assert_int_equal(bl_memory_balance(), 0);
}

/* All ranks together measure the bits that one measures alone, also where a micro-batch is not full. */
static void ranks_measure_what_one_measures(void **state) {
  (void)state;
  const size_t counts[] = {1, 7, 8, 30, 120};
  world_of_points w;
  make(&w);
  for (int k = 0; k < 5; k++) {
    bl_moments together, alone;
    assert_int_equal(
        bl_moments_measure(&together, predict, &w, &w.schedule, &w.data, counts[k], BATCH, 3, NULL, MPI_COMM_WORLD), BL_OK);
    assert_int_equal(
        bl_moments_measure(&alone, predict, &w, &w.schedule, &w.data, counts[k], BATCH, 3, NULL, MPI_COMM_SELF), BL_OK);
    assert_memory_equal(together.gamma, alone.gamma, STEPS * sizeof(double));
    assert_memory_equal(together.error, alone.error, STEPS * sizeof(double));
    bl_moments_destroy(&together);
    bl_moments_destroy(&alone);
  }
  destroy(&w);
}

/* The draws are those that the documentation promises: sample k = 0 of two elements of the mean. */
static void samples_and_noise_are_the_documented_ones(void **state) {
  (void)state;
  world_of_points w;
  bl_moments moments;
  uint32_t order[COUNT];
  float z[SIZE];
  make(&w);
  assert_int_equal(bl_moments_measure(&moments, predict, &w, &w.schedule, &w.data, 1, BATCH, 9, NULL, MPI_COMM_WORLD),
                   BL_OK);
  bl_random_permutation(order, COUNT, (bl_draw){.seed = 9, .purpose = BL_PURPOSE_DATA_ORDER});
  for (int t = 0; t < STEPS; t++) {
    const double alpha_bar = w.schedule.alpha_bar[t], rest = 1.0 - alpha_bar;
    double sum = 0.0;
    bl_random_normal(
        z, SIZE, (bl_draw){.seed = 9, .purpose = BL_PURPOSE_FORWARD_NOISE, .round = (uint32_t)t, .sample = 0, .step = 1});
    for (int e = 0; e < SIZE; e++) {
      const double x = sqrt(alpha_bar) * (double)w.data.points[order[0] * SIZE + (uint32_t)e] + sqrt(rest) * (double)z[e];
      sum += rest * x * x / (alpha_bar * variance + rest) / (alpha_bar * variance + rest);
    }
    assert_near(moments.gamma[t], sum / SIZE, 1e-5);
    assert_near(moments.error[t], 0.0, 0.0);
  }
  bl_moments_destroy(&moments);
  destroy(&w);
}

static bl_status explode(void *model, float *epsilon, const bl_graph_inputs *inputs) {
  BL_TRY(predict(model, epsilon, inputs));
  if (inputs->time[0] == 3.0F)
    epsilon[0] = NAN;
  return BL_OK;
}

static void a_network_that_explodes_is_reported_on_every_rank(void **state) {
  (void)state;
  world_of_points w;
  bl_moments moments;
  make(&w);
  assert_int_equal(bl_moments_measure(&moments, explode, &w, &w.schedule, &w.data, 8, BATCH, 1, NULL, MPI_COMM_WORLD),
                   BL_ERROR_NUMERIC);
  assert_non_null(strstr(bl_status_message(), "predicted at step 4 is nan"));
  bl_status_clear();
  destroy(&w);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_the_closed_form_on_a_gaussian),
      cmocka_unit_test(ranks_measure_what_one_measures),
      cmocka_unit_test(samples_and_noise_are_the_documented_ones),
      cmocka_unit_test(a_network_that_explodes_is_reported_on_every_rank),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("moments", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
