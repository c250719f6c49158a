/* Convolution against the definition in double precision: forward, all gradients, every layout, padding and stride that
 * networks use. */
#include <stdio.h>
#include "layer/trial.h"

#include "base/memory.h"
#include "layer/layer.h"
#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

typedef struct size {
  int batch, in, height, width, out;
  bl_conv_shape shape;
} size;

/** The definition: y = b + sum of w x; its derivatives with the same loops. */
typedef struct reference {
  double *y, *d_x, *d_w; /* d_w holds the bias gradient too, as the parameter buffer does */
} reference;

static void define(reference *r, const trial *t, size s) {
  const int k = s.shape.kernel, in = s.in, h = s.height, w = s.width;
  const int oh = (h + s.shape.pad_before + s.shape.pad_after - k) / s.shape.stride + 1;
  const int ow = (w + s.shape.pad_before + s.shape.pad_after - k) / s.shape.stride + 1;
  const float *bias = t->values + s.out * in * k * k;
  r->y = calloc(t->outputs, sizeof(double));
  r->d_x = calloc(t->inputs, sizeof(double));
  r->d_w = calloc(t->parameters, sizeof(double));
  for (int n = 0; n < s.batch; n++)
    for (int o = 0; o < s.out; o++)
      for (int i = 0; i < oh; i++)
        for (int j = 0; j < ow; j++) {
          const int at = ((n * s.out + o) * oh + i) * ow + j;
          const double d_y = (double)t->d_y[at];
          r->y[at] = (double)bias[o];
          r->d_w[s.out * in * k * k + o] += d_y;
          for (int c = 0; c < in; c++)
            for (int a = 0; a < k; a++)
              for (int b = 0; b < k; b++) {
                const int row = i * s.shape.stride + a - s.shape.pad_before,
                          column = j * s.shape.stride + b - s.shape.pad_before;
                if (row < 0 || row >= h || column < 0 || column >= w)
                  continue;
                const int x = ((n * in + c) * h + row) * w + column, v = ((o * in + c) * k + a) * k + b;
                r->y[at] += (double)t->x[x] * (double)t->values[v];
                r->d_x[x] += d_y * (double)t->values[v];
                r->d_w[v] += d_y * (double)t->x[x];
              }
        }
}

/** A table that has all passes of the convolution done by \a algorithm. */
static bl_algorithms *choose(const bl_graph *graph, size s, bl_algorithm algorithm) {
  bl_algorithms *table = NULL;
  const int padding = s.shape.pad_before + s.shape.pad_after - s.shape.kernel;
  bl_algorithm_case p = {.batch = s.batch,
                         .in = s.in,
                         .out = s.out,
                         .height = (s.height + padding) / s.shape.stride + 1,
                         .width = (s.width + padding) / s.shape.stride + 1,
                         .kernel = s.shape.kernel,
                         .stride = s.shape.stride,
                         .pad_before = s.shape.pad_before};
  p.blocked = bl_graph_preferred_block(graph, s.in, s.height * s.width) > 1 &&
              bl_graph_preferred_block(graph, s.out, p.height * p.width) > 1;
  assert_int_equal(bl_algorithms_create(&table), BL_OK);
  for (int pass = 0; pass < BL_PASS_COUNT; pass++) {
    p.pass = (bl_pass)pass;
    assert_int_equal(bl_algorithms_add(table, &p, algorithm), BL_OK);
  }
  return table;
}

