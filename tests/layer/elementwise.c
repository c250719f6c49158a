/* Activations, sums and the spatial mean against their closed forms, blocked and plain. */
#include "layer/trial.h"

#include "base/memory.h"
#include "layer/layer.h"
#include "support/cmocka.h"

#include <math.h>
#include <stdlib.h>

typedef struct image {
  int batch, channels, height, width;
} image;

static const image images[] = {{1, 1, 1, 1}, {3, 5, 1, 1}, {2, 3, 5, 7}, {16, 16, 4, 4}, {2, 48, 3, 5}, {1, 32, 8, 8}};
enum { IMAGES = sizeof images / sizeof *images };

static bl_graph *begin(bl_tensor **x, image s) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, s.batch), BL_OK);
  *x = bl_input(graph, s.channels, s.height, s.width);
  return graph;
}

static double function(bl_activation a, double x) {
  switch (a) {
    case BL_RELU:
      return x > 0 ? x : 0;
    case BL_LEAKY_RELU:
      return x > 0 ? x : 0.2 * x;
    case BL_SILU:
      return x / (1 + exp(-x));
    default:
      return x > 30 ? x : log1p(exp(x));
  }
}

static double derivative(bl_activation a, double x) {
  const double s = 1 / (1 + exp(-x));
  switch (a) {
    case BL_RELU:
      return x > 0 ? 1 : 0;
    case BL_LEAKY_RELU:
      return x > 0 ? 1 : 0.2;
    case BL_SILU:
      return s + x * s * (1 - s);
    default:
      return s;
  }
}

static void activations(void **state) {
  (void)state;
  for (int a = BL_RELU; a <= BL_SOFTPLUS; a++)
    for (int i = 0; i < IMAGES; i++) {
      trial t;
      bl_tensor *x;
      bl_graph *graph = begin(&x, images[i]);
      bl_output(graph, bl_activate(graph, x, (bl_activation)a));
      trial_begin(&t, graph, BL_GRAPH_TRAINING);
      for (size_t k = 0; k < t.inputs; k++)
        t.x[k] *= k % 3 == 0 ? 80 : 5;
      trial_run(&t);
      for (size_t k = 0; k < t.inputs; k++) {
        const double at = (double)t.x[k], y = function((bl_activation)a, at);
        if (!(fabs((double)t.y[k] - y) <= 1e-6 + 1e-6 * fabs(y)))
          fail_msg("activation %d of %.9g is %.9g instead of %.9g", a, at, (double)t.y[k], y);
        assert_true(fabs((double)t.d_x[k] - (double)t.d_y[k] * derivative((bl_activation)a, at)) <= 1e-6);
      }
      trial_watch(&t);
      trial_end(&t);
    }
}

static void sums(void **state) {
  (void)state;
  for (int i = 0; i < IMAGES; i++) {
    trial t;
    bl_tensor *x;
    bl_graph *graph = begin(&x, images[i]);
    bl_tensor *twice = bl_add(graph, x, x);
    bl_output(graph, bl_add(graph, bl_activate(graph, twice, BL_LEAKY_RELU), x));
    trial_begin(&t, graph, BL_GRAPH_TRAINING);
    trial_run(&t);
    for (size_t k = 0; k < t.inputs; k++) {
      assert_float_equal(t.y[k], t.x[k] > 0 ? 3 * t.x[k] : 1.4F * t.x[k], 1e-6F);
      assert_float_equal(t.d_x[k], t.x[k] > 0 ? 3 * t.d_y[k] : 1.4F * t.d_y[k], 1e-6F);
    }
    trial_watch(&t);
    trial_end(&t);
  }
}

/** y = x + mean(x), by the broadcast of a vector. */
static void means_and_broadcast(void **state) {
  (void)state;
  for (int i = 0; i < IMAGES; i++) {
    trial t;
    bl_tensor *x;
    bl_graph *graph = begin(&x, images[i]);
    const size_t pixels = (size_t)(images[i].height * images[i].width);
    bl_output(graph, bl_add(graph, x, bl_spatial_mean(graph, x)));
    trial_begin(&t, graph, BL_GRAPH_TRAINING);
    trial_run(&t);
    for (size_t group = 0; group < t.inputs / pixels; group++) {
      double mean = 0, d_mean = 0;
      for (size_t p = 0; p < pixels; p++) {
        mean += (double)t.x[group * pixels + p] / (double)pixels;
        d_mean += (double)t.d_y[group * pixels + p] / (double)pixels;
      }
      for (size_t p = group * pixels; p < (group + 1) * pixels; p++) {
        assert_true(fabs((double)t.y[p] - (double)t.x[p] - mean) < 1e-6);
        assert_true(fabs((double)t.d_x[p] - (double)t.d_y[p] - d_mean) < 1e-6);
      }
    }
    trial_watch(&t);
    trial_end(&t);
  }
}

static void shapes_that_do_not_match(void **state) {
  (void)state;
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  bl_tensor *x = bl_input(graph, 16, 4, 4);
  bl_tensor *y = bl_conv(graph, x, "c", 32, (bl_conv_shape){1, 1, 0, 0}, BL_INITIALISE_ZERO);
  assert_null(bl_add(graph, x, y));
  assert_int_equal(bl_graph_compile(graph, BL_GRAPH_INFERENCE), BL_ERROR_USAGE);
  bl_status_clear();
  bl_graph_destroy(&graph);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(activations),
      cmocka_unit_test(sums),
      cmocka_unit_test(means_and_broadcast),
      cmocka_unit_test(shapes_that_do_not_match),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
