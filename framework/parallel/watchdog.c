#include "parallel/watchdog.h"

#include "base/clock.h"
#include "base/exit_status.h"
#include "parallel/mpi_check.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Written by the rank's own thread, read by the watchdog's. */
static struct {
  atomic_ulong progress;
  _Atomic(const char *) work, wait; /* NULL: none */
  atomic_int tag, source;
} doing;

static struct {
  bool runs;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t ends;
  bool end; /* guarded by mutex */
  double limit, period;
  MPI_Comm comm;
  int rank;
} dog = {.mutex = PTHREAD_MUTEX_INITIALIZER, .ends = PTHREAD_COND_INITIALIZER};

void bl_watchdog_progress(void) {
  atomic_fetch_add_explicit(&doing.progress, 1, memory_order_relaxed);
}

void bl_watchdog_work(const char *what) {
  atomic_store_explicit(&doing.work, what, memory_order_relaxed);
  bl_watchdog_progress();
}

void bl_watchdog_wait(const char *what, int tag, int source) {
  atomic_store_explicit(&doing.tag, tag, memory_order_relaxed);
  atomic_store_explicit(&doing.source, source, memory_order_relaxed);
  atomic_store_explicit(&doing.wait, what, memory_order_relaxed);
}

void bl_watchdog_go_on(void) {
  atomic_store_explicit(&doing.wait, NULL, memory_order_relaxed);
  bl_watchdog_progress();
}

/* "waited for message 7 of the trajectories from rank 2" */
static void describe(char *text, size_t size) {
  const char *wait = atomic_load_explicit(&doing.wait, memory_order_relaxed);
  const char *work = atomic_load_explicit(&doing.work, memory_order_relaxed);
  const int source = atomic_load_explicit(&doing.source, memory_order_relaxed);
  if (wait != NULL && source >= 0)
    snprintf(text, size, "it waited for message %d of the %s from rank %d",
             atomic_load_explicit(&doing.tag, memory_order_relaxed), wait, source);
  else if (wait != NULL)
    snprintf(text, size, "it waited for the other ranks in %.*s", (int)strcspn(wait, "("), wait);
  else if (work != NULL)
    snprintf(text, size, "it was at work on \"%s\"", work);
  else
    snprintf(text, size, "it was at work");
}

static void end_job(double seconds) {
  char where[256], duration[32];
  describe(where, sizeof where);
  bl_clock_duration(duration, sizeof duration, seconds);
  fprintf(
      stderr,
      "beeline: rank %d has made no progress for %s and ends the job: %s (key watchdog; --resume goes on from the newest "
      "checkpoint)\n",
      dog.rank, duration, where);
  fflush(stderr);
  alarm(10); /* where MPI hangs itself; launchers end a job whose rank is killed */
  MPI_Abort(dog.comm, BL_EXIT_TRY_AGAIN);
}

/* Wait a period; returns whether to end. */
static bool pause_or_end(void) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  const double at = (double)until.tv_nsec * 1e-9 + dog.period;
  until.tv_sec += (time_t)at;
  until.tv_nsec = (long)((at - floor(at)) * 1e9);
  pthread_mutex_lock(&dog.mutex);
  if (!dog.end)
    pthread_cond_timedwait(&dog.ends, &dog.mutex, &until);
  const bool end = dog.end;
  pthread_mutex_unlock(&dog.mutex);
  return end;
}

static void *watch(void *unused) {
  unsigned long seen = atomic_load_explicit(&doing.progress, memory_order_relaxed);
  double idle = 0, before = bl_clock_seconds();
  while (!pause_or_end()) {
    const double now = bl_clock_seconds();
    const unsigned long progress = atomic_load_explicit(&doing.progress, memory_order_relaxed);
    const bool waits = atomic_load_explicit(&doing.wait, memory_order_relaxed) != NULL;
    idle = progress == seen ? idle + fmin(now - before, 2 * dog.period) : 0;
    seen = progress;
    before = now;
    if (idle > (waits ? 2 * dog.limit : dog.limit))
      end_job(idle);
  }
  return unused;
}

bl_status bl_watchdog_start(double seconds, MPI_Comm comm) {
  sigset_t all, present;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &dog.rank)));
  if (seconds <= 0 || dog.runs)
    return BL_OK;
  dog.comm = comm;
  dog.limit = seconds;
  dog.period = fmin(1, seconds / 8);
  dog.end = false;
  /* Signals are for the rank's own thread. */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &present);
  const int code = pthread_create(&dog.thread, NULL, watch, NULL);
  pthread_sigmask(SIG_SETMASK, &present, NULL);
  if (code != 0)
    return bl_fail(BL_ERROR_SYSTEM, "the watchdog cannot start a thread: %s; watchdog: 0 does without", strerror(code));
  dog.runs = true;
  return BL_OK;
}

void bl_watchdog_stop(void) {
  if (!dog.runs)
    return;
  pthread_mutex_lock(&dog.mutex);
  dog.end = true;
  pthread_cond_signal(&dog.ends);
  pthread_mutex_unlock(&dog.mutex);
  pthread_join(dog.thread, NULL);
  dog.runs = false;
}
