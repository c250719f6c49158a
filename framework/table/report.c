#include "table/report.h"

#include "base/memory.h"
#include "base/print.h"

#include <math.h>
#include <string.h>

/* ---- Means over seeds -------------------------------------------------------------------------------------------------
 */

static void summarise_line(bl_table_line *line, const bl_table *table) {
  double sums[BL_TABLE_METRICS] = {0}, squares[BL_TABLE_METRICS] = {0}, evaluations = 0, seconds = 0;
  for (int i = 0; i < table->count; i++) {
    const bl_table_cell *cell = &table->cells[i];
    if (cell->row != line->row || cell->column != line->column)
      continue;
    line->seeds++;
    line->seeds_there += cell->there;
    evaluations += cell->there ? cell->evaluations : 0;
    seconds += cell->there ? cell->seconds : 0;
    for (int m = 0; m < table->meter.count && cell->there; m++)
      sums[m] += cell->values[m];
  }
  const double n = line->seeds_there;
  for (int m = 0; m < table->meter.count; m++) {
    line->mean[m] = n > 0 ? sums[m] / n : NAN;
    for (int i = 0; i < table->count; i++) {
      const bl_table_cell *cell = &table->cells[i];
      if (cell->row == line->row && cell->column == line->column && cell->there)
        squares[m] += (cell->values[m] - line->mean[m]) * (cell->values[m] - line->mean[m]);
    }
    line->spread[m] = n > 1 ? sqrt(squares[m] / (n - 1)) : NAN;
  }
  line->evaluations = n > 0 ? evaluations / n : NAN;
  line->seconds = n > 0 ? seconds / n : NAN;
  if (!bl_table_row_published(&line->published, line->row, line->column))
    line->published = NAN;
}

static bool has(const bl_table_list *list, int64_t value) {
  for (int i = 0; i < list->count; i++)
    if (list->values[i] == value)
      return true;
  return false;
}

static void add_column(bl_table_line *lines, int *count, const bl_table *table, int64_t column) {
  for (int i = 0; i < table->file->row_count; i++)
    if (has(&table->file->rows[i].columns, column)) {
      bl_table_line *line = &lines[(*count)++];
      *line = (bl_table_line){.row = &table->file->rows[i], .column = column};
      summarise_line(line, table);
    }
}

bl_status bl_table_summarise(bl_table_line **lines, int *count, const bl_table *table) {
  const bl_table_file *file = table->file;
  size_t most = 0;
  *count = 0;
  for (int i = 0; i < file->row_count; i++)
    most += (size_t)file->rows[i].columns.count;
  BL_TRY(bl_allocate(lines, most, sizeof **lines));
  for (int c = 0; c < file->columns.count; c++)
    add_column(*lines, count, table, file->columns.values[c]);
  for (int i = 0; i < file->row_count; i++)
    for (int c = 0; c < file->rows[i].columns.count; c++) {
      const int64_t column = file->rows[i].columns.values[c];
      bool done = false;
      for (int k = 0; k < *count; k++)
        done = done || (*lines)[k].column == column;
      if (!done)
        add_column(*lines, count, table, column);
    }
  return BL_OK;
}

/* ---- Text -------------------------------------------------------------------------------------------------------------
 */

static bool has_published(const bl_table_line *lines, int count) {
  for (int i = 0; i < count; i++)
    if (!isnan(lines[i].published))
      return true;
  return false;
}

/* "4.27 ± 2.7", "4.27" with one seed, "-" with none. */
static void format_value(char *text, size_t size, const bl_table_line *line, int metric, const char *sign) {
  if (isnan(line->mean[metric]))
    snprintf(text, size, "-");
  else if (isnan(line->spread[metric]))
    snprintf(text, size, "%.4g", line->mean[metric]);
  else
    snprintf(text, size, "%.4g %s %.2g", line->mean[metric], sign, line->spread[metric]);
}

/* NFE as counted, or as asked for where nothing is computed yet. */
static double evaluations_of(const bl_table_line *line) {
  return isnan(line->evaluations) ? (double)line->column : line->evaluations;
}

static void format_seconds(char *text, size_t size, const bl_table_line *line) {
  if (isnan(line->seconds))
    snprintf(text, size, "-");
  else
    snprintf(text, size, "%.3g", 1000 * line->seconds);
}

static void format_published(char *text, size_t size, const bl_table_line *line, const char *before) {
  text[0] = '\0';
  if (!isnan(line->published))
    snprintf(text, size, "%s%.6g", before, line->published);
}

/* How it was measured, in words. */
static void print_note(FILE *file, const bl_table *table) {
  const bl_options *options = table->options;
  int there = 0;
  for (int i = 0; i < table->count; i++)
    there += table->cells[i].there;
  bl_print_to(file, "%lld samples a cell against %zu real ones of %s", (long long)table->samples, table->meter.real.count,
              options->data.file);
  if (table->meter.measure.features)
    bl_print_to(file, ", FID on features of %s", bl_features_name(table->meter.measure.features));
  bl_print_to(file, "; mean and standard deviation over seeds; time of one rank a sample; %d of %d cells are there", there,
              table->count);
  if (table->file->published[0] != '\0')
    bl_print_to(file, "; published: %s", table->file->published);
  bl_print_to(file, ".\n");
}

