#include "linear/grid.h"

#include "base/memory.h"
#include "linear/fortran.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <stddef.h>
#include <string.h>

enum { BLOCK = 32 }; /* rows and columns dealt out at once */

bl_status bl_process_grid_create(bl_process_grid *grid, MPI_Comm comm) {
  int ranks;
  *grid = (bl_process_grid){.comm = comm};
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  int rows = 1;
  for (int divisor = 1; divisor * divisor <= ranks; divisor++)
    if (ranks % divisor == 0)
      rows = divisor;
  grid->handle = Csys2blacs_handle(comm);
  grid->context = grid->handle;
  Cblacs_gridinit(&grid->context, "Row", rows, ranks / rows);
  Cblacs_gridinfo(grid->context, &grid->rows, &grid->columns, &grid->row, &grid->column);
  if (grid->rows != rows || grid->row < 0)
    return bl_fail(BL_ERROR_LIBRARY, "BLACS made no %d × %d grid of the %d ranks", rows, ranks / rows, ranks);
  return BL_OK;
}

void bl_process_grid_destroy(bl_process_grid *grid) {
  if (grid->rows > 0) {
    Cblacs_gridexit(grid->context);
    Cfree_blacs_system_handle(grid->handle);
  }
  grid->rows = grid->columns = 0;
}

bl_status bl_distributed_matrix_create(bl_distributed_matrix *matrix, const bl_process_grid *grid, int size) {
  const int block = BLOCK, origin = 0;
  int info;
  *matrix = (bl_distributed_matrix){.grid = grid, .size = size};
  matrix->local_rows = numroc_(&size, &block, &grid->row, &origin, &grid->rows);
  matrix->local_columns = numroc_(&size, &block, &grid->column, &origin, &grid->columns);
  const int stride = matrix->local_rows > 1 ? matrix->local_rows : 1;
  descinit_(matrix->descriptor, &size, &size, &block, &block, &origin, &origin, &grid->context, &stride, &info);
  if (info != 0)
    return bl_fail(BL_ERROR_LIBRARY, "ScaLAPACK's descinit refused a matrix of size %d (info %d)", size, info);
  size_t count = (size_t)matrix->local_rows * (size_t)matrix->local_columns;
  return bl_allocate(&matrix->values, count, sizeof *matrix->values);
}

void bl_distributed_matrix_destroy(bl_distributed_matrix *matrix) {
  bl_free(&matrix->values);
  matrix->size = 0;
}

/* Index in the whole of the local row or column \a local of process \a place among \a places. */
static size_t whole_index(int local, int place, int places) {
  return (size_t)((local / BLOCK * places + place) * BLOCK + local % BLOCK);
}

/* Copy between the own blocks and their places in a whole matrix: run by run down each column. */
static void copy_blocks(double *whole, const bl_distributed_matrix *matrix, const double *source) {
  const bl_process_grid *grid = matrix->grid;
  for (int column = 0; column < matrix->local_columns; column++) {
    size_t place = whole_index(column, grid->column, grid->columns) * (size_t)matrix->size;
    double *local = matrix->values + (size_t)column * (size_t)matrix->local_rows;
    for (int row = 0; row < matrix->local_rows; row += BLOCK) {
      size_t length = (size_t)(matrix->local_rows - row < BLOCK ? matrix->local_rows - row : BLOCK) * sizeof *local;
      size_t start = place + whole_index(row, grid->row, grid->rows);
      if (source)
        memcpy(local + row, source + start, length);
      else
        memcpy(whole + start, local + row, length);
    }
  }
}

void bl_distributed_matrix_scatter(bl_distributed_matrix *matrix, const double *whole) {
  copy_blocks(NULL, matrix, whole);
}

bl_status bl_distributed_matrix_gather(double *whole, const bl_distributed_matrix *matrix) {
  size_t size = (size_t)matrix->size;
  memset(whole, 0, size * size * sizeof *whole);
  copy_blocks(whole, matrix, NULL);
  BL_TRY(bl_meet(matrix->grid->comm));
  for (size_t column = 0; column < size; column++) /* one element is not zero on one rank only: the sum is exact */
    BL_TRY(
        BL_MPI(MPI_Allreduce(MPI_IN_PLACE, whole + column * size, matrix->size, MPI_DOUBLE, MPI_SUM, matrix->grid->comm)));
  return BL_OK;
}
