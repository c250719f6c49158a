#include "store/shared_text.h"

#include "base/memory.h"
#include "base/options.h"
#include "parallel/agree.h"
#include "parallel/wait.h"

bl_status bl_shared_text_read(char **text, size_t *size, const char *path, MPI_Comm comm) {
  int rank;
  *text = NULL;
  *size = 0;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  bl_status status = rank == 0 ? bl_options_read_file(text, size, path) : BL_OK;
  BL_TRY(bl_agree(status, comm));
  unsigned long long shared = *size;
  BL_GOTO(BL_MPI_SYNCHRONISED(MPI_Bcast(&shared, 1, MPI_UNSIGNED_LONG_LONG, 0, comm), comm));
  *size = (size_t)shared;
  if (rank != 0)
    status = bl_allocate(text, *size, 1);
  BL_GOTO(bl_agree(status, comm));
  status = BL_MPI_SYNCHRONISED(MPI_Bcast(*text, (int)*size, MPI_CHAR, 0, comm), comm);
done:
  if (status != BL_OK)
    bl_free(text);
  return status;
}
