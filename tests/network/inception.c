/* Inception-v3 against PyTorch at equal weights (inception_fixture.txt, written by make_inception_fixture.py), and the
 * folding of its normalisations. */
#include "network/inception.h"

#include "base/memory.h"
#include "support/cmocka.h"
#include "support/hashed.h"
#include "support/valgrind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 2e-5; /* largest relative error */

static bool ends_with(const char *text, const char *end) {
  const size_t length = strlen(text), cut = strlen(end);
  return length >= cut && strcmp(text + length - cut, end) == 0;
}

/* The weights of the script in the form of a file. */
static void fill(float *values, const bl_parameter_table *raw) {
  for (size_t i = 0; i < raw->entry_count; i++) {
    const bl_parameter *entry = &raw->entries[i];
    double scale = 0.25, offset = 0.0;
    if (ends_with(entry->name, "conv.weight"))
      scale = sqrt(6.0 / (double)(entry->count / entry->shape[0]));
    else if (ends_with(entry->name, "running_var"))
      scale = 0.5, offset = 1.0;
    else if (ends_with(entry->name, "bn.weight"))
      offset = 1.0;
    test_hashed(values + entry->offset, entry->count, entry->name, scale, offset);
  }
}

static bl_graph *make(int batch, int channels, int side) {
  bl_graph *graph;
  bl_parameter_table raw;
  float *raw_values, *values;
  assert_int_equal(bl_graph_create(&graph, batch), BL_OK);
  bl_inception_build(graph, channels, side, side);
  assert_int_equal(bl_graph_compile(graph, BL_GRAPH_INFERENCE), BL_OK);
  const bl_parameter_table *folded = bl_graph_parameters(graph);
  assert_int_equal(bl_inception_raw_table(&raw, folded), BL_OK);
  assert_int_equal(bl_allocate(&raw_values, raw.count, sizeof *raw_values), BL_OK);
  assert_int_equal(bl_allocate(&values, folded->count, sizeof *values), BL_OK);
  fill(raw_values, &raw);
  assert_int_equal(bl_inception_fold(values, folded, raw_values, &raw), BL_OK);
  assert_int_equal(bl_graph_load(graph, values), BL_OK);
  bl_free(&raw_values);
  bl_free(&values);
  bl_parameter_table_destroy(&raw);
  return graph;
}

static double number(FILE *file) {
  double found;
  assert_int_equal(fscanf(file, "%lf", &found), 1);
  return found;
}

static void features_are_those_of_pytorch(void **state) {
  (void)state;
  const char *folder = getenv("top_srcdir");
  if (under_valgrind())
    skip(); /* it would take minutes */
  char path[4096], kind[16];
  int batch, channels, height, width, stride;
  snprintf(path, sizeof path, "%s/tests/network/inception_fixture.txt", folder == NULL ? "." : folder);
  FILE *file = fopen(path, "r");
  if (file == NULL)
    fail_msg("cannot open %s", path);
  for (int set = 0; set < 2; set++) {
    assert_int_equal(fscanf(file, " images %15s %d %d %d %d %d", kind, &batch, &channels, &height, &width, &stride), 6);
    bl_graph *graph = make(batch, channels, height);
    assert_int_equal(bl_graph_output_size(graph), BL_INCEPTION_FEATURES);
    const size_t inputs = bl_graph_input_size(graph) * (size_t)batch;
    float *x, *y;
    double worst = 0.0;
    assert_int_equal(bl_allocate(&x, inputs, sizeof *x), BL_OK);
    assert_int_equal(bl_allocate(&y, (size_t)batch * BL_INCEPTION_FEATURES, sizeof *y), BL_OK);
    test_hashed(x, inputs, "x", 1.0, 0.0);
    assert_int_equal(bl_graph_forward(graph, y, &(bl_graph_inputs){.x = x}), BL_OK);
    for (int image = 0; image < batch; image++) {
      const float *features = y + (size_t)image * BL_INCEPTION_FEATURES;
      const double norm = number(file), sum = number(file);
      double found_norm = 0.0, found_sum = 0.0;
      for (int i = 0; i < BL_INCEPTION_FEATURES; i++) {
        found_norm += (double)features[i] * (double)features[i];
        found_sum += (double)features[i];
      }
      worst = fmax(worst, fabs(sqrt(found_norm) / norm - 1.0));
      worst = fmax(worst, fabs(found_sum / sum - 1.0));
      for (int i = 0; i < BL_INCEPTION_FEATURES; i += stride)
        worst = fmax(worst, fabs((double)features[i] - number(file)) / (norm / sqrt(BL_INCEPTION_FEATURES)));
    }
    print_message("%s images: error %.1e, %.0f MiB\n", kind, worst, (double)bl_graph_memory(graph) / 1048576.0);
    assert_true(worst < tolerance);
    bl_free(&x);
    bl_free(&y);
    bl_graph_destroy(&graph);
  }
  fclose(file);
  assert_int_equal(bl_memory_balance(), 0);
}

/* The public file: 94 convolutions with their normalisations, and the layer to the classes. */
static void has_the_parameters_of_the_public_file(void **state) {
  (void)state;
  bl_graph *graph;
  bl_parameter_table raw;
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  bl_inception_build(graph, 3, 32, 32); /* not compiled */
  assert_int_equal(bl_inception_raw_table(&raw, bl_graph_parameters(graph)), BL_OK);
  assert_int_equal(raw.entry_count, 94 * 5 + 2);
  assert_int_equal(raw.count, 21785568 + 2 * 17216 + 2048 * 1008 + 1008);
  const bl_parameter *entry = bl_parameter_find(&raw, "Mixed_6c.branch7x7dbl_3.conv.weight");
  assert_non_null(entry);
  const size_t expected[] = {160, 160, 1, 7};
  assert_memory_equal(entry->shape, expected, sizeof expected);
  assert_non_null(bl_parameter_find(&raw, "Mixed_7c.branch3x3dbl_3b.bn.running_var"));
  bl_parameter_table_destroy(&raw);
  bl_graph_destroy(&graph);
}

static void what_is_no_variance_is_refused(void **state) {
  (void)state;
  bl_graph *graph;
  bl_parameter_table raw;
  float *raw_values, *values;
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  bl_inception_build(graph, 3, 32, 32);
  const bl_parameter_table *folded = bl_graph_parameters(graph);
  assert_int_equal(bl_inception_raw_table(&raw, folded), BL_OK);
  assert_int_equal(bl_allocate(&raw_values, raw.count, sizeof *raw_values), BL_OK);
  assert_int_equal(bl_allocate(&values, folded->count, sizeof *values), BL_OK);
  raw_values[bl_parameter_find(&raw, "Conv2d_2a_3x3.bn.running_var")->offset + 3] = -1.0f;
  bl_status_clear();
  assert_int_equal(bl_inception_fold(values, folded, raw_values, &raw), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "element 3 of Conv2d_2a_3x3.bn.running_var"));
  bl_status_clear();
  bl_free(&raw_values);
  bl_free(&values);
  bl_parameter_table_destroy(&raw);
  bl_graph_destroy(&graph);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(features_are_those_of_pytorch),
      cmocka_unit_test(has_the_parameters_of_the_public_file),
      cmocka_unit_test(what_is_no_variance_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
