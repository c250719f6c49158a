#include "linear/grid.h"

#include "base/memory.h"
#include "support/cmocka.h"

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

/* Each element of the lower triangle is on one rank, at its place. */
static void rows_become_columns_of_blocks(void **state) {
  (void)state;
  const int sizes[] = {1, 2, 31, 32, 33, 100, 129};
  bl_process_grid grid;
  assert_int_equal(bl_process_grid_create(&grid, MPI_COMM_WORLD), BL_OK);
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    const int size = sizes[k];
    bl_symmetric rows;
    bl_distributed_matrix matrix;
    assert_int_equal(bl_symmetric_create(&rows, size, MPI_COMM_WORLD), BL_OK);
    for (int i = 0; i < rows.count; i++)
      for (int j = rows.first + i; j < size; j++)
        rows.values[i * size + j] = 1.0 + (rows.first + i) * size + j;
    assert_int_equal(bl_distributed_matrix_create(&matrix, &grid, size), BL_OK);
    assert_int_equal(bl_distributed_matrix_take(&matrix, &rows), BL_OK);
    long elements = 0, all;
    for (int c = 0; c < matrix.local_columns; c++)
      for (int r = 0; r < matrix.local_rows; r++) {
        const int row = bl_distributed_matrix_row(&matrix, r), column = bl_distributed_matrix_column(&matrix, c);
        assert_in_range(row, 0, size - 1);
        assert_in_range(column, 0, size - 1);
        elements++;
        if (row >= column)
          assert_near(matrix.values[c * matrix.local_rows + r], 1.0 + column * size + row, 0.0);
      }
    MPI_Allreduce(&elements, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    assert_int_equal(all, (long)size * size);
    bl_distributed_matrix_destroy(&matrix);
    bl_symmetric_destroy(&rows);
  }
  bl_process_grid_destroy(&grid);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_rank_has_a_place),
      cmocka_unit_test(rows_become_columns_of_blocks),
  };
  MPI_Init(&argc, &argv);
  int failed = cmocka_run_group_tests_name("grid", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
