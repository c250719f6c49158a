#include "parallel/interrupt.h"

#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t noted;
static const char *answer_to_ctrl_c;

static void note(int number) {
  noted = number;
}

static void handle(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

/* Whoever presses Ctrl-C twice wants no more than the end. */
static void note_ctrl_c(int number) {
  const int kept = errno;
  noted = number;
  handle(SIGINT, SIG_DFL);
  if (answer_to_ctrl_c != NULL)
    (void)!write(STDERR_FILENO, answer_to_ctrl_c, strlen(answer_to_ctrl_c));
  errno = kept;
}

void bl_interrupt_catch(const char *answer) {
  answer_to_ctrl_c = answer;
  handle(SIGTERM, note);
  handle(SIGUSR1, note);
  handle(SIGINT, note_ctrl_c);
}

void bl_interrupt_release(void) {
  handle(SIGTERM, SIG_DFL);
  handle(SIGUSR1, SIG_DFL);
  handle(SIGINT, SIG_DFL);
  if (noted != 0)
    raise(noted);
}

bl_status bl_interrupt_agree(bool *asked, MPI_Comm comm) {
  int any = noted != 0;
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, comm), comm));
  *asked = any != 0;
  return BL_OK;
}