/* With \a mark before each of the letters \a special. */
static void print_marked(FILE *file, const char *text, const char *special, const char *mark) {
  while (*text != '\0') {
    const int plain = (int)strcspn(text, special);
    bl_print_to(file, "%.*s", plain, text);
    text += plain;
    if (*text != '\0')
      bl_print_to(file, "%s%c", mark, *text++);
  }
}

void bl_table_print_markdown(FILE *file, const bl_table *table, const bl_table_line *lines, int count) {
  const bool published = has_published(lines, count);
  char text[64];
  if (table->file->title[0] != '\0')
    bl_print_to(file, "# %s\n\n", table->file->title);
  bl_print_to(file, "| method | NFE |");
  for (int m = 0; m < table->meter.count; m++) {
    const bl_table_metric *metric = table->meter.metrics[m];
    const bool units = strcmp(metric->units, "1") != 0;
    bl_print_to(file, " %s%s%s%s |%s", metric->label, units ? " (" : "", units ? metric->units : "", units ? ")" : "",
                m == 0 && published ? " published |" : "");
  }
  bl_print_to(file, " ms/sample |\n|---|---:|");
  for (int m = 0; m < table->meter.count + (published ? 2 : 1); m++)
    bl_print_to(file, "---:|");
  bl_print_to(file, "\n");
  for (int i = 0; i < count; i++) {
    const bl_table_line *line = &lines[i];
    bl_print_to(file, "| ");
    print_marked(file, line->row->name, "|", "\\");
    bl_print_to(file, " | %g |", evaluations_of(line));
    for (int m = 0; m < table->meter.count; m++) {
      format_value(text, sizeof text, line, m, "±");
      bl_print_to(file, " %s |", text);
      if (m == 0 && published) {
        format_published(text, sizeof text, line, "published: ");
        bl_print_to(file, " %s |", text);
      }
    }
    format_seconds(text, sizeof text, line);
    bl_print_to(file, " %s |\n", text);
  }
  bl_print_to(file, "\n");
  print_note(file, table);
}

/* A number in full, nothing where there is none. */
static void print_number(FILE *file, double value) {
  if (isnan(value))
    bl_print_to(file, ",");
  else
    bl_print_to(file, ",%.9g", value);
}

void bl_table_print_csv(FILE *file, const bl_table *table, const bl_table_line *lines, int count) {
  bl_print_to(file, "method,steps,network_evaluations,seeds");
  for (int m = 0; m < table->meter.count; m++)
    bl_print_to(file, ",%s_mean,%s_spread", table->meter.metrics[m]->name, table->meter.metrics[m]->name);
  bl_print_to(file, ",published,seconds_per_sample\n");
  for (int i = 0; i < count; i++) {
    const bl_table_line *line = &lines[i];
    bl_print_to(file, "\"");
    print_marked(file, line->row->name, "\"", "\"");
    bl_print_to(file, "\",%lld", (long long)line->column);
    print_number(file, line->evaluations);
    bl_print_to(file, ",%d", line->seeds_there);
    for (int m = 0; m < table->meter.count; m++) {
      print_number(file, line->mean[m]);
      print_number(file, line->spread[m]);
    }
    print_number(file, line->published);
    print_number(file, line->seconds);
    bl_print_to(file, "\n");
  }
}

static void print_latex_text(FILE *file, const char *text) {
  while (*text != '\0') {
    const int plain = (int)strcspn(text, "&%$#_{}\\~^");
    bl_print_to(file, "%.*s", plain, text);
    text += plain;
    if (*text == '\\')
      bl_print_to(file, "\\textbackslash{}");
    else if (*text != '\0')
      bl_print_to(file, "\\%c%s", *text, *text == '~' || *text == '^' ? "{}" : "");
    text += *text != '\0';
  }
}

void bl_table_print_latex(FILE *file, const bl_table *table, const bl_table_line *lines, int count) {
  const bool published = has_published(lines, count);
  char text[64];
  bl_print_to(file, "%% ");
  print_note(file, table);
  bl_print_to(file, "\\begin{tabular}{lr");
  for (int m = 0; m < table->meter.count + (published ? 2 : 1); m++)
    bl_print_to(file, "r");
  bl_print_to(file, "}\n\\hline\nmethod & NFE");
  for (int m = 0; m < table->meter.count; m++) {
    bl_print_to(file, " & ");
    print_latex_text(file, table->meter.metrics[m]->label);
    if (strcmp(table->meter.metrics[m]->units, "1") != 0)
      bl_print_to(file, " (%s)", table->meter.metrics[m]->units);
    bl_print_to(file, "%s", m == 0 && published ? " & published" : "");
  }
  bl_print_to(file, " & ms/sample \\\\\n");
  for (int i = 0; i < count; i++) {
    const bl_table_line *line = &lines[i];
    if (i == 0 || line->column != lines[i - 1].column)
      bl_print_to(file, "\\hline\n");
    print_latex_text(file, line->row->name);
    bl_print_to(file, " & %g", evaluations_of(line));
    for (int m = 0; m < table->meter.count; m++) {
      format_value(text, sizeof text, line, m, "\\pm");
      const char *dollar = isnan(line->mean[m]) ? "" : "$";
      bl_print_to(file, " & %s%s%s", dollar, text, dollar);
      if (m == 0 && published) {
        format_published(text, sizeof text, line, "");
        bl_print_to(file, " & %s", text);
      }
    }
    format_seconds(text, sizeof text, line);
    bl_print_to(file, " & %s \\\\\n", text);
  }
  bl_print_to(file, "\\hline\n\\end{tabular}\n");
}
