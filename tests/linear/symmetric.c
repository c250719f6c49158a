#include "linear/symmetric.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <string.h>

static void every_row_is_on_one_rank(void **state) {
  (void)state;
  const int sizes[] = {1, 2, 3, 7, 8, 64, 100};
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    bl_symmetric matrix;
    int total;
    assert_int_equal(bl_symmetric_create(&matrix, sizes[k], MPI_COMM_WORLD), BL_OK);
    MPI_Allreduce(&matrix.count, &total, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    assert_int_equal(total, sizes[k]);
    bl_symmetric_destroy(&matrix);
  }
}

static void rows_come_back_to_their_places(void **state) {
  (void)state;
  const int sizes[] = {1, 2, 5, 33, 100};
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    const size_t size = (size_t)sizes[k];
    double *whole = NULL, *again = NULL, *diagonal = NULL;
    bl_symmetric matrix;
    if (rank == 0) {
      assert_int_equal(bl_allocate(&whole, size * size, sizeof *whole), BL_OK);
      assert_int_equal(bl_allocate(&again, size * size, sizeof *again), BL_OK);
      assert_int_equal(bl_allocate(&diagonal, size, sizeof *diagonal), BL_OK);
      for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j <= i; j++)
          whole[i * size + j] = whole[j * size + i] = 1.0 + (double)(i * size + j) / 7.0;
    }
    assert_int_equal(bl_symmetric_create(&matrix, sizes[k], MPI_COMM_WORLD), BL_OK);
    assert_int_equal(bl_symmetric_scatter(&matrix, whole, MPI_COMM_WORLD), BL_OK);
    assert_int_equal(bl_symmetric_gather(again, &matrix, MPI_COMM_WORLD), BL_OK);
    assert_int_equal(bl_symmetric_diagonal(diagonal, &matrix, MPI_COMM_WORLD), BL_OK);
    if (rank == 0)
      assert_memory_equal(again, whole, size * size * sizeof *whole);
    for (size_t i = 0; i < size && rank == 0; i++)
      assert_near(diagonal[i], whole[i * size + i], 0.0);
    bl_symmetric_destroy(&matrix);
    bl_free(&whole);
    bl_free(&again);
    bl_free(&diagonal);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_is_on_one_rank),
      cmocka_unit_test(rows_come_back_to_their_places),
  };
  MPI_Init(&argc, &argv);
  int failed = cmocka_run_group_tests_name("symmetric", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
