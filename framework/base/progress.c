#include "base/progress.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  TITLE_SIZE = 64,
  FIGURES_SIZE = 512,
  TEXT_SIZE = 768,
  LINE_SIZE = 1024,
  BAR_SHORTEST = 5,
  BAR_LONGEST = 30,
  WIDTH_UNKNOWN = 80
};

static const double seconds_between_redraws = 0.1;
static const double seconds_between_lines = 10.0;

struct bl_progress {
  char title[TITLE_SIZE];
  char figures[FIGURES_SIZE]; /* the caller's text */
  long first, done, total;
  double started;
  double drawn;       /* when a line was last written */
  double updated;     /* when `done` last changed */
  double fresh_steps; /* steps and seconds, both forgotten at the same pace: their quotient is the smoothed rate */
  double fresh_seconds;
  int terminal;   /* descriptor of the terminal that shows the bar, −1 for none */
  int bar_length; /* columns between the brackets, 0 for no bar */
  bool redraws;   /* in place */
  bool rows;      /* the caller prints lines of its own */
  bool complete;  /* the state on the screen is the present one */
};

/* The terminal that standard error leads to: itself, or (below mpiexec, which gives its ranks a pipe and copies what comes
 * out of it) that of the parent process. −1 when nobody is watching. BEELINE_PROGRESS=bar or =lines decides instead. */
static int find_terminal(bool *redraws) {
  const char *wish = getenv("BEELINE_PROGRESS");
  int terminal = -1;
  if (isatty(STDERR_FILENO)) {
    terminal = dup(STDERR_FILENO);
  } else if (getenv("OMPI_COMM_WORLD_RANK") != NULL) {
    char path[64];
    struct stat about;
    snprintf(path, sizeof path, "/proc/%ld/fd/2", (long)getppid());
    if (stat(path, &about) == 0 && S_ISCHR(about.st_mode)) /* do not open a pipe: that could block */
      terminal = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal >= 0 && !isatty(terminal)) {
      close(terminal);
      terminal = -1;
    }
  }
  const char *kind = getenv("TERM");
  const bool dumb = kind != NULL && strcmp(kind, "dumb") == 0; /* it cannot clear a line */
  *redraws = wish != NULL && strcmp(wish, "bar") == 0     ? true
             : wish != NULL && strcmp(wish, "lines") == 0 ? false
                                                          : terminal >= 0 && !dumb;
  return terminal;
}

