#include "engine/node.h"
#include "layer/layer.h"
#include "layer/layer_check.h"
#include "support/cmocka.h"

#include <string.h>

typedef struct sizes {
  int batch, channels[2], height, width;
  bool blocked[2];
} sizes;

/* x holds b, then a. */
static void reference(double *y, const double *x, const double *values, const void *context) {
  const sizes *s = context;
  const size_t pixels = (size_t)(s->height * s->width);
  const size_t a = (size_t)s->channels[0] * pixels, b = (size_t)s->channels[1] * pixels;
  (void)values;
  for (size_t n = 0; n < (size_t)s->batch; n++) {
    memcpy(y + n * (a + b), x + n * (a + b) + b, a * sizeof *y);
    memcpy(y + n * (a + b) + a, x + n * (a + b), b * sizeof *y);
  }
}

static void agrees_with_reference(void **state) {
  (void)state;
  const sizes cases[] = {
      {1, {32, 16}, 3, 4, {true, true}},  {16, {16, 64}, 2, 2, {true, true}}, {2, {16, 16}, 3, 3, {true, false}},
      {2, {16, 24}, 2, 3, {false, true}}, {3, {5, 7}, 2, 2, {false, false}},  {3, {32, 16}, 2, 2, {false, false}},
      {2, {3, 16}, 5, 1, {false, true}},  {16, {6, 2}, 1, 1, {false, false}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sizes *s = &cases[i];
    bl_graph *g = NULL;
    assert_int_equal(bl_graph_create(&g, s->batch), BL_OK);
    g->block = 8;
    bl_tensor *x = bl_input(g, s->channels[0] + s->channels[1], s->height, s->width);
    bl_tensor *a = bl_test_slice(g, x, s->channels[1], s->channels[0], s->blocked[0] ? g->block : 1);
    bl_tensor *b = bl_test_slice(g, x, 0, s->channels[1], s->blocked[1] ? g->block : 1);
    bl_output(g, bl_concat(g, a, b));
    bl_check_layer(g, &(bl_layer_check){.reference = reference, .context = s, .x_scale = 1.0f, .backward_tolerance = 1e-6});
  }
}

static void refuses_different_images(void **state) {
  (void)state;
  bl_graph *g = NULL;
  assert_int_equal(bl_graph_create(&g, 1), BL_OK);
  bl_tensor *x = bl_input(g, 8, 2, 3);
  assert_null(bl_concat(g, x, bl_upsample(g, x)));
  assert_string_equal(bl_status_message(), "concat: images of 2 x 3 and of 4 x 6 pixels do not fit");
  bl_status_clear();
  bl_graph_destroy(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_reference), cmocka_unit_test(refuses_different_images)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
