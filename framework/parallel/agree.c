#include "parallel/agree.h"

#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <stdio.h>

bl_status bl_agree(bl_status status, MPI_Comm comm) {
  int rank, size;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  /* One number that grows with the status and, among equal ones, falls with the rank. */
  long long worst = (long long)status * size + (size - 1 - rank);
  BL_TRY(BL_MPI_MET(MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_LONG_LONG, MPI_MAX, comm), comm));
  const bl_status agreed = (bl_status)(worst / size);
  if (agreed == BL_OK)
    return BL_OK;
  const int speaker = size - 1 - (int)(worst % size);
  char message[BL_MESSAGE_SIZE];
  snprintf(message, sizeof message, "%s", bl_status_message());
  BL_TRY(BL_MPI(MPI_Bcast(message, sizeof message, MPI_CHAR, speaker, comm)));
  bl_status_clear();
  return bl_fail(agreed, "%s", message);
}
