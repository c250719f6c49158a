#include "engine/node.h"
#include "layer/layer.h"
#include "layer/layer_check.h"
#include "support/cmocka.h"

#include <math.h>

typedef struct sizes {
  int batch, channels, height, width, groups;
  bool silu, blocked;
} sizes;

static const double epsilon = 1e-3;

static void reference(double *y, const double *x, const double *values, const void *context) {
  const sizes *s = context;
  const size_t pixels = (size_t)(s->height * s->width), channels = (size_t)s->channels, groups = (size_t)s->groups;
  const size_t members = channels / groups;
  for (size_t g = 0; g < (size_t)s->batch * groups; g++) {
    const double *in = x + g * members * pixels;
    double *out = y + g * members * pixels;
    double mean = 0.0, variance = 0.0;
    for (size_t i = 0; i < members * pixels; i++)
      mean += in[i] / (double)(members * pixels);
    for (size_t i = 0; i < members * pixels; i++)
      variance += (in[i] - mean) * (in[i] - mean) / (double)(members * pixels);
    for (size_t i = 0; i < members * pixels; i++) {
      const size_t c = g % groups * members + i / pixels;
      const double z = (in[i] - mean) / sqrt(variance + epsilon) * values[c] + values[channels + c];
      out[i] = s->silu ? z / (1.0 + exp(-z)) : z;
    }
  }
}

static bl_graph *build(const sizes *s, int block) {
  bl_graph *g = NULL;
  assert_int_equal(bl_graph_create(&g, s->batch), BL_OK);
  g->block = block == 0 ? g->block : block;
  bl_tensor *x = bl_input(g, s->channels, s->height, s->width);
  x = bl_test_slice(g, x, 0, s->channels, s->blocked ? g->block : 1);
  bl_output(g, bl_group_norm(g, x, "norm", s->groups, (float)epsilon, s->silu));
  return g;
}

static void agrees_with_reference(void **state) {
  (void)state;
  const sizes cases[] = {
      {1, 32, 5, 7, 32, true, true},   /* a channel a group; a remainder of pixels */
      {16, 64, 4, 4, 32, true, true},  /* two channels a group */
      {3, 96, 6, 7, 32, false, true},  /* groups across the edges of blocks */
      {2, 48, 5, 6, 4, true, true},    /* of twelve channels */
      {3, 80, 4, 5, 5, true, true},    /* groups of one block of 16, and of two of 8 */
      {2, 144, 3, 3, 6, false, true},  /* of a block and a half */
      {2, 48, 4, 3, 48, true, true},   /* a channel a group */
      {2, 32, 8, 9, 2, true, true},    /* a group is a block */
      {2, 64, 3, 2, 1, false, true},   /* a group is all blocks */
      {1, 16, 33, 31, 4, true, true},  /* many chunks */
      {3, 64, 4, 4, 32, true, false},  /* plain layout */
      {2, 20, 5, 5, 4, true, false},   /* plain, channels that no block divides */
      {2, 40, 5, 5, 8, true, false},   /* plain, groups of five */
      {3, 36, 4, 4, 4, false, false},  /* plain, groups of nine */
      {16, 6, 1, 1, 2, false, false},  /* vectors */
      {1, 6, 33, 31, 3, false, false}, /* plain, many chunks */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (int block = 8; block <= 16; block += 8) {
      bl_graph *g = build(&cases[i], block);
      bl_check_layer(g, &(bl_layer_check){.reference = reference,
                                          .context = &cases[i],
                                          .x_mean = 0.5f,
                                          .x_scale = 2.0f,
                                          .forward_tolerance = 2e-6,
                                          .backward_tolerance = 1e-5});
    }
}

/* A mean of a hundred deviations costs two digits (x itself is only known to 1e-5 deviations), and not four. */
static void survives_a_large_mean(void **state) {
  (void)state;
  const sizes cases[] = {{2, 32, 9, 9, 8, true, true}, {2, 12, 9, 9, 3, true, false}};
  for (size_t i = 0; i < 2; i++) {
    bl_graph *g = build(&cases[i], 0);
    bl_check_layer(g, &(bl_layer_check){.reference = reference,
                                        .context = &cases[i],
                                        .x_mean = 300.0f,
                                        .x_scale = 3.0f,
                                        .forward_tolerance = 5e-6,
                                        .backward_tolerance = 5e-5});
  }
}

static void constant_input_gives_the_shift(void **state) {
  (void)state;
  enum { CHANNELS = 32, PIXELS = 4 };
  float x[CHANNELS * PIXELS], y[CHANNELS * PIXELS], values[2 * CHANNELS];
  for (int i = 0; i < CHANNELS * PIXELS; i++)
    x[i] = 7.0f;
  for (int c = 0; c < CHANNELS; c++) {
    values[c] = 2.0f;
    values[CHANNELS + c] = (float)c;
  }
  bl_graph *g = build(&(sizes){1, CHANNELS, 2, 2, 4, false, true}, 0);
  assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_OK);
  assert_int_equal(bl_graph_load(g, values), BL_OK);
  assert_int_equal(bl_graph_forward(g, y, &(bl_graph_inputs){.x = x}), BL_OK);
  for (int i = 0; i < CHANNELS * PIXELS; i++)
    assert_true(y[i] == (float)(i / PIXELS));
  bl_graph_destroy(&g);
}

static void refuses_groups_that_do_not_divide(void **state) {
  (void)state;
  bl_graph *g = build(&(sizes){1, 30, 2, 2, 4, false, false}, 0);
  assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_ERROR_USAGE);
  assert_string_equal(bl_status_message(), "group norm \"norm\": 4 groups do not divide 30 channels");
  bl_status_clear();
  bl_graph_destroy(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_reference), cmocka_unit_test(survives_a_large_mean),
                                     cmocka_unit_test(constant_input_gives_the_shift),
                                     cmocka_unit_test(refuses_groups_that_do_not_divide)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
