#include "diffusion/denoise.h"

#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { BATCH = 8, SIZE = 5, STEPS = 10 };

typedef struct micro_batch {
  float noisy[BATCH * SIZE], epsilon[BATCH * SIZE], time[BATCH];
} micro_batch;

static void make(micro_batch *made, const float *origin, uint32_t round, uint32_t first, bool antithetic, size_t batch) {
  bl_schedule schedule;
  assert_int_equal(bl_schedule_create(&schedule, "linear", STEPS, 0.01, 0.2), BL_OK);
  bl_denoise_input(made->noisy, made->epsilon, made->time, origin, &schedule, 7, round, first, antithetic, batch, SIZE);
  for (size_t s = 0; s < batch; s++) {
    int t = (int)made->time[s];
    assert_true(made->time[s] >= 0.0F && made->time[s] < STEPS && (float)t == made->time[s]);
    for (size_t i = s * SIZE; i < (s + 1) * SIZE; i++) {
      double expected =
          sqrt(schedule.alpha_bar[t]) * (double)origin[i] + sqrt(1.0 - schedule.alpha_bar[t]) * (double)made->epsilon[i];
      assert_near(made->noisy[i], (float)expected, 1e-6);
    }
  }
  bl_schedule_destroy(&schedule);
}

static void noisy_is_the_mixture_that_the_time_says(void **state) {
  (void)state;
  float origin[BATCH * SIZE];
  for (int i = 0; i < BATCH * SIZE; i++)
    origin[i] = (float)sin(i);
  micro_batch plain, mirrored;
  make(&plain, origin, 0, 0, false, BATCH);
  make(&mirrored, origin, 0, 0, true, BATCH);
  for (int s = 0; s < BATCH / 2; s++) {
    assert_near(mirrored.time[s], plain.time[s], 0.0);
    assert_near(mirrored.time[s + BATCH / 2], STEPS - 1 - plain.time[s], 0.0);
  }
  assert_memory_equal(plain.epsilon, mirrored.epsilon, sizeof plain.epsilon);
}

static void a_sample_does_not_depend_on_its_micro_batch(void **state) {
  (void)state;
  float origin[BATCH * SIZE] = {0.5F};
  micro_batch whole, part;
  make(&whole, origin, 3, 16, false, BATCH);
  make(&part, origin + 2 * SIZE, 3, 18, false, 3);
  assert_memory_equal(part.epsilon, whole.epsilon + 2 * SIZE, 3 * SIZE * sizeof(float));
  assert_memory_equal(part.noisy, whole.noisy + 2 * SIZE, 3 * SIZE * sizeof(float));
  assert_memory_equal(part.time, whole.time + 2, 3 * sizeof(float));
  micro_batch other;
  make(&other, origin, 4, 16, false, BATCH);
  assert_memory_not_equal(other.epsilon, whole.epsilon, sizeof whole.epsilon);
}

static void times_are_uniform(void **state) {
  (void)state;
  float origin[BATCH * SIZE] = {0.0F};
  int counts[STEPS] = {0};
  for (uint32_t round = 0; round < 1000; round++) {
    micro_batch made;
    make(&made, origin, round, 0, true, BATCH);
    for (int s = 0; s < BATCH; s++)
      counts[(int)made.time[s]]++;
  }
  for (int t = 0; t < STEPS; t++)
    assert_in_range(counts[t], 800 - 5 * 40, 800 + 5 * 40); /* the halves are mirrored: deviation √2 · 27 */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(noisy_is_the_mixture_that_the_time_says),
      cmocka_unit_test(a_sample_does_not_depend_on_its_micro_batch),
      cmocka_unit_test(times_are_uniform),
  };
  return cmocka_run_group_tests_name("denoise", tests, NULL, NULL);
}
