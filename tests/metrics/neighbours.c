#include "metrics/neighbours.h"

#include "base/log.h"
#include "base/memory.h"
#include "metrics/vectors.h"
#include "support/cmocka.h"

#include <stdlib.h>

enum { SIZE = 3 };

static bl_neighbours measure(const float *generated, size_t m, const float *real, size_t n, int k, MPI_Comm comm) {
  bl_feature_set sets[2];
  bl_neighbours result;
  test_feature_set(&sets[0], generated, SIZE, m, comm);
  test_feature_set(&sets[1], real, SIZE, n, comm);
  assert_int_equal(bl_neighbours_compute(&result, &sets[0], &sets[1], k, comm), BL_OK);
  bl_feature_set_destroy(&sets[0]);
  bl_feature_set_destroy(&sets[1]);
  return result;
}

static double distance(const float *a, const float *b) {
  double square = 0.0;
  for (int i = 0; i < SIZE; i++)
    square += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
  return sqrt(square);
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Distance to the k-th neighbour, by sorting all. */
static double radius(const float *set, size_t count, size_t i, int k) {
  static double all[1024];
  for (size_t j = 0; j < count; j++)
    all[j] = j == i ? -1.0 : distance(set + i * SIZE, set + j * SIZE);
  qsort(all, count, sizeof *all, compare);
  return all[k];
}

static bl_neighbours brute_force(const float *generated, size_t m, const float *real, size_t n, int k) {
  static double of_real[1024], of_generated[1024];
  double precision = 0.0, recall = 0.0, balls = 0.0, coverage = 0.0;
  for (size_t i = 0; i < n; i++)
    of_real[i] = radius(real, n, i, k);
  for (size_t i = 0; i < m; i++)
    of_generated[i] = radius(generated, m, i, k);
  for (size_t i = 0; i < m; i++) {
    bool in = false;
    for (size_t j = 0; j < n; j++)
      if (distance(generated + i * SIZE, real + j * SIZE) <= of_real[j]) {
        in = true;
        balls += 1.0;
      }
    precision += in;
  }
  for (size_t j = 0; j < n; j++) {
    bool in = false, holds = false;
    for (size_t i = 0; i < m; i++) {
      in |= distance(generated + i * SIZE, real + j * SIZE) <= of_generated[i];
      holds |= distance(generated + i * SIZE, real + j * SIZE) <= of_real[j];
    }
    recall += in;
    coverage += holds;
  }
  return (bl_neighbours){precision / (double)m, recall / (double)n, balls / (k * (double)m), coverage / (double)n};
}

static void is_equal(const bl_neighbours *found, const bl_neighbours *expected) {
  assert_near(found->precision, expected->precision, 1e-12);
  assert_near(found->recall, expected->recall, 1e-12);
  assert_near(found->density, expected->density, 1e-12);
  assert_near(found->coverage, expected->coverage, 1e-12);
}

static void agrees_with_all_pairs(void **state) {
  (void)state;
  float *generated, *real;
  test_vectors(&generated, SIZE, 600, 1, 1.2F);
  test_vectors(&real, SIZE, 520, 2, 0.0F);
  const struct {
    size_t m, n;
    int k;
  } cases[] = {{600, 520, 3}, {300, 520, 1}, {257, 256, 5}, {9, 20, 8}};
  for (int c = 0; c < 4; c++) {
    const bl_neighbours found = measure(generated, cases[c].m, real, cases[c].n, cases[c].k, MPI_COMM_WORLD);
    const bl_neighbours expected = brute_force(generated, cases[c].m, real, cases[c].n, cases[c].k);
    const bl_neighbours alone = measure(generated, cases[c].m, real, cases[c].n, cases[c].k, MPI_COMM_SELF);
    is_equal(&found, &expected);
    assert_memory_equal(&alone, &found, sizeof found);
    assert_true(cases[c].m < 600 || (found.precision > 0.1 && found.precision < 1.0 && found.recall < 1.0));
  }
  bl_free(&generated);
  bl_free(&real);
}

/* Also where vectors are equal, and far from 0 beside their distances. */
static void identical_sets_are_perfect(void **state) {
  (void)state;
  float *set;
  for (int kind = 0; kind < 3; kind++) {
    test_vectors(&set, SIZE, 300, 3, kind == 1 ? 100.0F : 0.0F);
    for (int i = 0; kind == 2 && i < 300 * SIZE; i++)
      set[i] = (float)(i / SIZE % 7) + 0.1F; /* each vector some forty times */
    const bl_neighbours found = measure(set, 300, set, 300, 3, MPI_COMM_WORLD);
    assert_near(found.precision, 1.0, 0.0);
    assert_near(found.recall, 1.0, 0.0);
    assert_near(found.coverage, 1.0, 0.0);
    bl_free(&set);
  }
}

static void disjoint_sets_have_nothing_in_common(void **state) {
  (void)state;
  float *a, *b;
  test_vectors(&a, SIZE, 300, 4, 0.0F);
  test_vectors(&b, SIZE, 400, 5, 50.0F);
  const bl_neighbours found = measure(a, 300, b, 400, 3, MPI_COMM_WORLD), nothing = {0};
  is_equal(&found, &nothing);
  bl_free(&a);
  bl_free(&b);
}

static void few_images_are_refused(void **state) {
  (void)state;
  float *a;
  bl_feature_set few, more;
  bl_neighbours result;
  test_vectors(&a, SIZE, 10, 1, 0.0F);
  test_feature_set(&few, a, SIZE, 3, MPI_COMM_WORLD);
  test_feature_set(&more, a, SIZE, 10, MPI_COMM_WORLD);
  bl_status_clear();
  assert_int_equal(bl_neighbours_compute(&result, &more, &few, 3, MPI_COMM_WORLD), BL_ERROR_USAGE);
  bl_status_clear();
  bl_feature_set_destroy(&few);
  bl_feature_set_destroy(&more);
  bl_free(&a);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_all_pairs),
      cmocka_unit_test(identical_sets_are_perfect),
      cmocka_unit_test(disjoint_sets_have_nothing_in_common),
      cmocka_unit_test(few_images_are_refused),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("neighbours", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
