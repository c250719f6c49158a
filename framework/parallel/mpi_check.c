#include "parallel/mpi_check.h"

#include <mpi.h>
#include <string.h>

bl_status bl_mpi_check(int code, const char *call) {
  if (code == MPI_SUCCESS)
    return BL_OK;
  char reason[MPI_MAX_ERROR_STRING] = "unknown error";
  int length;
  MPI_Error_string(code, reason, &length);
  return bl_fail(BL_ERROR_LIBRARY, "%.*s failed: %s", (int)strcspn(call, "("), call, reason);
}
