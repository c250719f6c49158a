/* hang MODE: two ranks under a watchdog of a second, of which rank 1 hangs where MODE says.
 *   work     in a piece of work, while rank 0 waits in a collective
 *   channel    in a wait for a message that rank 0 never sends, while rank 0 works on
 *   stopped  its process is stopped, while rank 0 waits in a collective
 *   slow     nowhere: both work and wait for longer than the limit, but in pieces */
#include "base/clock.h"
#include "base/status.h"
#include "parallel/channel.h"
#include "parallel/statistics.h"
#include "parallel/wait.h"
#include "parallel/watchdog.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A piece of work is far shorter than the limit: machines are busy, and a rank that waits for its core has not hung. */
static const double limit = 1, piece = 0.125;

static void pass(double seconds) {
  for (const double since = bl_clock_seconds(); bl_clock_seconds() - since < seconds;)
    bl_wait_pause(since);
}

static bl_status hang(const char *mode, int rank) {
  bl_timing timing = {.name = "roll out"};
  bl_channel *channel = NULL;
  float value;
  int sum = 1;
  if (strcmp(mode, "work") == 0 && rank == 1) {
    bl_timing_begin(&timing);
    pass(30);
  }
  if (strcmp(mode, "stopped") == 0 && rank == 1)
    raise(SIGSTOP);
  if (strcmp(mode, "channel") == 0) {
    BL_TRY(bl_channel_create(&channel, MPI_COMM_WORLD, "trajectories"));
    if (rank == 1) {
      BL_TRY(bl_channel_receive(channel, &value, 1, 7, 0));
      BL_TRY(bl_channel_wait(channel, 7, 0));
    }
    for (int i = 0; i < 240; i++) {
      pass(piece);
      bl_watchdog_progress();
    }
  }
  for (int i = 0; i < 12; i++) {
    bl_timing_begin(&timing);
    pass(piece);
    bl_timing_end(&timing);
  }
  return BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD), MPI_COMM_WORLD);
}

int main(int argc, char **argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  bl_status status = bl_watchdog_start(limit, MPI_COMM_WORLD);
  if (status == BL_OK)
    status = hang(argc > 1 ? argv[1] : "slow", rank);
  bl_watchdog_stop();
  if (status != BL_OK)
    fprintf(stderr, "%s\n", bl_status_message());
  MPI_Finalize();
  return status != BL_OK;
}
