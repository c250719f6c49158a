#include "linear/grid.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <string.h>

static void every_rank_has_a_place(void **state) {
  (void)state;
  int ranks, rank;
  bl_process_grid grid;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  assert_int_equal(bl_process_grid_create(&grid, MPI_COMM_WORLD), BL_OK);
  assert_int_equal(grid.rows * grid.columns, ranks);
  assert_int_equal(grid.row * grid.columns + grid.column, rank);
  assert_true(grid.rows <= grid.columns);
  assert_int_equal(grid.rows, ranks == 4 ? 2 : 1);
  bl_process_grid_destroy(&grid);
}

static void blocks_come_back_to_their_places(void **state) {
  (void)state;
  const int sizes[] = {1, 2, 31, 32, 33, 100, 129};
  bl_process_grid grid;
  assert_int_equal(bl_process_grid_create(&grid, MPI_COMM_WORLD), BL_OK);
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    size_t count = (size_t)sizes[k] * (size_t)sizes[k];
    double *whole, *again;
    long elements, all;
    bl_distributed_matrix matrix;
    assert_int_equal(bl_allocate(&whole, count, sizeof *whole), BL_OK);
    assert_int_equal(bl_allocate(&again, count, sizeof *again), BL_OK);
    for (size_t i = 0; i < count; i++)
      whole[i] = 1.0 + (double)i / 7.0;
    assert_int_equal(bl_distributed_matrix_create(&matrix, &grid, sizes[k]), BL_OK);
    elements = (long)matrix.local_rows * matrix.local_columns;
    MPI_Allreduce(&elements, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    assert_int_equal(all, count); /* each element lies on one rank */
    bl_distributed_matrix_scatter(&matrix, whole);
    assert_int_equal(bl_distributed_matrix_gather(again, &matrix), BL_OK);
    assert_memory_equal(again, whole, count * sizeof *whole);
    bl_distributed_matrix_destroy(&matrix);
    bl_free(&whole);
    bl_free(&again);
  }
  bl_process_grid_destroy(&grid);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_rank_has_a_place),
      cmocka_unit_test(blocks_come_back_to_their_places),
  };
  MPI_Init(&argc, &argv);
  int failed = cmocka_run_group_tests_name("grid", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
