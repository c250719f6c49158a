#include "report/chart.h"

#include "base/print.h"

#include <math.h>
#include <stdbool.h>

/* Mean of the finite values of a place; NaN where there are none. */
static double mean_of_place(const double *values, size_t count, int place, int width) {
  const size_t begin = (size_t)place * count / (size_t)width, end = ((size_t)place + 1) * count / (size_t)width;
  double sum = 0;
  size_t finite = 0;
  for (size_t i = begin; i < end; i++)
    if (isfinite(values[i])) {
      sum += values[i];
      finite++;
    }
  return finite > 0 ? sum / (double)finite : NAN;
}

static void print_title(FILE *file, const char *title, double last, int columns) {
  char value[32];
  const int room = columns - snprintf(value, sizeof value, ": %.4g", last) - 2;
  bl_print_to(file, "\n  %.*s%s\n", room > 0 ? room : 0, title, value);
}

void bl_chart_draw(FILE *file, const char *title, const double *values, size_t count, int width, int height) {
  double means[BL_CHART_WIDEST], least = INFINITY, most = -INFINITY, last = NAN;
  const int places = (size_t)width < count ? width : (int)count;
  for (int x = 0; x < places; x++) {
    means[x] = mean_of_place(values, count, x, places);
    least = means[x] < least ? means[x] : least;
    most = means[x] > most ? means[x] : most;
  }
  if (!(least <= most))
    return;
  for (size_t i = 0; i < count; i++)
    last = isfinite(values[i]) ? values[i] : last;
  print_title(file, title, last, width + BL_CHART_MARGIN);
  for (int y = height - 1; y >= 0; y--) {
    char line[BL_CHART_WIDEST + 1];
    int end = 0;
    for (int x = 0; x < places; x++) {
      const double part = most > least ? (means[x] - least) / (most - least) : 0.5;
      const bool here = isfinite(means[x]) && (int)lround(part * (height - 1)) == y;
      line[x] = here ? '*' : ' ';
      end = here ? x + 1 : end;
    }
    line[end] = '\0';
    if (y == height - 1 || y == 0)
      bl_print_to(file, "  %10.4g |%s\n", y == 0 ? least : most, line);
    else
      bl_print_to(file, "  %10s |%s\n", "", line);
  }
}
