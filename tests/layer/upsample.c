#include "engine/node.h"
#include "layer/layer.h"
#include "layer/layer_check.h"
#include "support/cmocka.h"

typedef struct sizes {
  int batch, channels, height, width;
  bool blocked;
} sizes;

static void reference(double *y, const double *x, const double *values, const void *context) {
  const sizes *s = context;
  (void)values;
  for (int image = 0; image < s->batch * s->channels; image++)
    for (int i = 0; i < 2 * s->height; i++)
      for (int j = 0; j < 2 * s->width; j++)
        y[(image * 2 * s->height + i) * 2 * s->width + j] = x[(image * s->height + i / 2) * s->width + j / 2];
}

static void agrees_with_reference(void **state) {
  (void)state;
  const sizes cases[] = {{1, 32, 4, 4, true},  {16, 16, 3, 5, true}, {2, 48, 1, 2, true},
                         {2, 32, 4, 4, false}, {3, 5, 2, 3, false},  {1, 7, 1, 1, false}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sizes *s = &cases[i];
    bl_graph *g = NULL;
    assert_int_equal(bl_graph_create(&g, s->batch), BL_OK);
    bl_tensor *x = bl_input(g, s->channels, s->height, s->width);
    bl_output(g, bl_upsample(g, bl_test_slice(g, x, 0, s->channels, s->blocked ? g->block : 1)));
    bl_check_layer(g, &(bl_layer_check){.reference = reference, .context = s, .x_scale = 1.0f, .backward_tolerance = 1e-6});
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_reference)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
