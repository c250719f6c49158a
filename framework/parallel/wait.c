#include "parallel/wait.h"

#include "base/clock.h"
#include "parallel/mpi_check.h"
#include "parallel/watchdog.h"

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

static bl_status wait_in(const char *what, MPI_Request *requests, int count) {
  const double since = bl_clock_seconds();
  int complete = 0;
  bl_watchdog_wait(what, -1, -1);
  bl_status status = BL_MPI(MPI_Testall(count, requests, &complete, MPI_STATUSES_IGNORE));
  while (status == BL_OK && !complete) {
    bl_wait_pause(since);
    status = BL_MPI(MPI_Testall(count, requests, &complete, MPI_STATUSES_IGNORE));
  }
  bl_watchdog_go_on();
  return status;
}

bl_status bl_wait(MPI_Request *requests, int count) {
  return wait_in("MPI_Wait", requests, count);
}

bl_status bl_barrier_for(const char *what, MPI_Comm comm) {
  MPI_Request request;
  BL_TRY(BL_MPI(MPI_Ibarrier(comm, &request)));
  return wait_in(what, &request, 1);
}

bl_status bl_barrier(MPI_Comm comm) {
  return bl_barrier_for("a meeting", comm);
}