static void check_by(size s, bl_algorithm algorithm) {
  trial t;
  reference r;
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, s.batch), BL_OK);
  bl_algorithms *table = choose(graph, s, algorithm);
  bl_graph_set_compute(graph, &(bl_compute){.algorithms = table});
  bl_tensor *x = bl_input(graph, s.in, s.height, s.width);
  bl_output(graph, bl_conv(graph, x, "conv", s.out, s.shape, BL_INITIALISE_KAIMING_NORMAL));
  trial_begin(&t, graph, BL_GRAPH_TRAINING);
  trial_run(&t);
  define(&r, &t, s);
  char what[160];
  snprintf(what, sizeof what,
           "algorithm %d, batch %d, %d -> %d channels, %d x %d, kernel %d, stride %d, padding %d %d: ", (int)algorithm,
           s.batch, s.in, s.out, s.height, s.width, s.shape.kernel, s.shape.stride, s.shape.pad_before, s.shape.pad_after);
  const size_t end = strlen(what);
  strcpy(what + end, "y");
  trial_close(what, t.y, r.y, t.outputs, 1e-5);
  strcpy(what + end, "d_x");
  trial_close(what, t.d_x, r.d_x, t.inputs, 1e-5);
  strcpy(what + end, "d_w");
  trial_close(what, t.d_values, r.d_w, t.parameters, 1e-5);
  trial_watch(&t);
  free(r.y);
  free(r.d_x);
  free(r.d_w);
  bl_algorithms_destroy(&table);
  trial_end(&t);
}

/** By the direct sum, and by Winograd's algorithm where it can do the geometry. */
static void check(size s) {
  check_by(s, BL_ALGORITHM_DIRECT);
  if (s.shape.kernel == 3 && s.shape.stride == 1)
    check_by(s, BL_ALGORITHM_WINOGRAD);
}

static const bl_conv_shape same3 = {3, 1, 1, 1}, point = {1, 1, 0, 0}, down = {3, 2, 0, 1}, critic = {4, 2, 1, 1};

static void every_combination_of_channels(void **state) {
  (void)state;
  const int channels[] = {1, 3, 16, 20, 32, 48};
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) {
      check((size){2, channels[i], 8, 8, channels[j], same3});
      check((size){2, channels[i], 4, 4, channels[j], point});
      check((size){2, channels[i], 8, 8, channels[j], down});
      check((size){2, channels[i], 8, 8, channels[j], critic});
    }
}

static void every_batch(void **state) {
  (void)state;
  for (int batch = 1; batch <= 33; batch += 8) {
    check((size){batch, 32, 8, 8, 32, same3});
    check((size){batch, 3, 8, 8, 32, same3});
    check((size){batch, 32, 8, 8, 1, same3});
    check((size){batch, 96, 4, 4, 64, same3});
    check((size){batch, 48, 8, 8, 96, same3});
  }
}

static void odd_images(void **state) {
  (void)state;
  check((size){2, 16, 7, 5, 16, same3});
  check((size){2, 3, 9, 7, 32, critic});
  check((size){2, 16, 7, 9, 32, down});
  check((size){2, 16, 28, 28, 16, same3});
}

/** More than Winograd's algorithm transforms at once. */
static void several_groups_of_samples(void **state) {
  (void)state;
  check((size){12, 96, 14, 14, 64, same3});
}

/** The last layer of the critic: the kernel covers the image, one channel is left. */
static void reduction_to_one_pixel(void **state) {
  (void)state;
  check((size){4, 128, 2, 2, 1, {2, 1, 0, 0}});
  check((size){4, 64, 4, 4, 1, {4, 1, 0, 0}});
  check((size){4, 64, 4, 4, 32, {4, 1, 0, 0}});
  check((size){4, 32, 1, 1, 16, point});
}

static void sizes_that_cannot_be(void **state) {
  (void)state;
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  bl_tensor *x = bl_input(graph, 3, 2, 2);
  assert_null(bl_conv(graph, x, "deep", 8, (bl_conv_shape){4, 2, 0, 0}, BL_INITIALISE_KAIMING_NORMAL));
  assert_int_equal(bl_graph_compile(graph, BL_GRAPH_TRAINING), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "'deep'"));
  bl_status_clear();
  bl_graph_destroy(&graph);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_combination_of_channels),
      cmocka_unit_test(every_batch),
      cmocka_unit_test(odd_images),
      cmocka_unit_test(several_groups_of_samples),
      cmocka_unit_test(reduction_to_one_pixel),
      cmocka_unit_test(sizes_that_cannot_be),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
