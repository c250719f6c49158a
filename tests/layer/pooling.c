#include "engine/node.h"
#include "layer/layer.h"
#include "layer/layer_check.h"
#include "network/inception.h"
#include "support/cmocka.h"

typedef struct sizes {
  int batch, channels, height, width, window, stride, padding;
  bool blocked, average;
} sizes;

static void reference(double *y, const double *x, const double *values, const void *context) {
  const sizes *s = context;
  const int height = (s->height + 2 * s->padding - s->window) / s->stride + 1;
  const int width = (s->width + 2 * s->padding - s->window) / s->stride + 1;
  (void)values;
  for (int image = 0; image < s->batch * s->channels; image++)
    for (int i = 0; i < height; i++)
      for (int j = 0; j < width; j++) {
        double sum = 0.0, largest = -1e30, count = 0.0;
        for (int r = i * s->stride - s->padding; r < i * s->stride - s->padding + s->window; r++)
          for (int c = j * s->stride - s->padding; c < j * s->stride - s->padding + s->window; c++)
            if (r >= 0 && r < s->height && c >= 0 && c < s->width) {
              const double pixel = x[(image * s->height + r) * s->width + c];
              sum += pixel;
              largest = fmax(largest, pixel);
              count += 1.0;
            }
        *y++ = s->average ? sum / count : largest;
      }
}

static void agrees_with_reference(void **state) {
  (void)state;
  const sizes cases[] = {{1, 32, 7, 9, 3, 2, 0, true, false}, {2, 16, 5, 4, 3, 1, 1, true, false},
                         {2, 3, 6, 5, 3, 1, 1, false, false}, {1, 32, 4, 6, 3, 1, 1, true, true},
                         {2, 5, 5, 5, 3, 1, 1, false, true},  {1, 16, 8, 8, 2, 2, 0, true, true},
                         {1, 4, 9, 7, 5, 3, 2, false, true}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sizes *s = &cases[i];
    bl_graph *g = NULL;
    assert_int_equal(bl_graph_create(&g, s->batch), BL_OK);
    bl_tensor *x =
        bl_test_slice(g, bl_input(g, s->channels, s->height, s->width), 0, s->channels, s->blocked ? g->block : 1);
    bl_output(g, (s->average ? bl_average_pool : bl_max_pool)(g, x, s->window, s->stride, s->padding));
    bl_check_layer(g, &(bl_layer_check){.reference = reference,
                                        .context = s,
                                        .x_scale = 1.0f,
                                        .forward_tolerance = 1e-6,
                                        .backward_tolerance = s->average ? 1e-5 : 1e-4});
  }
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  const int cases[][3] = {{5, 1, 0}, {0, 1, 0}, {3, 0, 0}, {2, 1, 2}};
  for (int i = 0; i < 4; i++) {
    bl_graph *g = NULL;
    assert_int_equal(bl_graph_create(&g, 1), BL_OK);
    bl_output(g, bl_max_pool(g, bl_input(g, 1, 4, 4), cases[i][0], cases[i][1], cases[i][2]));
    assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_ERROR_USAGE);
    bl_status_clear();
    bl_graph_destroy(&g);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_reference),
                                     cmocka_unit_test(what_does_not_fit_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
