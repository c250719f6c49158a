#include "engine/node.h"
#include "layer/layer.h"
#include "layer/layer_check.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

typedef struct sizes {
  int batch, channels, height, width;
  bool blocked[3]; /* q, k, v */
  int head_width;  /* 0: one head */
} sizes;

/* One head; q, k, v and y begin at its first channel. */
static void reference_head(double *y, const double *q, const double *k, const double *v, size_t pixels, size_t width) {
  double weights[256];
  for (size_t i = 0; i < pixels; i++) {
    double sum = 0.0;
    for (size_t j = 0; j < pixels; j++) {
      double score = 0.0;
      for (size_t c = 0; c < width; c++)
        score += q[c * pixels + i] * k[c * pixels + j];
      weights[j] = exp(score / sqrt((double)width));
      sum += weights[j];
    }
    for (size_t c = 0; c < width; c++) {
      double out = 0.0;
      for (size_t j = 0; j < pixels; j++)
        out += weights[j] / sum * v[c * pixels + j];
      y[c * pixels + i] = out;
    }
  }
}

/* x holds q, k, v along the channels. */
static void reference(double *y, const double *x, const double *values, const void *context) {
  const sizes *s = context;
  const size_t pixels = (size_t)(s->height * s->width), channels = (size_t)s->channels, size = channels * pixels;
  const size_t width = s->head_width > 0 ? (size_t)s->head_width : channels;
  (void)values;
  for (size_t n = 0; n < (size_t)s->batch; n++)
    for (size_t c = 0; c < channels; c += width) {
      const double *q = x + 3 * n * size + c * pixels;
      reference_head(y + n * size + c * pixels, q, q + size, q + 2 * size, pixels, width);
    }
}

static bl_graph *build(const sizes *s) {
  bl_graph *g = NULL;
  bl_tensor *qkv[3];
  assert_int_equal(bl_graph_create(&g, s->batch), BL_OK);
  bl_tensor *x = bl_input(g, 3 * s->channels, s->height, s->width);
  for (int i = 0; i < 3; i++)
    qkv[i] = bl_test_slice(g, x, i * s->channels, s->channels, s->blocked[i] ? g->block : 1);
  bl_output(g, bl_attention(g, qkv[0], qkv[1], qkv[2], s->head_width));
  return g;
}

static void agrees_with_reference(void **state) {
  (void)state;
  const sizes cases[] = {
      {1, 32, 4, 4, {true, true, true}, 0},    {16, 16, 2, 2, {true, true, true}, 0},
      {2, 32, 5, 7, {true, true, true}, 0},    {2, 12, 3, 4, {false, false, false}, 0},
      {3, 16, 4, 5, {true, false, true}, 0},   {1, 16, 4, 4, {false, true, false}, 0},
      {2, 5, 1, 1, {false, false, false}, 0},  {2, 32, 4, 4, {true, true, true}, 8}, /* heads within a block */
      {2, 64, 3, 5, {true, true, true}, 32},                                         /* heads of several blocks */
      {3, 48, 4, 4, {true, true, true}, 12},                                         /* heads across the edges of blocks */
      {1, 96, 3, 3, {true, false, true}, 24},  {2, 16, 2, 3, {true, true, true}, 1},
      {2, 20, 4, 3, {false, false, false}, 5}, {2, 16, 4, 4, {true, true, true}, 16}, /* one head, by its width */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    bl_check_layer(build(&cases[i]), &(bl_layer_check){.reference = reference,
                                                       .context = &cases[i],
                                                       .x_scale = 2.0f,
                                                       .forward_tolerance = 2e-6,
                                                       .backward_tolerance = 1e-5});
}

/* Scores of thousands neither overflow nor lose their row: the weight goes to the largest. */
static void survives_large_scores(void **state) {
  (void)state;
  enum { PIXELS = 4, CHANNELS = 4 };
  float x[3 * CHANNELS * PIXELS] = {0}, y[CHANNELS * PIXELS];
  bl_graph *g = build(&(sizes){1, CHANNELS, 2, 2, {false, false, false}, 0});
  for (int p = 0; p < PIXELS; p++) {
    x[p] = 1000.0f;                              /* q: along the first channel */
    x[CHANNELS * PIXELS + p] = (float)p * 10.0f; /* k: the last pixel fits best */
    for (int c = 0; c < CHANNELS; c++)
      x[(2 * CHANNELS + c) * PIXELS + p] = (float)(10 * c + p); /* v */
  }
  assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_OK);
  assert_int_equal(bl_graph_load(g, NULL), BL_OK);
  assert_int_equal(bl_graph_forward(g, y, &(bl_graph_inputs){.x = x}), BL_OK);
  for (int i = 0; i < CHANNELS * PIXELS; i++)
    assert_near(y[i], 10 * (i / PIXELS) + PIXELS - 1, 1e-5);
  bl_graph_destroy(&g);
}

static void refuses_different_shapes(void **state) {
  (void)state;
  bl_graph *g = NULL;
  assert_int_equal(bl_graph_create(&g, 1), BL_OK);
  bl_tensor *x = bl_input(g, 8, 2, 2), *half = bl_test_slice(g, x, 0, 4, 1);
  assert_null(bl_attention(g, x, x, half, 0));
  assert_non_null(strstr(bl_status_message(), "v (4, 2, 2)"));
  bl_status_clear();
  bl_graph_destroy(&g);
}

static void refuses_heads_that_do_not_divide(void **state) {
  (void)state;
  const int widths[] = {3, 16, -2};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    bl_graph *g = NULL;
    assert_int_equal(bl_graph_create(&g, 1), BL_OK);
    bl_tensor *x = bl_input(g, 8, 2, 2);
    assert_null(bl_attention(g, x, x, x, widths[i]));
    assert_non_null(strstr(bl_status_message(), "do not divide 8 channels"));
    bl_status_clear();
    bl_graph_destroy(&g);
  }
}

/* What no memory holds is refused before anyone asks for it, and before the number of elements overflows. */
static void refuses_images_of_too_many_pixels(void **state) {
  (void)state;
  bl_graph *g = NULL;
  assert_int_equal(bl_graph_create(&g, 1), BL_OK);
  bl_tensor *x = bl_input(g, 8, 1 << 12, 1 << 12);
  bl_output(g, bl_attention(g, x, x, x, 2));
  assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "4096 x 4096 pixels by 4 heads"));
  bl_status_clear();
  bl_graph_destroy(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_reference), cmocka_unit_test(survives_large_scores),
                                     cmocka_unit_test(refuses_different_shapes),
                                     cmocka_unit_test(refuses_heads_that_do_not_divide),
                                     cmocka_unit_test(refuses_images_of_too_many_pixels)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
