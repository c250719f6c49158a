#include "base/clock.h"
#include "parallel/mpi_check.h"
#include "programs/chart.h"
#include "programs/program.h"
#include "store/record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: beeline watch [--once] RECORD.nc\n"
    "\n"
    "Show a run of pretrain, finetune or distill from its record, while it goes on: how far it is, the time that is left, "
    "and\n"
    "curves of losses, gradient norm and distance, drawn with characters. The picture is drawn anew until the run is done "
    "(or\n"
    "Ctrl-C); with --once, or where standard output is no terminal, it is drawn once. The run does not notice.\n"
    "\n"
    "Example:\n"
    "  beeline watch out/digits/record.nc\n";

/* Columns that are drawn, where a record has them; the first ones that fit. */
static const char *const drawn[] = {"loss", "distance", "ipm", "ipm_held_out", "value_loss", "gradient_norm", "kl"};

enum { BAR = 40, CURVE_LINES = 6, LINES_OF_CURVE = CURVE_LINES + 2, LINES_OF_HEAD = 4, LATEST = 20 };

/* Seconds a round of late; NaN where the record does not tell. */
static double pace(const bl_record_view *view) {
  const double *seconds = bl_record_column_of(view, "seconds");
  const size_t first = view->rows > LATEST ? view->rows - LATEST : 0;
  double sum = 0;
  for (size_t i = first; seconds && i < view->rows; i++)
    sum += seconds[i];
  const int before = first > 0 ? view->numbers[first - 1] : -1;
  return seconds && view->rows > 0 && view->numbers[view->rows - 1] > before
             ? sum / (view->numbers[view->rows - 1] - before)
             : NAN;
}

static void show_head(const char *path, const bl_record_view *view, int64_t done, double silent) {
  char text[32], bar[BAR + 1];
  const double share = view->rounds > 0 ? fmin(1, (double)done / (double)view->rounds) : 0;
  const double left = (double)(view->rounds - done) * pace(view);
  memset(bar, ' ', BAR);
  memset(bar, '=', (size_t)(share * BAR));
  bar[BAR] = '\0';
  printf("%s\n", path);
  if (view->rounds > 0)
    printf("[%s] %3d %%  %lld/%lld", bar, (int)(100 * share), (long long)done, (long long)view->rounds);
  else
    printf("%lld rounds", (long long)done);
  if (view->rounds > done && isfinite(left)) {
    bl_clock_duration(text, sizeof text, left);
    printf("  %s left", text);
  }
  const double *speed = bl_record_column_of(view, "speed");
  if (speed && view->rows > 0)
    printf("  %.4g samples/s", speed[view->rows - 1]);
  bl_clock_duration(text, sizeof text, silent);
  if (view->rounds > done)
    printf("\nlast row %s ago\n", text);
  else
    printf("\nfinished\n");
}

/* Lines and columns of the terminal, or of a usual one. */
static void find_size(int *lines, int *columns) {
  struct winsize window;
  *lines = 40;
  *columns = 80;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
    *lines = window.ws_row;
    *columns = window.ws_col;
  }
}

/* \param [out] ended  whether all rounds of the run are done. */
static bl_status show(bool *ended, const char *path, bool again) {
  bl_record_view view;
  struct stat about = {0};
  int lines, columns, curves = 0;
  BL_TRY(bl_record_read(&view, path));
  stat(path, &about);
  find_size(&lines, &columns);
  const int width = columns - 16 < BL_CHART_WIDEST ? columns - 16 : BL_CHART_WIDEST;
  const int64_t done = view.rows > 0 ? view.numbers[view.rows - 1] + 1 : 0;
  *ended = view.rounds > 0 && done >= view.rounds;
  if (again)
    printf("\033[H\033[J");
  show_head(path, &view, done, fmax(0, difftime(time(NULL), about.st_mtime)));
  for (size_t i = 0; i < sizeof drawn / sizeof drawn[0] && width > 8; i++) {
    const double *values = bl_record_column_of(&view, drawn[i]);
    if (!values || LINES_OF_HEAD + (curves + 1) * LINES_OF_CURVE > lines)
      continue;
    bl_chart_draw(stdout, drawn[i], values, view.rows, width, CURVE_LINES);
    curves++;
  }
  fflush(stdout);
  bl_record_view_destroy(&view);
  return BL_OK;
}

static bl_status watch(const bl_invocation *invocation) {
  const struct timespec second = {1, 0};
  int rank;
  bool ended = false;
  BL_TRY(BL_MPI(MPI_Comm_rank(invocation->comm, &rank)));
  if (rank != 0)
    return BL_OK;
  const bool once = invocation->once || !isatty(STDOUT_FILENO);
  do {
    BL_TRY(show(&ended, invocation->arguments[0], !once));
    if (!once && !ended)
      nanosleep(&second, NULL);
  } while (!once && !ended);
  return BL_OK;
}

const bl_program bl_program_watch = {.name = "watch",
                                     .summary = "show a run from its record while it goes on",
                                     .help = help,
                                     .takes_argument = true,
                                     .run = watch};
