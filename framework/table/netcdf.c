#include "base/memory.h"
#include "store/container.h"
#include "table/report.h"

#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>

enum { ROW, COLUMN, SEED, LETTER, DIMENSIONS, NAME = 64 };

/* The coordinates, and one array of the shape of a variable at a time. */
typedef struct arrays {
  const bl_table *table;
  const char *path;
  int ncid;
  int dimensions[DIMENSIONS];
  size_t rows, columns, seeds;
  int64_t column[BL_TABLE_LIST * BL_TABLE_ROWS], seed[BL_TABLE_LIST * BL_TABLE_ROWS];
  double *values; /* (rows, columns, seeds) */
} arrays;

static size_t place_of(const int64_t *list, size_t count, int64_t value) {
  size_t i = 0;
  while (i < count && list[i] != value)
    i++;
  return i;
}

static void add_new(int64_t *list, size_t *count, int64_t value) {
  if (place_of(list, *count, value) == *count)
    list[(*count)++] = value;
}

static size_t row_of(const arrays *a, const bl_table_row *row) {
  return (size_t)(row - a->table->file->rows);
}

/* Columns in the order of the lines, seeds in that of the cells. */
static void collect(arrays *a, const bl_table_line *lines, int count) {
  a->rows = (size_t)a->table->file->row_count;
  for (int i = 0; i < count; i++)
    add_new(a->column, &a->columns, lines[i].column);
  for (int i = 0; i < a->table->count; i++)
    add_new(a->seed, &a->seeds, a->table->cells[i].seed);
}

/* Define a variable, fill value NaN, and put a->values; the file goes back to define mode. */
static bl_status put(arrays *a, const char *name, int rank, const char *units, const char *long_name) {
  static const double missing = NAN;
  int variable;
  BL_TRY(bl_container_variable(&variable, a->ncid, a->path, name, NC_DOUBLE, rank, a->dimensions, units, long_name));
  BL_NETCDF(nc_def_var_fill(a->ncid, variable, NC_FILL, &missing), a->path);
  BL_NETCDF(nc_enddef(a->ncid), a->path);
  BL_NETCDF(nc_put_var_double(a->ncid, variable, a->values), a->path);
  BL_NETCDF(nc_redef(a->ncid), a->path);
  return BL_OK;
}

static void clear(arrays *a) {
  for (size_t i = 0; i < a->rows * a->columns * a->seeds; i++)
    a->values[i] = NAN;
}

/* A number of every line. */
typedef double (*number)(const bl_table_line *line, int metric);
static double mean_of(const bl_table_line *line, int metric) {
  return line->mean[metric];
}
static double spread_of(const bl_table_line *line, int metric) {
  return line->spread[metric];
}
static double published_of(const bl_table_line *line, int metric) {
  (void)metric;
  return line->published;
}
static double evaluations_of(const bl_table_line *line, int metric) {
  (void)metric;
  return line->evaluations;
}
static double seconds_of(const bl_table_line *line, int metric) {
  (void)metric;
  return line->seconds;
}

static bl_status put_lines(arrays *a, const bl_table_line *lines, int count, number value, int metric, const char *name,
                           const char *units, const char *long_name) {
  clear(a);
  for (int i = 0; i < count; i++)
    a->values[row_of(a, lines[i].row) * a->columns + place_of(a->column, a->columns, lines[i].column)] =
        value(&lines[i], metric);
  return put(a, name, 2, units, long_name);
}

static bl_status put_metric(arrays *a, const bl_table_line *lines, int count, int m) {
  const bl_table_metric *metric = a->table->meter.metrics[m];
  char name[NAME];
  clear(a);
  for (int i = 0; i < a->table->count; i++) {
    const bl_table_cell *cell = &a->table->cells[i];
    const size_t column = place_of(a->column, a->columns, cell->column), seed = place_of(a->seed, a->seeds, cell->seed);
    if (cell->there)
      a->values[(row_of(a, cell->row) * a->columns + column) * a->seeds + seed] = cell->values[m];
  }
  BL_TRY(put(a, metric->name, 3, metric->units, metric->label));
  snprintf(name, sizeof name, "%s_mean", metric->name);
  BL_TRY(put_lines(a, lines, count, mean_of, m, name, metric->units, "mean over seeds"));
  snprintf(name, sizeof name, "%s_spread", metric->name);
  return put_lines(a, lines, count, spread_of, m, name, metric->units, "standard deviation over seeds, divisor n - 1");
}

