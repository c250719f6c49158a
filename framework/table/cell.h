/** \file
 * The file of a cell: its numbers, some of its samples, and what it was computed from. For rank 0; not collective. */
#ifndef BEELINE_TABLE_CELL_H
#define BEELINE_TABLE_CELL_H

#include "table/table.h"

/** Samples that a cell's file keeps for pictures. */
enum { BL_TABLE_IMAGES = 16, BL_TABLE_POINTS = 2000 };

/** "OUTPUT/cells/sft-pg-b-nfe10-seed1.nc". \param [out] path  (BL_TABLE_PATH), caller's. */
void bl_table_cell_path(char *path, const bl_table *table, const bl_table_cell *cell);

/** Take the numbers of the stored cell, and set cell->there, when there is one of this configuration, of these files and
 * with all metrics; a damaged file counts as none, with a warning. */
void bl_table_cell_read(bl_table_cell *cell, const bl_table *table);

/** Write the cell atomically. \param [in] samples  its first ones, for pictures. \param [in] options  of the cell, for
 * provenance. \param [in] algorithms  chosen by measuring, "" for none. */
bl_status bl_table_cell_write(const bl_table_cell *cell, const bl_table *table, const bl_dataset *samples,
                              const bl_options *options, const char *algorithms);

#endif
