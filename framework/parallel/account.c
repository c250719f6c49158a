#include "parallel/account.h"

#include "base/log.h"
#include "base/memory.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

static const double mebibyte = 1048576;

bl_status bl_account_times(const bl_timing *timings, int count, MPI_Comm comm) {
  bl_statistic *of = NULL;
  BL_TRY(bl_allocate(&of, (size_t)count, sizeof *of));
  const bl_status status = bl_statistics_of(of, timings, count, comm);
  if (status == BL_OK)
    bl_log("where the time of the rounds went       ranks   least    mean    most (seconds a rank)");
  for (int i = 0; status == BL_OK && i < count; i++)
    if (of[i].ranks > 0)
      bl_log("  %-36s %6d %7.2f %7.2f %7.2f", timings[i].name, of[i].ranks, of[i].min, of[i].mean, of[i].max);
  bl_free(&of);
  return status;
}

bl_status bl_account_traffic(const bl_traffic *traffic, int count, MPI_Comm comm) {
  bool titled = false;
  for (int i = 0; i < count; i++) {
    double sum = traffic[i].bytes, most = sum;
    BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, comm), comm));
    BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_DOUBLE, MPI_MAX, comm)));
    if (sum > 0 && !titled)
      bl_log("what moved between ranks                     MiB in all    most from a rank");
    titled = titled || sum > 0;
    if (sum > 0)
      bl_log("  %-36s %16.3f %19.3f", traffic[i].name, sum / mebibyte, most / mebibyte);
  }
  return BL_OK;
}

bl_status bl_account_memory(double bytes, MPI_Comm comm) {
  struct {
    double value;
    int rank;
  } most = {bytes, 0};
  double least = bytes, sum = bytes;
  int size;
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &most.rank)));
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_DOUBLE_INT, MPI_MAXLOC, comm), comm));
  BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, &least, 1, MPI_DOUBLE, MPI_MIN, comm)));
  BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, comm)));
  bl_log("peak memory of a rank: %.1f MiB at least, %.1f in the mean, %.1f at most (rank %d)", least / mebibyte,
         sum / size / mebibyte, most.value / mebibyte, most.rank);
  return BL_OK;
}
