#include "layer/layer.h"
#include "layer/layer_check.h"
#include "layer/trial.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { CHANNELS = 32, SIDE = 6, SIZE = CHANNELS * SIDE * SIDE, BATCH = 4 };

static const bl_draw masks = {.seed = 11, .purpose = BL_PURPOSE_DROPOUT, .round = 3, .sample = 40};

static bl_graph *build(int batch, bool blocked, float probability) {
  bl_graph *g = NULL;
  assert_int_equal(bl_graph_create(&g, batch), BL_OK);
  bl_tensor *x = bl_input(g, CHANNELS, SIDE, SIDE);
  x = bl_test_slice(g, x, 0, CHANNELS, blocked ? g->block : 1);
  bl_output(g, bl_dropout(g, x, probability));
  return g;
}

/* The factors of the samples from `first` on: y for x = 1. */
static void factors(float *y, int batch, bool blocked, float probability, const bl_draw *draw, bl_graph_mode mode) {
  float x[BATCH * SIZE];
  bl_graph *g = build(batch, blocked, probability);
  for (int i = 0; i < BATCH * SIZE; i++)
    x[i] = 1.0f;
  assert_int_equal(bl_graph_compile(g, mode), BL_OK);
  bl_graph_set_dropout(g, draw);
  assert_int_equal(bl_graph_forward(g, y, &(bl_graph_inputs){.x = x}), BL_OK);
  bl_graph_destroy(&g);
}

/* Dropped with the given frequency (5 standard errors), the rest scaled so that the mean stays. */
static void drops_with_probability(void **state) {
  (void)state;
  const float probabilities[3] = {0.1f, 0.5f, 0.9f};
  for (int k = 0; k < 3; k++) {
    float y[BATCH * SIZE];
    const double p = (double)probabilities[k], count = BATCH * SIZE;
    double dropped = 0.0;
    factors(y, BATCH, true, probabilities[k], &masks, BL_GRAPH_TRAINING);
    for (int i = 0; i < BATCH * SIZE; i++) {
      dropped += y[i] == 0.0f;
      if (y[i] != 0.0f)
        assert_near(y[i], 1.0 / (1.0 - p), 1e-3 / (1.0 - p));
    }
    assert_near(dropped / count, p, 5.0 * sqrt(p * (1.0 - p) / count));
  }
}

/* A sample's mask follows from its global number: neither layout, nor the size of the micro-batch, nor the place in it
 * matter. Other samples and rounds have other masks. */
static void depends_on_the_sample_alone(void **state) {
  (void)state;
  float y[BATCH * SIZE], other[BATCH * SIZE];
  factors(y, BATCH, true, 0.5f, &masks, BL_GRAPH_TRAINING);
  factors(other, BATCH, false, 0.5f, &masks, BL_GRAPH_TRAINING);
  assert_memory_equal(y, other, sizeof y);
  for (int n = 0; n < BATCH; n++) {
    bl_draw draw = masks;
    draw.sample += (uint32_t)n;
    factors(other, 1, true, 0.5f, &draw, BL_GRAPH_TRAINING);
    assert_memory_equal(y + n * SIZE, other, SIZE * sizeof *y);
  }
  int equal = 0;
  for (int i = 0; i < SIZE; i++)
    equal += y[i] == y[SIZE + i];
  assert_near(equal, SIZE / 2.0, 5.0 * sqrt(SIZE / 4.0));
  bl_draw next = masks;
  next.round++;
  factors(other, BATCH, true, 0.5f, &next, BL_GRAPH_TRAINING);
  assert_memory_not_equal(y, other, sizeof y);
}

/* Two layers of one network do not share a mask. */
static void layers_differ(void **state) {
  (void)state;
  float x[SIZE], y[SIZE];
  bl_graph *g = NULL;
  assert_int_equal(bl_graph_create(&g, 1), BL_OK);
  bl_output(g, bl_dropout(g, bl_dropout(g, bl_input(g, CHANNELS, SIDE, SIDE), 0.5f), 0.5f));
  for (int i = 0; i < SIZE; i++)
    x[i] = 1.0f;
  assert_int_equal(bl_graph_compile(g, BL_GRAPH_TRAINING), BL_OK);
  bl_graph_set_dropout(g, &masks);
  assert_int_equal(bl_graph_forward(g, y, &(bl_graph_inputs){.x = x}), BL_OK);
  int kept = 0;
  for (int i = 0; i < SIZE; i++)
    kept += y[i] != 0.0f;
  assert_near(kept, SIZE / 4.0, 5.0 * sqrt(SIZE * 3.0 / 16.0));
  bl_graph_destroy(&g);
}

static void identity(double *y, const double *x, const double *values, const void *context) {
  (void)values;
  memcpy(y, x, *(const size_t *)context * sizeof *y);
}

static void is_the_identity_when_off(void **state) {
  (void)state;
  const size_t count = BATCH * SIZE;
  float y[BATCH * SIZE];
  bl_check_layer(build(BATCH, true, 0.3f),
                 &(bl_layer_check){.reference = identity, .context = &count, .x_scale = 1.0f, .backward_tolerance = 1e-6});
  factors(y, BATCH, true, 0.3f, &masks, BL_GRAPH_INFERENCE);
  for (int i = 0; i < BATCH * SIZE; i++)
    assert_true(y[i] == 1.0f);
}

/* The layer is linear with the mask as its diagonal, so backward multiplies by the same factors; nothing that it keeps is
 * overwritten before. */
static void backward_uses_the_mask_of_forward(void **state) {
  (void)state;
  for (int blocked = 0; blocked < 2; blocked++) {
    float y[BATCH * SIZE];
    trial t;
    factors(y, BATCH, true, 0.3f, &masks, BL_GRAPH_TRAINING);
    trial_begin(&t, build(BATCH, blocked == 1, 0.3f), BL_GRAPH_TRAINING);
    bl_graph_set_dropout(t.graph, &masks);
    trial_run(&t);
    for (size_t i = 0; i < t.inputs; i++) {
      assert_true(t.y[i] == t.x[i] * y[i]);
      assert_true(t.d_x[i] == t.d_y[i] * y[i]);
    }
    trial_watch(&t);
    trial_end(&t);
  }
}

static void refuses_impossible_probabilities(void **state) {
  (void)state;
  const float wrong[3] = {-0.1f, 1.0f, NAN};
  for (int i = 0; i < 3; i++) {
    bl_graph *g = build(1, true, wrong[i]);
    assert_int_equal(bl_graph_compile(g, BL_GRAPH_TRAINING), BL_ERROR_USAGE);
    bl_status_clear();
    bl_graph_destroy(&g);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(drops_with_probability),
                                     cmocka_unit_test(depends_on_the_sample_alone),
                                     cmocka_unit_test(layers_differ),
                                     cmocka_unit_test(is_the_identity_when_off),
                                     cmocka_unit_test(backward_uses_the_mask_of_forward),
                                     cmocka_unit_test(refuses_impossible_probabilities)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