/* Asked at each redraw, since windows change their size. */
static int terminal_width(int terminal) {
  struct winsize window;
  if (terminal >= 0 && ioctl(terminal, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
    return window.ws_col;
  const char *columns = getenv("COLUMNS");
  const long width = columns != NULL ? strtol(columns, NULL, 10) : 0;
  return width > 0 && width < LINE_SIZE ? (int)width : WIDTH_UNKNOWN;
}

/* Columns of UTF-8 text: bytes that do not continue a character. */
static int columns_of(const char *text) {
  int columns = 0;
  for (; *text != '\0'; text++)
    columns += ((unsigned char)*text & 0xc0) != 0x80;
  return columns;
}

/* Cut UTF-8 text after `columns` characters. */
static void cut(char *text, int columns) {
  for (; *text != '\0'; text++)
    if (((unsigned char)*text & 0xc0) != 0x80 && columns-- == 0)
      break;
  *text = '\0';
}

static void write_bar(char *bar, int length, double fraction) {
  const int filled = (int)(fraction * length);
  bar[0] = '[';
  memset(bar + 1, '=', (size_t)filled);
  memset(bar + 1 + filled, ' ', (size_t)(length - filled));
  if (filled > 0 && filled < length)
    bar[filled] = '>';
  strcpy(bar + 1 + length, "]  ");
}

/* `width` 0 is a line without a bar and without a limit. */
static void write_line(char *line, bl_progress *progress, int width) {
  const double now = bl_clock_seconds();
  const bool finished = progress->done >= progress->total;
  const double fraction =
      progress->total > 0 ? fmin(1.0, fmax(0.0, (double)progress->done / (double)progress->total)) : 1.0;
  char elapsed[32], left[64] = "", time_left[32];
  bl_clock_duration(elapsed, sizeof elapsed, now - progress->started);
  if (!finished && progress->fresh_steps > 0.0) {
    /* What has passed since the last step counts as well, so that the figure falls between slow steps. */
    const double seconds = (double)(progress->total - progress->done) * progress->fresh_seconds / progress->fresh_steps;
    bl_clock_duration(time_left, sizeof time_left, fmax(0.0, seconds - (now - progress->updated)));
    snprintf(left, sizeof left, ", %s left", time_left);
  }
  char text[TEXT_SIZE], bar[BAR_LONGEST + 5] = "";
  snprintf(text, sizeof text, "%3d %%  %ld/%ld  %s%s%s%s", (int)(100.0 * fraction), progress->done, progress->total,
           elapsed, left, progress->figures[0] != '\0' ? "  " : "", progress->figures);
  if (width > 0) {
    const int spare = width - 1 - columns_of(progress->title) - 2 - columns_of(text) - 4;
    const int room = spare < BAR_SHORTEST ? 0 : spare < BAR_LONGEST ? spare : BAR_LONGEST;
    /* Figures change their lengths all the time; the bar follows only when it must or when much is gained. */
    if (room < progress->bar_length || room > progress->bar_length + 6)
      progress->bar_length = room;
    if (progress->bar_length > 0)
      write_bar(bar, progress->bar_length, fraction);
  }
  char whole[LINE_SIZE];
  snprintf(whole, sizeof whole, "%s  %s%s", progress->title, bar, text);
  bl_text_escape(line, LINE_SIZE, whole, false);
  if (width > 0)
    cut(line, width - 1); /* the last column stays empty: terminals differ in what they do there */
}

static void draw(bl_progress *progress) {
  if (progress->rows)
    return;
  char line[LINE_SIZE];
  write_line(line, progress, progress->redraws ? terminal_width(progress->terminal) : 0);
  if (progress->redraws)
    fprintf(stderr, "\r%s\033[K", line);
  else
    fprintf(stderr, "%s\n", line);
  fflush(stderr);
  bl_log_line_open(progress->redraws);
  progress->drawn = bl_clock_seconds();
  progress->complete = true;
}

bl_status bl_progress_start(bl_progress **progress, const char *title, long first, long total) {
  *progress = NULL;
  bl_progress *p = NULL;
  BL_TRY(bl_allocate(&p, 1, sizeof *p));
  snprintf(p->title, sizeof p->title, "%s", title);
  p->first = p->done = first;
  p->total = total;
  p->started = p->updated = p->drawn = bl_clock_seconds();
  p->terminal = find_terminal(&p->redraws);
  *progress = p;
  if (p->redraws && bl_log_speaks())
    draw(p);
  return BL_OK;
}

void bl_progress_update(bl_progress *progress, long done, const char *format, ...) {
  const double now = bl_clock_seconds();
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(progress->figures, sizeof progress->figures, format, arguments);
  va_end(arguments);
  progress->complete = false;
  if (done != progress->done) {
    /* Forget with a time constant of 10 s and a quarter of the time so far: steady, yet quick to notice a change. */
    const double passed = now - progress->updated;
    const double kept = exp(-passed / (10.0 + 0.25 * (now - progress->started)));
    progress->fresh_steps = progress->fresh_steps * kept + (double)(done - progress->done);
    progress->fresh_seconds = progress->fresh_seconds * kept + passed;
    progress->updated = now;
    progress->done = done;
  }
  if (bl_log_speaks() && now - progress->drawn >= (progress->redraws ? seconds_between_redraws : seconds_between_lines))
    draw(progress);
}

void bl_progress_row(bl_progress *progress, const char *format, ...) {
  if (progress->redraws || !bl_log_speaks())
    return;
  progress->rows = true;
  char line[LINE_SIZE], shown[LINE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  bl_text_escape(shown, sizeof shown, line, false);
  fprintf(stderr, "%s\n", shown);
}

void bl_progress_finish(bl_progress **progress) {
  bl_progress *p = *progress;
  if (p == NULL)
    return;
  if (bl_log_speaks()) {
    if (p->redraws || !p->complete)
      draw(p);
    if (p->redraws)
      fputc('\n', stderr);
    bl_log_line_open(false);
  }
  if (p->terminal >= 0)
    close(p->terminal);
  bl_free(progress);
}
