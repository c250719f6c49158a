#include "base/clock.h"
#include "base/print.h"
#include "parallel/mpi_check.h"
#include "programs/program.h"
#include "report/chart.h"
#include "store/record.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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
    "curves of losses, gradient norm and distance, drawn with characters. The picture is drawn anew until the run is done\n"
    "(or Ctrl-C); with --once, or where standard output is no terminal or TERM is dumb, it is drawn once.\n"
    "The run does not notice.\n"
    "\n"
    "Example:\n"
    "  beeline watch out/digits/record.nc\n";

/* Columns that are drawn, where a record has them; the first ones that fit. */
static const char *const drawn[] = {"loss", "distance", "ipm", "ipm_held_out", "value_loss", "gradient_norm", "kl"};

enum { BAR = 40, CURVE_LINES = 6, LINES_OF_CURVE = CURVE_LINES + 2, LATEST = 20 };

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

/* What the picture is drawn on. */
typedef struct picture {
  int lines, columns;
  bool terminal;
  int column; /* letters in the present line */
  int drawn;  /* lines */
} picture;

static void end_line(picture *sheet) {
  bl_print("\n");
  sheet->column = 0;
  sheet->drawn++;
}

/* A piece of the head, in a new line where it does not fit any more. */
__attribute__((format(printf, 2, 3))) static void put(picture *sheet, const char *format, ...) {
  char piece[128];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(piece, sizeof piece, format, arguments);
  va_end(arguments);
  if (sheet->column > 0 && sheet->column + 2 + length > sheet->columns)
    end_line(sheet);
  bl_print("%s%s", sheet->column > 0 ? "  " : "", piece);
  sheet->column += length + (sheet->column > 0 ? 2 : 0);
}

/* On a terminal its end, where it is too long. */
static void show_path(picture *sheet, const char *path) {
  const int length = (int)strlen(path), room = sheet->columns - 4;
  const bool whole = !sheet->terminal || length < sheet->columns || room < 1;
  const char *end = whole ? path : path + length - room;
  while (((unsigned char)*end & 0xC0) == 0x80) /* a letter has several bytes */
    end++;
  bl_print("%s%s", whole ? "" : "...", end);
  end_line(sheet);
}

static void show_head(picture *sheet, const char *path, const bl_record_view *view, int64_t done, double silent) {
  char text[32], bar[BAR + 1];
  const double share = view->rounds > 0 ? fmin(1, (double)done / (double)view->rounds) : 0;
  const double left = (double)(view->rounds - done) * pace(view);
  const int length = sheet->columns - 3 < BAR ? sheet->columns - 3 : BAR;
  show_path(sheet, path);
  if (view->rounds > 0 && length > 0) {
    memset(bar, ' ', (size_t)length);
    memset(bar, '=', (size_t)(share * length));
    bar[length] = '\0';
    put(sheet, "[%s]", bar);
  }
  if (view->rounds > 0)
    put(sheet, "%3d %%  %lld/%lld", (int)(100 * share), (long long)done, (long long)view->rounds);
  else
    put(sheet, "%lld rounds", (long long)done);
  if (view->rounds > done && isfinite(left)) {
    bl_clock_duration(text, sizeof text, left);
    put(sheet, "%s left", text);
  }
  const double *speed = bl_record_column_of(view, "speed");
  if (speed && view->rows > 0)
    put(sheet, "%.4g samples/s", speed[view->rows - 1]);
  end_line(sheet);
  bl_clock_duration(text, sizeof text, silent);
  if (view->rounds > done)
    put(sheet, "last row %s ago", text);
  else
    put(sheet, "finished");
  end_line(sheet);
}

static int number_of(const char *variable, int otherwise) {
  const char *text = getenv(variable);
  const long number = text == NULL ? 0 : strtol(text, NULL, 10);
  return number > 0 && number < 10000 ? (int)number : otherwise;
}

/* The terminal, what the environment says, or a usual one. */
static picture find_sheet(void) {
  struct winsize window;
  picture sheet = {number_of("LINES", 40), number_of("COLUMNS", 80), isatty(STDOUT_FILENO), 0, 0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
    sheet.lines = window.ws_row;
    sheet.columns = window.ws_col;
  }
  return sheet;
}

/* \param [out] ended  whether all rounds of the run are done. */
static bl_status show(bool *ended, const char *path, bool again) {
  bl_record_view view;
  struct stat about = {0};
  BL_TRY(bl_record_read(&view, path));
  stat(path, &about);
  picture sheet = find_sheet();
  const int room = sheet.columns - BL_CHART_MARGIN - 1, width = room < BL_CHART_WIDEST ? room : BL_CHART_WIDEST;
  const int64_t done = view.rows > 0 ? view.numbers[view.rows - 1] + 1 : 0;
  *ended = view.rounds > 0 && done >= view.rounds;
  if (again)
    bl_print_raw("\033[H\033[J");
  show_head(&sheet, path, &view, done, fmax(0, difftime(time(NULL), about.st_mtime)));
  for (size_t i = 0; i < sizeof drawn / sizeof drawn[0] && width > 0; i++) {
    const double *values = bl_record_column_of(&view, drawn[i]);
    if (!values || sheet.drawn + LINES_OF_CURVE >= sheet.lines)
      continue;
    bl_chart_draw(stdout, drawn[i], values, view.rows, width, CURVE_LINES);
    sheet.drawn += LINES_OF_CURVE;
  }
  bl_record_view_destroy(&view);
  return BL_OK;
}

/* A terminal that can begin again at its top. */
static bool redraws(void) {
  const char *terminal = getenv("TERM");
  return isatty(STDOUT_FILENO) && terminal != NULL && terminal[0] != '\0' && strcmp(terminal, "dumb") != 0;
}

static bl_status watch(const bl_invocation *invocation) {
  const struct timespec second = {1, 0};
  int rank;
  bool ended = false;
  BL_TRY(BL_MPI(MPI_Comm_rank(invocation->comm, &rank)));
  if (rank != 0)
    return BL_OK;
  const bool once = invocation->once || !redraws();
  do {
    BL_TRY(show(&ended, invocation->arguments[0], !once));
    if (!bl_print_flush())
      break;
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
