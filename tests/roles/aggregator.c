/* The aggregator over any number of workers and owners against Adam on one buffer. */
#include "roles/aggregator.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { COUNT = 5000, MICRO_BATCHES = 8, STEPS = 4 };

static const bl_optimiser_settings adam = {.kind = BL_OPTIMISER_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

/* The gradient that micro-batch m contributes in step s, over many magnitudes. */
static void draw_gradient(float *gradient, int s, int m) {
  bl_random_normal(gradient, COUNT,
                   (bl_draw){.seed = 1, .purpose = BL_PURPOSE_TEST, .round = (uint32_t)s, .sample = (uint32_t)m});
  for (int i = 0; i < COUNT; i++)
    gradient[i] *= (float)pow(10, -(i % 6));
}

static void make_table(bl_parameter_table *table) {
  size_t index;
  *table = (bl_parameter_table){0};
  assert_int_equal(bl_parameter_add(&index, table, "weight", 1, (size_t[]){COUNT}, BL_INITIALISE_ZERO, 1, 1), BL_OK);
}

/* Run STEPS steps over the split; the whole arrays, which also come back after they were handed to another aggregator. */
static void run_split(float arrays[BL_AGGREGATOR_ARRAYS][COUNT], double *norm, const bl_parameter_table *table,
                      const bl_world *world) {
  bl_aggregator aggregator;
  float gradient[COUNT];
  bl_step_report report = {0};
  assert_int_equal(bl_aggregator_create(&aggregator, world, bl_sharing_policy(world), "test", table, adam, 0.1, 0.9),
                   BL_OK);
  memset(arrays[0], 0, sizeof arrays[0]);
  bl_aggregator_set(&aggregator, arrays[0]);
  for (int s = 0; s < STEPS; s++) {
    const bl_group *workers = &world->generators;
    for (int m = workers->rank; m >= 0 && m < MICRO_BATCHES; m += workers->size) {
      draw_gradient(gradient, s, m);
      const size_t cut = (size_t)(m * 700); /* in two parts, as layers give it */
      bl_aggregator_add(&aggregator, cut, COUNT - cut, gradient + cut);
      bl_aggregator_add(&aggregator, 0, cut, gradient);
      bl_aggregator_add_figures(&aggregator, (double[]){m}, 1);
    }
    assert_int_equal(bl_aggregator_step(&aggregator, &report, 1e-3, MICRO_BATCHES), BL_OK);
    if (bl_aggregator_is_member(&aggregator)) {
      assert_near(report.figures[0], (MICRO_BATCHES - 1) / 2.0, 1e-12);
      *norm = report.norm;
    }
  }
  int64_t steps;
  float again[COUNT];
  bl_aggregator other;
  assert_int_equal(bl_aggregator_steps(&steps, &aggregator, world), BL_OK);
  assert_int_equal(steps, STEPS);
  assert_int_equal(bl_aggregator_create(&other, world, bl_sharing_policy(world), "other", table, adam, 0.1, 0.9), BL_OK);
  for (bl_aggregator_array which = 0; which < BL_AGGREGATOR_ARRAYS; which++) {
    assert_true(bl_aggregator_has(&aggregator, which));
    assert_int_equal(bl_aggregator_gather(arrays[which], &aggregator, which, true, world), BL_OK);
    bl_aggregator_restore(&other, which, arrays[which], steps);
    float *whole = world->rank == 0 ? again : NULL;
    assert_int_equal(bl_aggregator_gather(whole, &other, which, false, world), BL_OK);
    if (whole)
      assert_memory_equal(whole, arrays[which], sizeof again);
  }
  assert_int_equal(bl_aggregator_steps(&steps, &other, world), BL_OK);
  assert_int_equal(steps, STEPS);
  bl_aggregator_destroy(&other);
  bl_aggregator_destroy(&aggregator);
}

/* The same by double-precision sums and the optimiser alone. */
static void run_plain(float *values, double *norm) {
  bl_optimiser optimiser;
  float gradient[COUNT], term[COUNT];
  memset(values, 0, COUNT * sizeof *values);
  assert_int_equal(bl_optimiser_create(&optimiser, COUNT, adam), BL_OK);
  for (int s = 0; s < STEPS; s++) {
    double sums[COUNT] = {0}, square = 0;
    for (int m = 0; m < MICRO_BATCHES; m++) {
      draw_gradient(term, s, m);
      for (int i = 0; i < COUNT; i++)
        sums[i] += term[i];
    }
    for (int i = 0; i < COUNT; i++) {
      gradient[i] = (float)(sums[i] / MICRO_BATCHES);
      square += (double)gradient[i] * gradient[i];
    }
    *norm = sqrt(square);
    bl_optimiser_step(&optimiser, values, gradient, 1e-3, bl_clip_scale(*norm, 0.1));
  }
  bl_optimiser_destroy(&optimiser);
}

static void every_split_gives_adam_and_the_same_bits(void **state) {
  static const char *const splits[] = {"1:0:1", "2:0:1", "1:0:2", "2:0:2", "3:0:1",
                                       "1:0:3", "3:0:3", "2:0:3", "4:0:4", "4:0:1"};
  float arrays[BL_AGGREGATOR_ARRAYS][COUNT], first[BL_AGGREGATOR_ARRAYS][COUNT], plain[COUNT];
  bl_parameter_table table;
  double norm = 0, plain_norm = 0, first_norm = 0;
  int size;
  bool have_first = false;
  (void)state;
  make_table(&table);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  run_plain(plain, &plain_norm);
  /* The splits that fit, and on one rank alone to compare with. */
  for (int i = -1; i < (int)(sizeof splits / sizeof splits[0]); i++) {
    bl_world world;
    bl_split split;
    if (bl_split_parse(&split, i < 0 ? "1:0:1" : splits[i], i < 0 ? 1 : size) != BL_OK) {
      bl_status_clear();
      continue;
    }
    assert_int_equal(bl_world_create(&world, i < 0 ? MPI_COMM_SELF : MPI_COMM_WORLD, split), BL_OK);
    run_split(arrays, &norm, &table, &world);
    if (!have_first) {
      memcpy(first, arrays, sizeof first);
      first_norm = norm;
      have_first = true;
      for (int j = 0; j < COUNT; j++)
        assert_near(arrays[0][j], plain[j], 1e-7);
      assert_near(norm, plain_norm, 1e-9 * plain_norm);
    }
    assert_memory_equal(first, arrays, sizeof first);
    assert_true(norm == first_norm);
    bl_world_destroy(&world);
  }
  bl_parameter_table_destroy(&table);
}

static void a_gradient_that_is_not_finite_changes_nothing(void **state) {
  bl_aggregator aggregator;
  bl_parameter_table table;
  bl_world world;
  bl_split split;
  float gradient[COUNT], before[COUNT];
  bl_step_report report;
  int rank, size;
  (void)state;
  make_table(&table);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  assert_int_equal(bl_split_parse(&split, "all", size), BL_OK);
  assert_int_equal(bl_world_create(&world, MPI_COMM_WORLD, split), BL_OK);
  assert_int_equal(bl_aggregator_create(&aggregator, &world, bl_sharing_policy(&world), "policy", &table, adam, 0, 0),
                   BL_OK);
  for (int bad = 1; bad >= 0; bad--) {
    memcpy(before, aggregator.values, sizeof before);
    draw_gradient(gradient, 0, rank);
    if (bad && rank == size - 1)
      gradient[COUNT - 1] = NAN;
    bl_aggregator_add(&aggregator, 0, COUNT, gradient);
    const bl_status status = bl_aggregator_step(&aggregator, &report, 1e-3, size);
    assert_int_equal(status, bad ? BL_ERROR_NUMERIC : BL_OK);
    if (bad) {
      assert_non_null(strstr(bl_status_message(), "policy"));
      assert_non_null(strstr(bl_status_message(), table.entries[table.entry_count - 1].name));
      assert_memory_equal(before, aggregator.values, sizeof before);
    } else { /* and the next step is not poisoned */
      assert_memory_not_equal(before, aggregator.values, sizeof before);
    }
    bl_status_clear();
  }
  bl_aggregator_destroy(&aggregator);
  bl_world_destroy(&world);
  bl_parameter_table_destroy(&table);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_split_gives_adam_and_the_same_bits),
                                     cmocka_unit_test(a_gradient_that_is_not_finite_changes_nothing)};
  MPI_Init(&argc, &argv);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  failed += bl_memory_balance() != 0;
  MPI_Finalize();
  return failed;
}
