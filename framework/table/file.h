/** \file
 * The file that `beeline table` reads: which methods are compared, at how many network evaluations, with which seeds.
 *
 *     title: digits
 *     output: out/digits-table      # folder; relative to the working folder
 *     base: sample.yaml             # configuration of all rows that are not fine-tuned; may be left out
 *     set: [data.file=digits.nc, model.file=model.nc, metrics.classifier=classifier.nc]    # over the base
 *     columns: [10, 8]              # network evaluations a sample: sampler.steps
 *     seeds: [1, 2, 3]
 *     samples: 4000                 # a cell
 *     metrics: [fid, spectrum]      # see table/metric.h
 *     published: CIFAR-10, FID      # what the published numbers are
 *     rows:
 *       - name: DDPM                # as people read it
 *         set: [sampler.name=ddpm]  # over base and set
 *         columns: [10, 1000]       # instead of the table's; seeds likewise
 *         model: other.nc           # short for model.file in set
 *         published: {10: 34.76}    # by column
 *       - name: SFT-PG (B)
 *         finetune: finetune.yaml   # instead of base and set: this row is fine-tuned first, for every column and seed
 *
 * Paths are relative to the table's folder. All texts live as long as the file. */
#ifndef BEELINE_TABLE_FILE_H
#define BEELINE_TABLE_FILE_H

#include "base/options.h"

#include <mpi.h>
#include <stdint.h>

enum { BL_TABLE_LIST = 64, BL_TABLE_ROWS = 64, BL_TABLE_SETTINGS = 64, BL_TABLE_TEXTS = 8192 };

/** A list of whole numbers. */
typedef struct bl_table_list {
  int count; /**< 0: it is not there */
  int64_t values[BL_TABLE_LIST];
  const char *place; /**< "table.yaml:7" */
} bl_table_list;

/** Overrides of a configuration. */
typedef struct bl_table_settings {
  int count;
  bl_options_setting values[BL_TABLE_SETTINGS];
} bl_table_settings;

/** Another configuration file that the table names. */
typedef struct bl_table_configuration {
  const char *path;  /**< resolved; NULL where none is named */
  const char *place; /**< of the name */
  char *text;        /**< (size); owned */
  size_t size;
} bl_table_configuration;

/** A method. */
typedef struct bl_table_row {
  const char *name;
  const char *place;
  char slug[48]; /**< the name as part of a file's name; no two rows have the same */
  bl_table_configuration finetune;
  bl_table_settings settings;
  bl_table_list columns, seeds; /**< those of the table where the row has none */
  int published_count;          /**< numbers of other people */
  int64_t published_columns[BL_TABLE_LIST];
  double published[BL_TABLE_LIST];
} bl_table_row;

/** The whole file. */
typedef struct bl_table_file {
  const char *path;
  const char *title, *output, *published; /**< "" where they are not there */
  bl_table_configuration base;
  bl_table_settings settings;
  bl_table_list columns, seeds;
  int64_t samples;
  const char *samples_place;
  int metric_count;
  const char *metrics[BL_TABLE_LIST];
  const char *metrics_place;
  int row_count;
  bl_table_row rows[BL_TABLE_ROWS];
  int text_count;
  char *texts[BL_TABLE_TEXTS]; /**< owned */
} bl_table_file;

/** Read a table file and the configurations that it names. Collective over \a comm. \param [out] file  the caller's;
 * bl_table_file_destroy. Returns BL_ERROR_USAGE with file, line, key, what was found and what was expected. */
bl_status bl_table_file_read(bl_table_file **file, const char *path, MPI_Comm comm);

/** Release *\a file and set it to NULL; NULL is allowed. Not collective. */
void bl_table_file_destroy(bl_table_file **file);

/** The published number of a row at a column; false where there is none. Not collective. */
bool bl_table_row_published(double *value, const bl_table_row *row, int64_t column);

#endif
