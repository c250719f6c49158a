#include "parallel/interrupt.h"

#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t noted;

static void note(int number) {
  noted = number;
}

static void handle(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
}

void bl_interrupt_catch(void) {
  handle(note);
}

void bl_interrupt_release(void) {
  handle(SIG_DFL);
  if (noted != 0)
    raise(noted);
}

bl_status bl_interrupt_agree(bool *asked, MPI_Comm comm) {
  int any = noted != 0;
  BL_TRY(BL_MPI_MET(MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, comm), comm));
  *asked = any != 0;
  return BL_OK;
}
