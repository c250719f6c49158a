#include "linear/symmetric.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

int bl_symmetric_first(int size, int rank, int ranks) {
  const long rows = (size + ranks - 1) / ranks, first = rows * rank;
  return first < size ? (int)first : size;
}

bl_status bl_symmetric_create(bl_symmetric *matrix, int size, MPI_Comm comm) {
  int rank, ranks;
  *matrix = (bl_symmetric){.size = size};
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  matrix->first = bl_symmetric_first(size, rank, ranks);
  matrix->count = bl_symmetric_first(size, rank + 1, ranks) - matrix->first;
  const size_t rows = matrix->count > 0 ? (size_t)matrix->count : 1; /* libraries want an address in any case */
  return bl_allocate(&matrix->values, rows * (size_t)size, sizeof *matrix->values);
}

void bl_symmetric_destroy(bl_symmetric *matrix) {
  bl_free(&matrix->values);
  matrix->size = matrix->count = 0;
}

/* Row \a row between the one that holds it and rank 0. */
static bl_status move_row(double *whole, const bl_symmetric *matrix, int row, int owner, bool to_root, int rank,
                          MPI_Comm comm) {
  const int source = to_root ? owner : 0, target = to_root ? 0 : owner, length = matrix->size - row;
  double *there = rank == 0 ? whole + (size_t)row * (size_t)matrix->size + row : NULL;
  double *here = rank == owner ? matrix->values + (size_t)(row - matrix->first) * (size_t)matrix->size + row : NULL;
  double *from = to_root ? here : there, *to = to_root ? there : here;
  if (source == target) {
    if (rank == source)
      memcpy(to, from, (size_t)length * sizeof *to);
    return BL_OK;
  }
  if (rank == source)
    return BL_MPI(MPI_Send(from, length, MPI_DOUBLE, target, row, comm));
  if (rank == target)
    return BL_MPI(MPI_Recv(to, length, MPI_DOUBLE, source, row, comm, MPI_STATUS_IGNORE));
  return BL_OK;
}

static bl_status move_rows(double *whole, const bl_symmetric *matrix, bool to_root, MPI_Comm comm) {
  int rank, ranks;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  BL_TRY(bl_barrier(comm));
  for (int owner = 0; owner < ranks; owner++)
    for (int row = bl_symmetric_first(matrix->size, owner, ranks); row < bl_symmetric_first(matrix->size, owner + 1, ranks);
         row++)
      BL_TRY(move_row(whole, matrix, row, owner, to_root, rank, comm));
  return BL_OK;
}

bl_status bl_symmetric_gather(double *whole, const bl_symmetric *matrix, MPI_Comm comm) {
  const size_t size = (size_t)matrix->size;
  BL_TRY(move_rows(whole, matrix, true, comm));
  for (size_t i = 0; whole && i < size; i++)
    for (size_t j = 0; j < i; j++)
      whole[i * size + j] = whole[j * size + i];
  return BL_OK;
}

bl_status bl_symmetric_scatter(bl_symmetric *matrix, const double *whole, MPI_Comm comm) {
  return move_rows((double *)whole, matrix, false, comm);
}

bl_status bl_symmetric_diagonal(double *diagonal, const bl_symmetric *matrix, MPI_Comm comm) {
  int rank, ranks;
  double *mine = NULL;
  int *counts = NULL, *places = NULL;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  bl_status status = bl_allocate(&mine, (size_t)matrix->count + 1, sizeof *mine);
  if (status == BL_OK)
    status = bl_allocate(&counts, (size_t)ranks, sizeof *counts);
  if (status == BL_OK)
    status = bl_allocate(&places, (size_t)ranks, sizeof *places);
  BL_GOTO(bl_agree(status, comm));
  for (int i = 0; i < matrix->count; i++)
    mine[i] = matrix->values[(size_t)i * (size_t)matrix->size + (size_t)(matrix->first + i)];
  for (int r = 0; r < ranks; r++) {
    places[r] = bl_symmetric_first(matrix->size, r, ranks);
    counts[r] = bl_symmetric_first(matrix->size, r + 1, ranks) - places[r];
  }
  status = BL_MPI_SYNCHRONISED(
      MPI_Gatherv(mine, matrix->count, MPI_DOUBLE, rank == 0 ? diagonal : NULL, counts, places, MPI_DOUBLE, 0, comm), comm);
done:
  bl_free(&mine);
  bl_free(&counts);
  bl_free(&places);
  return status;
}
