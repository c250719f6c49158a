/* Dense and conditional dense layers against their definition in double precision. */
#include "layer/trial.h"

#include "base/memory.h"
#include "layer/layer.h"
#include "support/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct size {
  int batch, channels, height, width, features;
  int steps; /* 0: dense without condition */
} size;

typedef struct reference {
  double *y, *d_x, *d_values;
} reference;

static void define(reference *r, const trial *t, size s) {
  const int in = s.channels * s.height * s.width, out = s.features;
  const float *w = t->values, *b = w + in * out, *e = b + out;
  r->y = calloc(t->outputs, sizeof(double));
  r->d_x = calloc(t->inputs, sizeof(double));
  r->d_values = calloc(t->parameters, sizeof(double));
  double *d_w = r->d_values, *d_b = d_w + in * out, *d_e = d_b + out;
  for (int n = 0; n < s.batch; n++)
    for (int f = 0; f < out; f++) {
      const int row = s.steps == 0 ? 0 : (int)t->time[n] * out + f;
      const double scale = s.steps == 0 ? 1 : (double)e[row];
      const double d_y = (double)t->d_y[n * out + f];
      double linear = (double)b[f];
      for (int i = 0; i < in; i++)
        linear += (double)w[f * in + i] * (double)t->x[n * in + i];
      r->y[n * out + f] = linear * scale;
      d_b[f] += d_y * scale;
      if (s.steps > 0)
        d_e[row] += d_y * linear;
      for (int i = 0; i < in; i++) {
        d_w[f * in + i] += d_y * scale * (double)t->x[n * in + i];
        r->d_x[n * in + i] += d_y * scale * (double)w[f * in + i];
      }
    }
}

static void check(size s) {
  trial t;
  reference r;
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, s.batch), BL_OK);
  bl_tensor *x = bl_input(graph, s.channels, s.height, s.width);
  bl_output(graph, s.steps == 0 ? bl_dense(graph, x, "lin", s.features, BL_INITIALISE_XAVIER_NORMAL)
                                : bl_conditional_dense(graph, x, bl_input_time(graph), "lin", s.features, s.steps));
  trial_begin(&t, graph, BL_GRAPH_TRAINING);
  trial_run(&t);
  define(&r, &t, s);
  trial_close("y", t.y, r.y, t.outputs, 1e-5);
  trial_close("d_x", t.d_x, r.d_x, t.inputs, 1e-5);
  trial_close("d_parameters", t.d_values, r.d_values, t.parameters, 1e-5);
  trial_watch(&t);
  free(r.y);
  free(r.d_x);
  free(r.d_values);
  trial_end(&t);
}

static void dense_of_all_sizes(void **state) {
  (void)state;
  const int sizes[] = {1, 2, 16, 20, 128, 256};
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++)
      check((size){5, sizes[i], 1, 1, sizes[j], 0});
  check((size){128, 128, 1, 1, 128, 0});
  check((size){1, 128, 1, 1, 128, 0});
}

static void dense_of_images(void **state) {
  (void)state;
  check((size){3, 1, 8, 8, 32, 0});
  check((size){3, 3, 5, 4, 10, 0});
  check((size){3, 32, 4, 4, 64, 0});
  check((size){3, 48, 3, 2, 1, 0});
}

static void conditional_of_all_sizes(void **state) {
  (void)state;
  check((size){16, 2, 1, 1, 128, 3});
  check((size){16, 128, 1, 1, 128, 10});
  check((size){7, 256, 1, 1, 1, 10});
  check((size){4, 1, 8, 8, 100, 4});
  check((size){4, 16, 4, 4, 64, 4});
  check((size){1, 3, 1, 1, 2, 1000});
}

static void names_are_those_of_the_public_code(void **state) {
  (void)state;
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  bl_conditional_dense(graph, bl_input(graph, 2, 1, 1), bl_input_time(graph), "lin1", 128, 10);
  const bl_parameter_table *table = bl_graph_parameters(graph);
  assert_int_equal(table->entry_count, 3);
  assert_int_equal(bl_parameter_find(table, "lin1.lin.weight")->count, 256);
  assert_int_equal(bl_parameter_find(table, "lin1.lin.weight")->initialiser, BL_INITIALISE_XAVIER_NORMAL);
  assert_int_equal(bl_parameter_find(table, "lin1.lin.bias")->fan_in, 2);
  assert_int_equal(bl_parameter_find(table, "lin1.embed.weight")->shape[0], 10);
  assert_int_equal(bl_parameter_find(table, "lin1.embed.weight")->shape[1], 128);
  bl_graph_destroy(&graph);
}

static void steps_out_of_range(void **state) {
  (void)state;
  const float bad[] = {-1, 4, 0.5F, NAN, INFINITY};
  for (int i = 0; i < 5; i++) {
    trial t;
    bl_graph *graph = NULL;
    assert_int_equal(bl_graph_create(&graph, 2), BL_OK);
    bl_output(graph, bl_conditional_dense(graph, bl_input(graph, 2, 1, 1), bl_input_time(graph), "lin", 8, 4));
    trial_begin(&t, graph, BL_GRAPH_INFERENCE);
    t.time[1] = bad[i];
    assert_int_equal(bl_graph_forward(graph, t.y, &(bl_graph_inputs){.x = t.x, .time = t.time}), BL_ERROR_USAGE);
    assert_non_null(strstr(bl_status_message(), "sample 1"));
    bl_status_clear();
    trial_end(&t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dense_of_all_sizes),       cmocka_unit_test(dense_of_images),
      cmocka_unit_test(conditional_of_all_sizes), cmocka_unit_test(names_are_those_of_the_public_code),
      cmocka_unit_test(steps_out_of_range),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