static bl_status put_coordinates(arrays *a) {
  const char *path = a->path;
  const bl_table_file *file = a->table->file;
  int names, columns, seeds;
  size_t letters = 1;
  for (int i = 0; i < file->row_count; i++)
    letters = strlen(file->rows[i].name) > letters ? strlen(file->rows[i].name) : letters;
  BL_NETCDF(nc_def_dim(a->ncid, "row", a->rows, &a->dimensions[ROW]), path);
  BL_NETCDF(nc_def_dim(a->ncid, "column", a->columns, &a->dimensions[COLUMN]), path);
  BL_NETCDF(nc_def_dim(a->ncid, "seed", a->seeds, &a->dimensions[SEED]), path);
  BL_NETCDF(nc_def_dim(a->ncid, "letter", letters, &a->dimensions[LETTER]), path);
  const int of_names[2] = {a->dimensions[ROW], a->dimensions[LETTER]};
  BL_TRY(bl_container_variable(&names, a->ncid, path, "method", NC_CHAR, 2, of_names, "1", "name of the method"));
  BL_TRY(bl_container_variable(&columns, a->ncid, path, "column", NC_INT64, 1, &a->dimensions[COLUMN], "1",
                               "steps of the sampler: network evaluations asked for"));
  BL_TRY(bl_container_variable(&seeds, a->ncid, path, "seed", NC_INT64, 1, &a->dimensions[SEED], "1", "seed"));
  if (a->table->meter.measure.features)
    BL_TRY(bl_container_text(a->ncid, NC_GLOBAL, path, "features", bl_features_name(a->table->meter.measure.features)));
  if (file->published[0] != '\0')
    BL_TRY(bl_container_text(a->ncid, NC_GLOBAL, path, "published_numbers", file->published));
  const long long samples = a->table->samples;
  BL_NETCDF(nc_put_att_longlong(a->ncid, NC_GLOBAL, "samples", NC_INT64, 1, &samples), path);
  BL_NETCDF(nc_enddef(a->ncid), path);
  for (int i = 0; i < file->row_count; i++) {
    const size_t start[2] = {(size_t)i, 0}, count[2] = {1, strlen(file->rows[i].name)};
    BL_NETCDF(nc_put_vara_text(a->ncid, names, start, count, file->rows[i].name), path);
  }
  for (size_t i = 0; i < a->columns; i++) {
    const long long value = a->column[i];
    BL_NETCDF(nc_put_var1_longlong(a->ncid, columns, &i, &value), path);
  }
  for (size_t i = 0; i < a->seeds; i++) {
    const long long value = a->seed[i];
    BL_NETCDF(nc_put_var1_longlong(a->ncid, seeds, &i, &value), path);
  }
  BL_NETCDF(nc_redef(a->ncid), path);
  return BL_OK;
}

static bl_status put_all(arrays *a, const bl_table_line *lines, int count) {
  BL_TRY(put_coordinates(a));
  for (int m = 0; m < a->table->meter.count; m++)
    BL_TRY(put_metric(a, lines, count, m));
  BL_TRY(put_lines(a, lines, count, published_of, 0, "published", a->table->meter.metrics[0]->units,
                   "number of other people, of the first metric; see the attribute published_numbers"));
  BL_TRY(put_lines(a, lines, count, evaluations_of, 0, "network_evaluations", "1",
                   "evaluations of the network for each sample, counted"));
  return put_lines(a, lines, count, seconds_of, 0, "seconds_per_sample", "s",
                   "time of one rank for each sample, mean over seeds");
}

bl_status bl_table_write_netcdf(const char *path, const bl_table *table, const bl_table_line *lines, int count) {
  char command[4096];
  bl_provenance provenance;
  arrays *a;
  bl_status status;
  bl_provenance_describe(&provenance, command, sizeof command, table->options, table->invocation->argc,
                         table->invocation->argv);
  provenance.title = table->file->title;
  provenance.ranks = table->ranks;
  BL_TRY(bl_allocate(&a, 1, sizeof *a));
  a->table = table;
  a->path = path;
  a->ncid = -1;
  collect(a, lines, count);
  BL_GOTO(bl_allocate(&a->values, a->rows * a->columns * a->seeds, sizeof *a->values));
  BL_GOTO(bl_container_create(&a->ncid, path, "table", &provenance));
  BL_GOTO(put_all(a, lines, count));
  status = bl_container_write(a->ncid, path);
  a->ncid = -1;
done:
  bl_container_abandon(a->ncid);
  bl_free(&a->values);
  bl_free(&a);
  return status;
}
