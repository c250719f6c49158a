#include "engine/node.h"
#include "layer/layer.h"
#include "layer/layer_check.h"
#include "support/cmocka.h"

#include <string.h>

typedef struct sizes {
  int batch, channels, height, width, side; /* of the whole image */
  bool blocked;
} sizes;

/** Rows and columns of patches as the definition writes them. */
static void reference_patch(double *y, const double *x, const double *values, const void *context) {
  const sizes *s = context;
  const int p = s->side;
  (void)values;
  for (int n = 0; n < s->batch; n++)
    for (int c = 0; c < s->channels; c++)
      for (int i = 0; i < p; i++)
        for (int j = 0; j < p; j++)
          for (int row = 0; row < s->height / p; row++)
            for (int column = 0; column < s->width / p; column++)
              *y++ = x[((n * s->channels + c) * s->height + row * p + i) * s->width + column * p + j];
}

static void identity(double *y, const double *x, const double *values, const void *context) {
  const sizes *s = context;
  (void)values;
  for (int i = 0; i < s->batch * s->channels * s->height * s->width; i++)
    y[i] = x[i];
}

static const sizes cases[] = {{2, 1, 6, 4, 2, false}, {3, 3, 4, 4, 1, false}, {1, 16, 4, 8, 2, true},
                              {2, 4, 4, 4, 2, false}, {2, 32, 6, 3, 3, true}, {1, 1, 8, 8, 4, false}};

static void agrees_with_reference(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sizes *s = &cases[i];
    bl_graph *g = NULL;
    assert_int_equal(bl_graph_create(&g, s->batch), BL_OK);
    bl_tensor *x = bl_input(g, s->channels, s->height, s->width);
    bl_output(g, bl_patch(g, bl_test_slice(g, x, 0, s->channels, s->blocked ? g->block : 1), s->side));
    bl_check_layer(
        g, &(bl_layer_check){.reference = reference_patch, .context = s, .x_scale = 1.0f, .backward_tolerance = 1e-6});
  }
}

static void comes_back_the_same(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sizes *s = &cases[i];
    bl_graph *g = NULL;
    assert_int_equal(bl_graph_create(&g, s->batch), BL_OK);
    bl_tensor *x = bl_input(g, s->channels, s->height, s->width);
    x = bl_patch(g, bl_test_slice(g, x, 0, s->channels, s->blocked ? g->block : 1), s->side);
    bl_output(g, bl_unpatch(g, x, s->side));
    bl_check_layer(g, &(bl_layer_check){.reference = identity, .context = s, .x_scale = 1.0f, .backward_tolerance = 1e-6});
  }
}

static void refuses_what_does_not_fit(void **state) {
  (void)state;
  for (int inverse = 0; inverse < 2; inverse++) {
    bl_graph *g = NULL;
    assert_int_equal(bl_graph_create(&g, 1), BL_OK);
    bl_tensor *x = bl_input(g, 3, 5, 4);
    bl_output(g, inverse ? bl_unpatch(g, x, 2) : bl_patch(g, x, 2));
    assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_ERROR_USAGE);
    assert_non_null(strstr(bl_status_message(), inverse ? "3 channels" : "5 x 4"));
    bl_status_clear();
    bl_graph_destroy(&g);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_reference), cmocka_unit_test(comes_back_the_same),
                                     cmocka_unit_test(refuses_what_does_not_fit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
