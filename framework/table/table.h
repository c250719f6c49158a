/** \file
 * The table of `beeline table` while it is computed: its cells, and the configuration of each. */
#ifndef BEELINE_TABLE_TABLE_H
#define BEELINE_TABLE_TABLE_H

#include "parallel/invocation.h"
#include "store/lock.h"
#include "table/file.h"
#include "table/metric.h"

enum { BL_TABLE_PATH = 4096 };

/** A method at a number of steps with a seed. */
typedef struct bl_table_cell {
  const bl_table_row *row;
  int64_t column, seed;
  bool there;                                        /**< whether it is computed, with this configuration and these files */
  char digests[BL_OPTIONS_RULES][BL_OPTIONS_DIGEST]; /**< of its configuration, by each rule; on rank 0, as the following */
  char inputs[BL_OPTIONS_RULES][512]; /**< checksums of the files that it depends on, and the digest of the metrics */
  char folder[BL_TABLE_PATH];         /**< of its fine-tuning; "" where there is none */
  double values[BL_TABLE_METRICS];    /**< on rank 0 of cells that are there, as the following */
  double evaluations;                 /**< of the network for each sample, counted */
  double seconds;                     /**< of one rank for each sample */
} bl_table_cell;

/** A table. */
typedef struct bl_table {
  const bl_invocation *invocation; /**< borrowed */
  int rank, ranks;
  bl_table_file *file;
  const char *output;  /**< folder; borrowed */
  int64_t samples;     /**< a cell */
  bl_options *options; /**< of the table without a row: what is measured, and how */
  bl_table_meter meter;
  bl_lock *lock;        /**< of the folder; on rank 0 */
  bl_table_cell *cells; /**< in the order in which they are computed */
  int count;
} bl_table;

/** What a configuration of a cell is for. */
typedef enum bl_table_purpose {
  BL_TABLE_TUNE, /**< the fine-tuning, into the cell's folder */
  BL_TABLE_CELL, /**< the cell as the table file describes it; its digest tells whether it must be computed again */
  BL_TABLE_DRAW  /**< the same, from the fine-tuned model where there is one */
} bl_table_purpose;

/** The configuration of the table without a row, with the first seed. Not collective. \param [out] options  the caller's;
 * bl_options_destroy. */
bl_status bl_table_options(bl_options **options, const bl_table *table);

/** The configuration of a cell. Not collective. \param [out] options  the caller's; bl_options_destroy. */
bl_status bl_table_cell_options(bl_options **options, const bl_table *table, const bl_table_cell *cell,
                                bl_table_purpose purpose);

/** Make the list of cells, with digest, checksums and folder: what tells whether a stored one is still true. Collective.
 * Returns BL_ERROR_USAGE or BL_ERROR_INPUT. */
bl_status bl_table_list_cells(bl_table *table);

#endif
