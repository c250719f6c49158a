/* The choice of algorithms: the fixed rule, the table of measured choices as text and over ranks, and what convolutions
 * compute with each of them. */
#include "engine/algorithm.h"
#include "network/network.h"

#include "base/memory.h"
#include "support/cmocka.h"
#include "support/shapes.h"

#include <math.h>
#include <string.h>

enum { BATCH = 4, SIZE = BATCH * 64 };

static bl_algorithm_case problem(bl_pass pass, int batch, int channels, int side, int kernel, int stride, bool bf16) {
  return (bl_algorithm_case){pass,   batch,  channels,   channels,           side, side,
                             kernel, stride, kernel / 2, channels % 16 == 0, bf16};
}

static void the_fixed_rule(void **state) {
  (void)state;
  const struct {
    bl_algorithm_case problem;
    bl_algorithm expected;
  } rows[] = {{problem(BL_PASS_FORWARD, 16, 128, 32, 3, 1, false), BL_ALGORITHM_WINOGRAD},
              {problem(BL_PASS_BACKWARD_DATA, 64, 64, 14, 3, 1, false), BL_ALGORITHM_WINOGRAD},
              {problem(BL_PASS_FORWARD, 64, 64, 7, 3, 1, false), BL_ALGORITHM_WINOGRAD},
              {problem(BL_PASS_FORWARD, 16, 256, 4, 3, 1, false), BL_ALGORITHM_DIRECT},
              {problem(BL_PASS_BACKWARD_DATA, 16, 256, 4, 3, 1, false), BL_ALGORITHM_WINOGRAD},
              {problem(BL_PASS_BACKWARD_DATA, 8, 256, 4, 3, 1, false), BL_ALGORITHM_DIRECT},
              {problem(BL_PASS_BACKWARD_WEIGHTS, 16, 256, 4, 3, 1, false), BL_ALGORITHM_WINOGRAD},
              {problem(BL_PASS_FORWARD, 64, 256, 2, 3, 1, false), BL_ALGORITHM_DIRECT},
              {problem(BL_PASS_FORWARD, 16, 128, 32, 3, 2, false), BL_ALGORITHM_DIRECT},
              {problem(BL_PASS_FORWARD, 16, 128, 32, 1, 1, false), BL_ALGORITHM_DIRECT},
              {problem(BL_PASS_FORWARD, 16, 3, 32, 3, 1, false), BL_ALGORITHM_DIRECT},
              {problem(BL_PASS_FORWARD, 16, 128, 32, 3, 1, true), BL_ALGORITHM_WINOGRAD},
              {problem(BL_PASS_FORWARD, 16, 128, 32, 1, 1, true), BL_ALGORITHM_BF16},
              {problem(BL_PASS_FORWARD, 16, 128, 32, 3, 2, true), BL_ALGORITHM_BF16},
              {problem(BL_PASS_FORWARD, 64, 64, 14, 3, 1, true), BL_ALGORITHM_BF16},
              {problem(BL_PASS_FORWARD, 16, 256, 4, 3, 1, true), BL_ALGORITHM_BF16}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (bl_algorithm_fixed(&rows[i].problem) != rows[i].expected)
      fail_msg("row %zu: found %d, expected %d", i, (int)bl_algorithm_fixed(&rows[i].problem), (int)rows[i].expected);
}

static void a_table_remembers(void **state) {
  (void)state;
  bl_algorithms *table = NULL, *copy = NULL;
  bl_algorithm found;
  assert_int_equal(bl_algorithms_create(&table), BL_OK);
  assert_int_equal(bl_algorithms_create(&copy), BL_OK);
  assert_true(bl_algorithms_learns(table));
  assert_string_equal(bl_algorithms_text(table), "");
  for (int side = 1; side <= 40; side++) {
    const bl_algorithm_case p = problem((bl_pass)(side % BL_PASS_COUNT), 16, 16, side, 3, 1, side % 2 == 0);
    assert_false(bl_algorithms_find(&found, table, &p));
    assert_int_equal(bl_algorithms_add(table, &p, (bl_algorithm)(side % BL_ALGORITHM_COUNT)), BL_OK);
  }
  assert_int_equal(bl_algorithms_parse(copy, bl_algorithms_text(table)), BL_OK);
  assert_string_equal(bl_algorithms_text(copy), bl_algorithms_text(table));
  for (int side = 1; side <= 40; side++) {
    bl_algorithm_case p = problem((bl_pass)(side % BL_PASS_COUNT), 16, 16, side, 3, 1, side % 2 == 0);
    assert_true(bl_algorithms_find(&found, copy, &p));
    assert_int_equal(found, side % BL_ALGORITHM_COUNT);
    p.bf16 = !p.bf16;
    assert_false(bl_algorithms_find(&found, copy, &p));
  }
  const char *refused[] = {"forward", "forward: fastest\n", "forward: direct", "\n", "forward direct\n"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    assert_int_equal(bl_algorithms_parse(copy, refused[i]), BL_ERROR_INPUT);
    assert_non_null(strstr(bl_status_message(), i == 4 ? "found 'forward direct'" : "expected a line"));
    bl_status_clear();
  }
  assert_string_equal(bl_algorithms_text(copy), bl_algorithms_text(table));
  bl_algorithms_destroy(&table);
  bl_algorithms_destroy(&copy);
  assert_int_equal(bl_memory_balance(), 0);
}

/** Rank 0 knows two cases, the others one of their own; afterwards all know what rank 0 knew, and nobody learns. */
static void ranks_share_the_table_of_the_first(void **state) {
  (void)state;
  int rank;
  bl_algorithms *table = NULL;
  bl_algorithm found;
  const bl_algorithm_case first = problem(BL_PASS_FORWARD, 16, 32, 8, 3, 1, false),
                          second = problem(BL_PASS_FORWARD, 16, 32, 4, 3, 1, false);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  assert_int_equal(bl_algorithms_create(&table), BL_OK);
  assert_int_equal(bl_algorithms_add(table, &first, rank == 0 ? BL_ALGORITHM_WINOGRAD : BL_ALGORITHM_DIRECT), BL_OK);
  if (rank == 0)
    assert_int_equal(bl_algorithms_add(table, &second, BL_ALGORITHM_DIRECT), BL_OK);
  assert_int_equal(bl_algorithms_share(table, MPI_COMM_WORLD), BL_OK);
  assert_false(bl_algorithms_learns(table));
  assert_true(bl_algorithms_find(&found, table, &first));
  assert_int_equal(found, BL_ALGORITHM_WINOGRAD);
  assert_true(bl_algorithms_find(&found, table, &second));
  assert_int_equal(found, BL_ALGORITHM_DIRECT);
  bl_algorithms_destroy(&table);
  assert_int_equal(bl_memory_balance(), 0);
}

/** Forward and backward with the given choices; all results one after the other. Returns how many. */
static size_t run(float *results, const bl_compute *compute, bl_graph_mode mode) {
  bl_graph *graph = NULL;
  float *values = NULL, x[SIZE], y[SIZE];
  const float time[BATCH] = {0, 100, 200, 900};
  assert_int_equal(bl_network_create_with(&graph, test_shape("unet_digits"), BATCH, mode, false, compute), BL_OK);
  const bl_parameter_table *table = bl_graph_parameters(graph);
  assert_int_equal(bl_allocate(&values, table->count, sizeof *values), BL_OK);
  bl_parameter_initialise(values, table, 1);
  bl_random_normal(x, SIZE, (bl_draw){.purpose = BL_PURPOSE_TEST});
  bl_random_normal(y, SIZE, (bl_draw){.purpose = BL_PURPOSE_TEST, .round = 1});
  assert_int_equal(bl_graph_load(graph, values), BL_OK);
  assert_int_equal(bl_graph_forward(graph, results, &(bl_graph_inputs){.x = x, .time = time}), BL_OK);
  const bool both = mode == BL_GRAPH_TRAINING;
  const size_t count = SIZE + (both ? table->count : 0);
  if (both)
    assert_int_equal(bl_graph_backward(graph, results + SIZE, NULL, y), BL_OK);
  bl_free(&values);
  bl_graph_destroy(&graph);
  return count;
}

enum { MOST = 1 << 20 };

/** A graph that measures fills the table; another with that table, as text, gives the same bits; and the choices change
 * the results by rounding only. */
static void measured_choices_are_kept(void **state) {
  (void)state;
  static float fixed[MOST], first[MOST], second[MOST];
  bl_algorithms *table = NULL, *copy = NULL;
  assert_int_equal(bl_algorithms_create(&table), BL_OK);
  assert_int_equal(bl_algorithms_create(&copy), BL_OK);
  const size_t count = run(fixed, NULL, BL_GRAPH_TRAINING);
  assert_int_equal(run(first, &(bl_compute){.algorithms = table}, BL_GRAPH_TRAINING), count);
  assert_non_null(strstr(bl_algorithms_text(table), "backward_weights batch 4 channels 32 32 pixels 8 8 kernel 3"));
  assert_int_equal(bl_algorithms_parse(copy, bl_algorithms_text(table)), BL_OK);
  run(second, &(bl_compute){.algorithms = copy}, BL_GRAPH_TRAINING);
  assert_string_equal(bl_algorithms_text(copy), bl_algorithms_text(table));
  assert_memory_equal(first, second, count * sizeof *first);
  float largest = 0;
  for (size_t i = 0; i < count; i++)
    largest = fmaxf(largest, fabsf(fixed[i]));
  for (size_t i = 0; i < count; i++)
    assert_true(fabsf(first[i] - fixed[i]) <= 1e-4f * largest);
  bl_algorithms_destroy(&table);
  bl_algorithms_destroy(&copy);
  assert_int_equal(bl_memory_balance(), 0);
}

/** Single precision and bfloat16 differ by the rounding of operands (2^-9 each, averaged over sums), and that is all. A
 * graph for training is not touched. */
static void bf16_is_for_inference_only(void **state) {
  (void)state;
  static float exact[MOST], rounded[MOST];
  const bl_compute compute = {.bf16 = true};
  size_t count = run(exact, NULL, BL_GRAPH_TRAINING);
  assert_int_equal(run(rounded, &compute, BL_GRAPH_TRAINING), count);
  assert_memory_equal(exact, rounded, count * sizeof *exact);
  count = run(exact, NULL, BL_GRAPH_INFERENCE);
  run(rounded, &compute, BL_GRAPH_INFERENCE);
  double error = 0, size = 0;
  for (size_t i = 0; i < count; i++) {
    error += pow((double)rounded[i] - (double)exact[i], 2);
    size += pow((double)exact[i], 2);
  }
  if (!(error > 1e-12 * size && error < 1e-4 * size))
    fail_msg("the relative error of bfloat16 is %g, expected between 1e-6 and 1e-2", sqrt(error / size));
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_fixed_rule), cmocka_unit_test(a_table_remembers),
                                     cmocka_unit_test(ranks_share_the_table_of_the_first),
                                     cmocka_unit_test(measured_choices_are_kept),
                                     cmocka_unit_test(bf16_is_for_inference_only)};
  MPI_Init(&argc, &argv);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
