#include "engine/node.h"
#include "layer/layer.h"
#include "layer/layer_check.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

typedef struct sizes {
  int batch, channels, height, width;
  bool blocked[3]; /* q, k, v */
} sizes;

/* x holds q, k, v along the channels. */
static void reference(double *y, const double *x, const double *values, const void *context) {
  const sizes *s = context;
  const size_t pixels = (size_t)(s->height * s->width), channels = (size_t)s->channels, size = channels * pixels;
  double weights[256];
  (void)values;
  for (size_t n = 0; n < (size_t)s->batch; n++) {
    const double *q = x + 3 * n * size, *k = q + size, *v = k + size;
    for (size_t i = 0; i < pixels; i++) {
      double sum = 0.0;
      for (size_t j = 0; j < pixels; j++) {
        double score = 0.0;
        for (size_t c = 0; c < channels; c++)
          score += q[c * pixels + i] * k[c * pixels + j];
        weights[j] = exp(score / sqrt((double)channels));
        sum += weights[j];
      }
      for (size_t c = 0; c < channels; c++) {
        double out = 0.0;
        for (size_t j = 0; j < pixels; j++)
          out += weights[j] / sum * v[c * pixels + j];
        y[n * size + c * pixels + i] = out;
      }
    }
  }
}

static bl_graph *build(const sizes *s) {
  bl_graph *g = NULL;
  bl_tensor *qkv[3];
  assert_int_equal(bl_graph_create(&g, s->batch), BL_OK);
  bl_tensor *x = bl_input(g, 3 * s->channels, s->height, s->width);
  for (int i = 0; i < 3; i++)
    qkv[i] = bl_test_slice(g, x, i * s->channels, s->channels, s->blocked[i] ? g->block : 1);
  bl_output(g, bl_attention(g, qkv[0], qkv[1], qkv[2]));
  return g;
}

static void agrees_with_reference(void **state) {
  (void)state;
  const sizes cases[] = {
      {1, 32, 4, 4, {true, true, true}},    {16, 16, 2, 2, {true, true, true}}, {2, 32, 5, 7, {true, true, true}},
      {2, 12, 3, 4, {false, false, false}}, {3, 16, 4, 5, {true, false, true}}, {1, 16, 4, 4, {false, true, false}},
      {2, 5, 1, 1, {false, false, false}},
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
  bl_graph *g = build(&(sizes){1, CHANNELS, 2, 2, {false, false, false}});
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
  assert_null(bl_attention(g, x, x, half));
  assert_non_null(strstr(bl_status_message(), "v (4, 2, 2)"));
  bl_status_clear();
  bl_graph_destroy(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_reference), cmocka_unit_test(survives_large_scores),
                                     cmocka_unit_test(refuses_different_shapes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
