/** \file
 * What `beeline table` writes at its end, from the cells that are there: means and spreads over seeds as text and netCDF,
 * and pictures. For rank 0; not collective. */
#ifndef BEELINE_TABLE_REPORT_H
#define BEELINE_TABLE_REPORT_H

#include "table/table.h"

#include <stdio.h>

/** A line of the table: a method at a number of steps, over its seeds. */
typedef struct bl_table_line {
  const bl_table_row *row;
  int64_t column;
  int seeds, seeds_there;
  double mean[BL_TABLE_METRICS];   /**< NaN where no cell is there */
  double spread[BL_TABLE_METRICS]; /**< standard deviation over seeds (divisor n - 1), NaN for fewer than two */
  double evaluations, seconds;     /**< means */
  double published;                /**< NaN for none */
} bl_table_line;

/** All lines, grouped by column: those of the table in their order, then others. \param [out] lines  the caller's; bl_free.
 */
bl_status bl_table_summarise(bl_table_line **lines, int *count, const bl_table *table);

/** Markdown, comma-separated values, LaTeX's tabular. */
void bl_table_print_markdown(FILE *file, const bl_table *table, const bl_table_line *lines, int count);
void bl_table_print_csv(FILE *file, const bl_table *table, const bl_table_line *lines, int count);
void bl_table_print_latex(FILE *file, const bl_table *table, const bl_table_line *lines, int count);

/** Every number: metrics of (row, column, seed), their means and spreads, evaluations, times, published numbers. */
bl_status bl_table_write_netcdf(const char *path, const bl_table *table, const bl_table_line *lines, int count);

/** A picture for each column of the table, "grid-10.png": a row of samples for every method, all from the same noise (that
 * of its first seed). A method without that column is shown at its first one. Nothing is drawn for other data than images
 * of one or three channels and points of the plane. */
bl_status bl_table_write_pictures(const bl_table *table);

#endif
