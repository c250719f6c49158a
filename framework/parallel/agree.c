#include "parallel/agree.h"

#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

bl_status bl_agree(bl_status status, MPI_Comm comm) {
  int rank, size;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  /* One number that grows with the status and, among equal ones, falls with the rank. */
  long long worst = (long long)status * size + (size - 1 - rank);
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_LONG_LONG, MPI_MAX, comm), comm));
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

bl_status bl_agree_text(const char *what, const char *text, MPI_Comm comm) {
  enum { LENGTH = 256 };
  char first[LENGTH] = "", mine[LENGTH] = "";
  int rank;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  snprintf(mine, sizeof mine, "%s", text);
  memcpy(first, mine, sizeof first);
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(first, LENGTH, MPI_CHAR, 0, comm), comm));
  const bool same = memcmp(first, mine, sizeof first) == 0;
  return bl_agree(
      same ? BL_OK
           : bl_fail(BL_ERROR_USAGE, "%s of rank %d is \"%s\", that of rank 0 is \"%s\": start the same on all ranks", what,
                     rank, mine, first),
      comm);
}
