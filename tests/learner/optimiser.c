#include "learner/optimiser.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

static const bl_optimiser_settings adam = {BL_OPTIMISER_ADAM, 0.9, 0.999, 1e-8, 0.0, 0.0};
static const bl_optimiser_settings adam_w = {BL_OPTIMISER_ADAM, 0.8, 0.95, 1e-6, 0.1, 0.0};
static const bl_optimiser_settings rms_prop = {BL_OPTIMISER_RMSPROP, 0.0, 0.99, 1e-8, 0.0, 0.0};

/* Three steps of torch.optim 1.13 (Adam(lr=0.01), AdamW(lr=0.01, weight_decay=0.1, betas=(0.8, 0.95), eps=1e-6),
 * RMSprop(lr=0.01)); the third parameter has gradients near epsilon, so that its placement matters. */
static void follows_pytorch(void **state) {
  (void)state;
  const float gradients[3][3] = {{0.5f, -1.25f, 1e-9f}, {2.0f, 0.25f, -3e-9f}, {-0.125f, 4.0f, 0.0f}};
  const struct {
    const bl_optimiser_settings *settings;
    double values[3][3];
  } expected[3] = {
      {&adam,
       {{0.9900000095367432, -1.9900000095367432, 0.49909090995788574},
        {0.9811562299728394, -1.9848897457122803, 0.499994158744812},
        {0.9747193455696106, -1.9897783994674683, 0.5005838871002197}}},
      {&adam_w,
       {{0.9890000224113464, -1.9880000352859497, 0.49949002265930176},
        {0.978966236114502, -1.98133385181427, 0.49900272488594055},
        {0.9718067049980164, -1.9849833250045776, 0.4985109269618988}}},
      {&rms_prop,
       {{0.9000000357627869, -1.899999976158142, 0.499009907245636},
        {0.8029572367668152, -1.9197065830230713, 0.5019180178642273},
        {0.8090416789054871, -2.015071153640747, 0.5019180178642273}}},
  };
  for (size_t k = 0; k < 3; k++) {
    bl_optimiser optimiser;
    float values[3] = {1.0f, -2.0f, 0.5f};
    assert_int_equal(bl_optimiser_create(&optimiser, 3, *expected[k].settings), BL_OK);
    for (size_t step = 0; step < 3; step++) {
      bl_optimiser_step(&optimiser, values, gradients[step], 0.01, 1.0);
      for (size_t i = 0; i < 3; i++)
        assert_near(values[i], expected[k].values[step][i], 1.5e-7 * fabs(expected[k].values[step][i]));
    }
    assert_int_equal(optimiser.steps, 3);
    bl_optimiser_destroy(&optimiser);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

/* Adam by hand: from zero moments, two steps with gradients 1 and 2 (scaled from 4 and 8). */
static void follows_hand_calculation(void **state) {
  (void)state;
  bl_optimiser optimiser;
  const float first = 4.0f, second = 8.0f;
  float value = 0.0f;
  assert_int_equal(bl_optimiser_create(&optimiser, 1, adam), BL_OK);
  bl_optimiser_step(&optimiser, &value, &first, 0.5, 0.25);
  assert_near(value, -0.5, 1e-7); /* m/(1−β1) = 1, √(v/(1−β2)) = 1 */
  bl_optimiser_step(&optimiser, &value, &second, 0.5, 0.25);
  const double m = (0.09 + 0.2) / 0.19, v = (0.000999 + 0.004) / 0.001999;
  assert_near(value, -0.5 - 0.5 * m / sqrt(v), 1e-6);
  assert_near(optimiser.first[0], 0.29, 1e-7);
  assert_near(optimiser.second[0], 0.004999, 1e-8);
  bl_optimiser_destroy(&optimiser);
}

/* Where gradients are zero, what lies between a value and its start shrinks by 1 − rate · start_decay in each step,
 * whichever rule there is; where they are one, Adam goes down by its rate, and rests where the spring pulls as hard: 1 /
 * start_decay below the start. */
static void decays_towards_the_start(void **state) {
  (void)state;
  const float nothing[2] = {0, 0}, always[2] = {1, 1}, start[2] = {3, -1}, begin[2] = {5, -2};
  bl_optimiser_settings settings[2] = {adam, rms_prop};
  bl_optimiser optimiser;
  float values[2];
  for (size_t k = 0; k < 2; k++) {
    settings[k].start_decay = 20;
    memcpy(values, begin, sizeof values);
    assert_int_equal(bl_optimiser_create(&optimiser, 2, settings[k]), BL_OK);
    memcpy(optimiser.start, start, sizeof start);
    for (int step = 1; step <= 30; step++) {
      bl_optimiser_step(&optimiser, values, nothing, 0.01, 1);
      for (size_t i = 0; i < 2; i++)
        assert_near(values[i], start[i] + pow(0.8, step) * (begin[i] - start[i]), 2e-6);
    }
    bl_optimiser_destroy(&optimiser);
  }
  assert_int_equal(bl_optimiser_create(&optimiser, 2, settings[0]), BL_OK);
  memcpy(optimiser.start, start, sizeof start);
  for (int step = 0; step < 100; step++)
    bl_optimiser_step(&optimiser, values, always, 0.01, 1);
  for (size_t i = 0; i < 2; i++)
    assert_near(values[i], start[i] - 1 / 20.0, 2e-6);
  bl_optimiser_destroy(&optimiser);
  assert_int_equal(bl_optimiser_create(&optimiser, 2, adam), BL_OK);
  assert_null(optimiser.start);
  bl_optimiser_destroy(&optimiser);
  assert_int_equal(bl_memory_balance(), 0);
}

/* A step on shards of any size gives the bits of a step on the whole. */
static void shards_give_the_same_bits(void **state) {
  (void)state;
  enum { COUNT = 1003, STEPS = 5 };
  const bl_optimiser_settings settings[2] = {adam_w, rms_prop};
  for (size_t k = 0; k < 2; k++) {
    float whole[COUNT], parts[COUNT], gradient[COUNT];
    bl_random_normal(whole, COUNT, (bl_draw){.seed = 1, .purpose = BL_PURPOSE_TEST});
    memcpy(parts, whole, sizeof whole);
    const size_t bounds[5] = {0, 1, 18, 700, COUNT};
    bl_optimiser one, shards[4];
    assert_int_equal(bl_optimiser_create(&one, COUNT, settings[k]), BL_OK);
    for (size_t i = 0; i < 4; i++)
      assert_int_equal(bl_optimiser_create(&shards[i], bounds[i + 1] - bounds[i], settings[k]), BL_OK);
    for (uint32_t step = 0; step < STEPS; step++) {
      bl_random_normal(gradient, COUNT, (bl_draw){.seed = 2, .purpose = BL_PURPOSE_TEST, .round = step});
      bl_optimiser_step(&one, whole, gradient, 1e-3, 0.7);
      for (size_t i = 0; i < 4; i++)
        bl_optimiser_step(&shards[i], parts + bounds[i], gradient + bounds[i], 1e-3, 0.7);
    }
    assert_memory_equal(whole, parts, sizeof whole);
    bl_optimiser_destroy(&one);
    for (size_t i = 0; i < 4; i++)
      bl_optimiser_destroy(&shards[i]);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

static void clips_by_norm(void **state) {
  (void)state;
  assert_true(bl_clip_scale(123.0, 0.0) == 1.0);
  assert_true(bl_clip_scale(0.05, 0.1) == 1.0);
  assert_true(bl_clip_scale(0.0, 0.1) == 1.0);
  assert_near(bl_clip_scale(2.0, 0.1), 0.1 / (2.0 + 1e-6), 1e-15);
}

/* Towards constant values v the average is v + (a₀ − v) dⁿ; at v it stays, to the bit. */
static void averages(void **state) {
  (void)state;
  float average[3] = {0.0f, 5.0f, 0.3f};
  const float values[3] = {1.0f, -2.0f, 0.3f};
  const double decay = 0.9999;
  for (int i = 0; i < 20000; i++)
    bl_moving_average_step(average, values, 3, decay);
  const double left = pow(decay, 20000.0);
  assert_near(average[0], 1.0 - left, 1e-4);
  assert_near(average[1], -2.0 + 7.0 * left, 1e-3);
  assert_true(average[2] == 0.3f);
  bl_moving_average_step(average, values, 3, 0.0);
  assert_true(average[1] == -2.0f);
}

/* A run that is short for its decay: the weights it began with, a million, must be gone. */
static void a_young_average_forgets_its_start(void **state) {
  (void)state;
  float average = 1e6f;
  const float value = 1;
  for (int64_t step = 1; step <= 1500; step++)
    bl_moving_average_step(&average, &value, 1, bl_moving_average_decay(0.999, step));
  assert_near(average, 1, 1e-3);
  assert_near(bl_moving_average_decay(0.97, 1000000), 0.97, 0);
  assert_near(bl_moving_average_decay(0, 5), 0, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(follows_pytorch),
                                     cmocka_unit_test(follows_hand_calculation),
                                     cmocka_unit_test(decays_towards_the_start),
                                     cmocka_unit_test(shards_give_the_same_bits),
                                     cmocka_unit_test(clips_by_norm),
                                     cmocka_unit_test(averages),
                                     cmocka_unit_test(a_young_average_forgets_its_start)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
