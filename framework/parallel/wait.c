#include "parallel/wait.h"

#include "base/clock.h"
#include "parallel/mpi_check.h"

#include <time.h>

static const double spin_seconds = 50e-6;
static const double longest_sleep = 1e-3;

void bl_wait_pause(double since) {
  const double waited = bl_clock_seconds() - since;
  if (waited < spin_seconds)
    return;
  const double seconds = waited / 16 < longest_sleep ? waited / 16 : longest_sleep;
  const struct timespec pause = {0, (long)(1e9 * seconds)};
  nanosleep(&pause, NULL);
}

bl_status bl_wait(MPI_Request *requests, int count) {
  const double since = bl_clock_seconds();
  for (;;) {
    int complete;
    BL_TRY(BL_MPI(MPI_Testall(count, requests, &complete, MPI_STATUSES_IGNORE)));
    if (complete)
      return BL_OK;
    bl_wait_pause(since);
  }
}

bl_status bl_meet(MPI_Comm comm) {
  MPI_Request request;
  BL_TRY(BL_MPI(MPI_Ibarrier(comm, &request)));
  return bl_wait(&request, 1);
}
