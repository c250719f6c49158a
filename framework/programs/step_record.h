/** \file
 * The record of a training in which a row stands for several optimiser steps: what `pretrain` and `distill` write into
 * record.nc, print as a line for logs, and show as a bar. Sums of a row that is not full are kept in the run's header, so
 * that a checkpoint in the middle of them loses none. */
#ifndef BEELINE_PROGRAMS_STEP_RECORD_H
#define BEELINE_PROGRAMS_STEP_RECORD_H

#include "base/progress.h"
#include "programs/run.h"
#include "roles/aggregator.h"
#include "store/record.h"

/** What the caller says once. Texts are borrowed. */
typedef struct bl_step_record_plan {
  const char *title;   /**< of the bar */
  const char *program; /**< of the line for logs */
  const char *loss;    /**< what the mean of the first figure of a step is, for the record */
  bool students;       /**< rows are of students that draw in a number of steps, in a column of its own */
} bl_step_record_plan;

/** A record that is being written. */
typedef struct bl_step_record {
  bl_step_record_plan plan;
  bl_run *run;           /**< borrowed */
  bl_record *record;     /**< on rank 0; owned, as what follows */
  bl_progress *progress; /**< the bar */
  double since;          /**< when the row began, by bl_clock_seconds */
  int64_t timed;         /**< steps since then */
  double loss;           /**< of the latest row; NaN before the first one of this session */
} bl_step_record;

/** Open record.nc of \a run, which has resumed, and start the bar and the clock. Collective. \param [out] record  the
 * caller's; bl_step_record_close, also after a failure. Errors are those of bl_record_open. */
bl_status bl_step_record_open(bl_step_record *record, bl_run *run, const bl_step_record_plan *plan);

/** Count a step that is done. Not collective. */
void bl_step_record_add(bl_step_record *record, const bl_step_report *report);

/** End a row after the step of \a round: append means since the row before, print, and begin the next row. Collective.
 * \param [in] rate  the learning rate. \param [in] steps  of the student, where there are students. */
bl_status bl_step_record_row(bl_step_record *record, int64_t round, double rate, int steps);

/** End the bar and the record; a record that is all zero, or closed, is left as it is. Not collective. */
void bl_step_record_close(bl_step_record *record);

#endif
