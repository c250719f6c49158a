/** \file
 * The record of a run: time series of named metrics over rounds, in a netCDF file that grows while the run goes on. */
#ifndef BEELINE_STORE_RECORD_H
#define BEELINE_STORE_RECORD_H

#include "store/provenance.h"

#include <stdint.h>

/** The variable with a checksum of each row; no column. Its header has one too (store/classic.h). */
#define BL_RECORD_CHECKSUM "row_checksum"

typedef struct bl_record bl_record;

/** A column of a record. */
typedef struct bl_record_column {
  const char *name;  /**< netCDF variable (dimension `round`, unlimited), for example "critic_loss" */
  const char *units; /**< "1", "s", … */
  const char *long_name;
} bl_record_column;

/** Open \a path, of a run of \a rounds rounds in all: create it, or, when \a first_round > 0 (a resume), keep its rows
 * below first_round and drop later ones. Not collective (the root rank). \param [out] record  caller's; bl_record_close. */
bl_status bl_record_open(bl_record **record, const char *path, const bl_record_column *columns, int column_count,
                         int64_t first_round, int64_t rounds, const bl_provenance *provenance);

/** Append one row (\a round, values (columns)) and sync it to the file. Not collective. */
bl_status bl_record_append(bl_record *record, int64_t round, const double *values);

/** A record as it is at a moment. */
typedef struct bl_record_view {
  int64_t rounds; /**< of the whole run; 0 where the record does not say */
  size_t rows;
  int column_count;
  char (*names)[64]; /**< (column_count) */
  int *numbers;      /**< (rows) of the rounds */
  double *values;    /**< (column_count, rows) */
} bl_record_view;

/** Read the record \a path, which may grow meanwhile. Not collective. \param [out] view  the caller's;
 * bl_record_view_destroy. Returns BL_ERROR_INPUT when the file is no record, or is damaged: cut off, with other rows than
 * its header says, with rounds that do not rise, or with a checksum that does not fit. */
bl_status bl_record_read(bl_record_view *view, const char *path);

/** Release what the view holds. Not collective. */
void bl_record_view_destroy(bl_record_view *view);

/** Values of the column \a name, (view->rows), NULL where there is none. Not collective. Borrowed from \a view. */
const double *bl_record_column_of(const bl_record_view *view, const char *name);

/** Close and set *\a record to NULL; NULL is allowed. Not collective. */
bl_status bl_record_close(bl_record **record);

#endif
