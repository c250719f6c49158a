#include "linear/grid.h"

#include "base/memory.h"
#include "linear/fortran.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <stddef.h>

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
  /* Sums over processes in a fixed order, and the same on all of them. */
  const int yes = 1;
  Cblacs_set(grid->context, BL_BLACS_REPEATABLE, &yes);
  Cblacs_set(grid->context, BL_BLACS_COHERENT, &yes);
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

static int whole_index(int local, int place, int places) {
  return (local / BLOCK * places + place) * BLOCK + local % BLOCK;
}

int bl_distributed_matrix_row(const bl_distributed_matrix *matrix, int local) {
  return whole_index(local, matrix->grid->row, matrix->grid->rows);
}

int bl_distributed_matrix_column(const bl_distributed_matrix *matrix, int local) {
  return whole_index(local, matrix->grid->column, matrix->grid->columns);
}

/* To ScaLAPACK the rows of a rank are a block of whole columns, on a grid that is one process high. */
bl_status bl_distributed_matrix_take(bl_distributed_matrix *matrix, const bl_symmetric *rows) {
  const bl_process_grid *grid = matrix->grid;
  const int size = matrix->size, origin = 0, one = 1, ranks = grid->rows * grid->columns,
            block = (size + ranks - 1) / ranks;
  int context = grid->handle, info, descriptor[9];
  Cblacs_gridinit(&context, "Row", 1, ranks);
  descinit_(descriptor, &size, &size, &size, &block, &origin, &origin, &context, &size, &info);
  if (info == 0) {
    BL_TRY(bl_barrier(grid->comm));
    pdgemr2d_(&size, &size, rows->values, &one, &one, descriptor, matrix->values, &one, &one, matrix->descriptor, &context);
  }
  Cblacs_gridexit(context);
  return info == 0 ? BL_OK
                   : bl_fail(BL_ERROR_LIBRARY, "ScaLAPACK's descinit refused the rows of a matrix of size %d (info %d)",
                             size, info);
}
