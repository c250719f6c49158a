#include "engine/node.h"
#include "layer/layer.h"
#include "layer/layer_check.h"
#include "network/inception.h"
#include "support/cmocka.h"

typedef struct sizes {
  int batch, channels, height, width, to_height, to_width;
  bool blocked;
} sizes;

/* By hat functions: every pixel counts with 1 minus its distance, those at the border also for what lies beyond. */
static double hat(int pixel, double at, int length) {
  at = fmin(fmax(at, 0.0), length - 1.0);
  return fmax(0.0, 1.0 - fabs(at - pixel));
}

static void reference(double *y, const double *x, const double *values, const void *context) {
  const sizes *s = context;
  (void)values;
  for (int image = 0; image < s->batch * s->channels; image++)
    for (int i = 0; i < s->to_height; i++)
      for (int j = 0; j < s->to_width; j++) {
        const double row = (i + 0.5) * s->height / s->to_height - 0.5, column = (j + 0.5) * s->width / s->to_width - 0.5;
        double sum = 0.0;
        for (int r = 0; r < s->height; r++)
          for (int c = 0; c < s->width; c++)
            sum += hat(r, row, s->height) * hat(c, column, s->width) * x[(image * s->height + r) * s->width + c];
        *y++ = sum;
      }
}

static void agrees_with_reference(void **state) {
  (void)state;
  const sizes cases[] = {{2, 3, 4, 5, 11, 9, false},
                         {1, 32, 6, 4, 9, 13, true},
                         {2, 1, 9, 8, 4, 3, false},
                         {1, 2, 1, 3, 4, 3, false},
                         {1, 3, 5, 5, 5, 5, false}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sizes *s = &cases[i];
    bl_graph *g = NULL;
    assert_int_equal(bl_graph_create(&g, s->batch), BL_OK);
    bl_tensor *x =
        bl_test_slice(g, bl_input(g, s->channels, s->height, s->width), 0, s->channels, s->blocked ? g->block : 1);
    bl_output(g, bl_resize_bilinear(g, x, s->to_height, s->to_width));
    bl_check_layer(
        g,
        &(bl_layer_check){
            .reference = reference, .context = s, .x_scale = 1.0f, .forward_tolerance = 1e-6, .backward_tolerance = 1e-5});
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_reference)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
