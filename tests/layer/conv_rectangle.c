#include "base/memory.h"
#include "base/random.h"
#include "layer/layer.h"
#include "network/inception.h"
#include "support/cmocka.h"

typedef struct sizes {
  int batch, in, out, height, width, kernel_height, kernel_width;
} sizes;

static float *draw(size_t count, uint32_t number) {
  float *values;
  assert_int_equal(bl_allocate(&values, count, sizeof *values), BL_OK);
  bl_random_normal(values, count, (bl_draw){.purpose = BL_PURPOSE_TEST, .sample = number});
  return values;
}

static double expected(const float *x, const float *values, const sizes *s, int n, int o, int i, int j) {
  const int count = s->in * s->kernel_height * s->kernel_width;
  double sum = (double)values[s->out * count + o];
  for (int c = 0; c < s->in; c++)
    for (int r = 0; r < s->kernel_height; r++)
      for (int q = 0; q < s->kernel_width; q++) {
        const int row = i + r - s->kernel_height / 2, column = j + q - s->kernel_width / 2;
        if (row >= 0 && row < s->height && column >= 0 && column < s->width)
          sum += (double)x[((n * s->in + c) * s->height + row) * s->width + column] *
                 (double)values[o * count + (c * s->kernel_height + r) * s->kernel_width + q];
      }
  return sum;
}

static void agrees_with_the_definition(void **state) {
  (void)state;
  const sizes cases[] = {{2, 32, 48, 9, 8, 1, 7},
                         {1, 48, 32, 9, 8, 7, 1},
                         {1, 16, 16, 5, 5, 1, 3},
                         {2, 3, 16, 6, 7, 3, 1},
                         {1, 16, 5, 4, 6, 3, 5}};
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    const sizes *s = &cases[k];
    bl_graph *graph;
    assert_int_equal(bl_graph_create(&graph, s->batch), BL_OK);
    bl_tensor *x_tensor = bl_input(graph, s->in, s->height, s->width);
    bl_output(graph, bl_conv_rectangle(graph, x_tensor, "conv", s->out, s->kernel_height, s->kernel_width));
    assert_int_equal(bl_graph_compile(graph, BL_GRAPH_INFERENCE), BL_OK);
    const size_t outputs = (size_t)s->batch * bl_graph_output_size(graph);
    float *x = draw((size_t)s->batch * bl_graph_input_size(graph), 1), *values = draw(bl_graph_parameters(graph)->count, 2);
    float *y = draw(outputs, 3);
    assert_int_equal(bl_graph_load(graph, values), BL_OK);
    assert_int_equal(bl_graph_forward(graph, y, &(bl_graph_inputs){.x = x}), BL_OK);
    const float *found = y;
    for (int n = 0; n < s->batch; n++)
      for (int o = 0; o < s->out; o++)
        for (int i = 0; i < s->height; i++)
          for (int j = 0; j < s->width; j++)
            assert_near((double)*found++, expected(x, values, s, n, o, i, j), 2e-4);
    bl_free(&x);
    bl_free(&values);
    bl_free(&y);
    bl_graph_destroy(&graph);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

static void training_and_even_kernels_are_refused(void **state) {
  (void)state;
  for (int kernel = 2; kernel <= 3; kernel++) {
    bl_graph *graph;
    assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
    bl_output(graph, bl_conv_rectangle(graph, bl_input(graph, 3, 5, 5), "conv", 4, 1, kernel));
    assert_int_equal(bl_graph_compile(graph, BL_GRAPH_TRAINING), BL_ERROR_USAGE);
    bl_status_clear();
    bl_graph_destroy(&graph);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_definition),
                                     cmocka_unit_test(training_and_even_kernels_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
