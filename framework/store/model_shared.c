#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "store/model.h"

bl_status bl_model_read_header_shared(bl_model_header *header, const char *path, MPI_Comm comm) {
  int rank;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_AGREE(rank == 0 ? bl_model_read_header(header, path) : BL_OK, comm);
  return BL_MPI_MET(MPI_Bcast(header, (int)sizeof *header, MPI_BYTE, 0, comm), comm);
}

bl_status bl_model_read_weights_shared(float *values, const char *path, const bl_parameter_table *table, bool average,
                                       MPI_Comm comm) {
  bool has = false;
  int rank;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_AGREE(average && rank == 0 ? bl_model_has_part(&has, path, "average") : BL_OK, comm);
  return bl_model_read_part_shared(values, path, has ? "average" : "model", table, comm);
}

bl_status bl_model_read_part_shared(float *values, const char *path, const char *part, const bl_parameter_table *table,
                                    MPI_Comm comm) {
  int rank;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_AGREE(rank == 0 ? bl_model_read(path, &(bl_model_part){part, table, values}, 1) : BL_OK, comm);
  for (size_t i = 0; i < table->entry_count; i++) /* tensor by tensor, so that no count overflows */
    BL_TRY(BL_MPI(MPI_Bcast(values + table->entries[i].offset, (int)table->entries[i].count, MPI_FLOAT, 0, comm)));
  return BL_OK;
}
