#include "learner/unrolled_chain.h"

#include "base/memory.h"
#include "base/random.h"
#include "sampler/sampler.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { BATCH = 4, STEPS = 5, SIZE = 2 };

static const bl_network_shape points = {.kind = BL_NETWORK_MLP,
                                        .channels = SIZE,
                                        .height = 1,
                                        .width = 1,
                                        .width_count = 2,
                                        .widths = {12, 12},
                                        .steps = STEPS};

static const bl_network_shape images = {.kind = BL_NETWORK_UNET,
                                        .channels = 1,
                                        .height = 8,
                                        .width = 8,
                                        .base_channels = 32,
                                        .multiplier_count = 1,
                                        .multipliers = {1},
                                        .blocks = 1,
                                        .dropout = 0.1F};

/* A chain with noise in all steps but the last. */
static void make_chain(bl_chain *chain, int steps) {
  assert_int_equal(bl_chain_create(chain, steps), BL_OK);
  for (int i = 0; i < steps; i++) {
    const double here = 0.1 + 0.8 * i / steps, next = i == steps - 1 ? 1 : 0.1 + 0.8 * (i + 1) / steps;
    bl_chain_set_step(chain, i, steps - 1 - i, here, next, i == steps - 1 ? 0 : 0.3 * sqrt(1 - next));
  }
}

static float *parameters_of(const bl_unrolled_chain *unrolled) {
  const bl_parameter_table *table = bl_graph_parameters(unrolled->graphs[0]);
  float *values = NULL;
  assert_int_equal(bl_allocate(&values, table->count, sizeof *values), BL_OK);
  bl_parameter_initialise(values, table, 7);
  return values;
}

/* Σ weight · x_0 with fixed noise. */
static double objective(bl_unrolled_chain *unrolled, const float *values, const float *weight) {
  float origin[BATCH * SIZE];
  double sum = 0;
  assert_int_equal(bl_unrolled_chain_load(unrolled, values), BL_OK);
  assert_int_equal(bl_unrolled_chain_forward(origin, unrolled, 3, 4, 5), BL_OK);
  for (int i = 0; i < BATCH * SIZE; i++)
    sum += (double)weight[i] * (double)origin[i];
  return sum;
}

/* Against central differences with the noise held fixed, parameter by parameter. */
static void gradient_is_that_of_the_whole_chain(void **state) {
  (void)state;
  bl_chain chain;
  bl_unrolled_chain unrolled;
  float weight[BATCH * SIZE], *gradient = NULL;
  bl_random_normal(weight, BATCH * SIZE, (bl_draw){.seed = 1, .purpose = BL_PURPOSE_TEST});
  for (int k = 0; k < 2 * BL_PREDICTIONS; k++) {
    const bool keep = k >= BL_PREDICTIONS;
    make_chain(&chain, STEPS);
    bl_chain_set_prediction(&chain, (bl_prediction)(k % BL_PREDICTIONS));
    assert_int_equal(bl_unrolled_chain_create(&unrolled, &points, NULL, &chain, NULL, BATCH, keep), BL_OK);
    float *values = parameters_of(&unrolled);
    const size_t count = bl_graph_parameters(unrolled.graphs[0])->count;
    assert_int_equal(bl_allocate(&gradient, count, sizeof *gradient), BL_OK);
    objective(&unrolled, values, weight);
    assert_int_equal(bl_unrolled_chain_backward(gradient, &unrolled, weight), BL_OK);
    double error = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
      const float held = values[i], change = 4e-3F;
      values[i] = held + change;
      const double above = objective(&unrolled, values, weight);
      values[i] = held - change;
      const double below = objective(&unrolled, values, weight);
      values[i] = held;
      const double expected = (above - below) / (2 * (double)change);
      error += ((double)gradient[i] - expected) * ((double)gradient[i] - expected);
      size += expected * expected;
    }
    assert_true(size > 1e-2);
    assert_near(sqrt(error / size), 0, 2e-3);
    bl_free(&values);
    bl_free(&gradient);
    bl_unrolled_chain_destroy(&unrolled);
    bl_chain_destroy(&chain);
  }
}

/* The same x_0 as a sampler's, and the same gradient, bit for bit, whatever is kept, and with segments run again. */
static void both_ways_have_the_same_bits(void **state) {
  (void)state;
  const bl_network_shape *shapes[] = {&points, &images};
  const bl_compute ways[] = {{0}, {0}, {.recompute = true}};
  for (int k = 0; k < 2; k++) {
    bl_chain chain;
    float *origin[3] = {NULL}, *gradient[3] = {NULL}, *slope = NULL, *work = NULL;
    size_t memory[3], count = 0, state_count = 0;
    make_chain(&chain, STEPS);
    for (int way = 0; way < 3; way++) {
      bl_unrolled_chain unrolled;
      assert_int_equal(bl_unrolled_chain_create(&unrolled, shapes[k], &ways[way], &chain, NULL, BATCH, way == 1), BL_OK);
      float *values = parameters_of(&unrolled);
      count = bl_graph_parameters(unrolled.graphs[0])->count;
      state_count = BATCH * unrolled.size;
      assert_int_equal(bl_allocate(&origin[way], state_count, sizeof(float)), BL_OK);
      assert_int_equal(bl_allocate(&gradient[way], count, sizeof(float)), BL_OK);
      if (way == 0) {
        assert_int_equal(bl_allocate(&slope, state_count, sizeof(float)), BL_OK);
        assert_int_equal(bl_allocate(&work, 4 * state_count, sizeof(float)), BL_OK);
        bl_random_normal(slope, state_count, (bl_draw){.seed = 2, .purpose = BL_PURPOSE_TEST});
        assert_int_equal(bl_unrolled_chain_load(&unrolled, values), BL_OK);
        assert_int_equal(
            bl_sampler_rollout(NULL, work, unrolled.graphs[0], &chain, NULL, 3, 4, 8, BATCH, work + state_count), BL_OK);
      }
      for (int repeat = 0; repeat < 2; repeat++) { /* nothing is left over from a pass before */
        assert_int_equal(bl_unrolled_chain_load(&unrolled, values), BL_OK);
        assert_int_equal(bl_unrolled_chain_forward(origin[way], &unrolled, 3, 4, 8), BL_OK);
        assert_int_equal(bl_unrolled_chain_backward(gradient[way], &unrolled, slope), BL_OK);
      }
      memory[way] = bl_unrolled_chain_memory(&unrolled);
      bl_free(&values);
      bl_unrolled_chain_destroy(&unrolled);
    }
    assert_memory_equal(origin[0], work, state_count * sizeof(float));
    for (int way = 1; way < 3; way++) {
      assert_memory_equal(origin[way], origin[0], state_count * sizeof(float));
      assert_memory_equal(gradient[way], gradient[0], count * sizeof(float));
    }
    assert_int_equal(memory[1], STEPS * memory[0]); /* T' times */
    for (int way = 0; way < 3; way++) {
      bl_free(&origin[way]);
      bl_free(&gradient[way]);
    }
    bl_free(&slope);
    bl_free(&work);
    bl_chain_destroy(&chain);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(gradient_is_that_of_the_whole_chain),
                                     cmocka_unit_test(both_ways_have_the_same_bits)};
  const int failed = cmocka_run_group_tests_name("unrolled_chain", tests, NULL, NULL);
  return failed + (bl_memory_balance() != 0);
}
