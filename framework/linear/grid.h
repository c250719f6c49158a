/** \file
 * ScaLAPACK's process grid over the ranks of a communicator, and square matrices dealt out over it in blocks. */
#ifndef BEELINE_LINEAR_GRID_H
#define BEELINE_LINEAR_GRID_H

#include "base/status.h"
#include "linear/symmetric.h"

#include <mpi.h>

/** Ranks as a rectangle, as near to a square as their number allows (6 ranks: 2 × 3; 5 ranks: 1 × 5). */
typedef struct bl_process_grid {
  MPI_Comm comm; /**< borrowed */
  int handle;    /**< BLACS' name of comm; owned */
  int context;   /**< of BLACS; owned */
  int rows, columns;
  int row, column; /**< of this rank */
} bl_process_grid;

/** Arrange all ranks of \a comm. Collective over \a comm; borrows it. \param [out] grid  caller's;
 * bl_process_grid_destroy. */
bl_status bl_process_grid_create(bl_process_grid *grid, MPI_Comm comm);

/** Collective over the grid. */
void bl_process_grid_destroy(bl_process_grid *grid);

/** A square matrix of doubles in block-cyclic layout (column-major within a rank, as ScaLAPACK wants it). */
typedef struct bl_distributed_matrix {
  const bl_process_grid *grid; /**< borrowed */
  int size;                    /**< rows and columns of the whole */
  int local_rows, local_columns;
  int descriptor[9]; /**< ScaLAPACK's */
  double *values;    /**< (local_columns, local_rows); owned */
} bl_distributed_matrix;

/** A matrix of zeros. Collective over the grid. \param [out] matrix  caller's; bl_distributed_matrix_destroy. */
bl_status bl_distributed_matrix_create(bl_distributed_matrix *matrix, const bl_process_grid *grid, int size);
void bl_distributed_matrix_destroy(bl_distributed_matrix *matrix);

/** Take the elements of a matrix that is dealt out by rows: its rows from the diagonal on become columns, so that the lower
 * triangle is filled, and what stands above it is undefined. Collective over the grid, whose ranks must be those that hold
 * the rows. */
bl_status bl_distributed_matrix_take(bl_distributed_matrix *matrix, const bl_symmetric *rows);

/** Index in the whole of the local row or column \a local. Not collective. */
int bl_distributed_matrix_row(const bl_distributed_matrix *matrix, int local);
int bl_distributed_matrix_column(const bl_distributed_matrix *matrix, int local);

#endif
