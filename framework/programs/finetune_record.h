/** \file
 * The record of a fine-tuning run: which columns it has, and a row for each round. */
#ifndef BEELINE_PROGRAMS_FINETUNE_RECORD_H
#define BEELINE_PROGRAMS_FINETUNE_RECORD_H

#include "base/options.h"
#include "roles/round.h"
#include "store/record.h"

enum { BL_FINETUNE_COLUMNS = 128, BL_FINETUNE_NUMBERED = BL_JUDGE_MONITORS + BL_POLICY_MONITOR_STEPS };

/** The columns that a run has: those of the judge, the policy and the run, then what is monitored. */
typedef struct bl_finetune_columns {
  const bl_judge_kind *judge;
  int count;
  int printed;        /**< the first ones, which logs show too */
  int judge_monitors; /**< columns of each kind of monitor, 0 for none */
  int policy_steps;   /**< steps of the chain that a column tells of; −1: the policy is not monitored */
  bool held_out;
  bl_record_column columns[BL_FINETUNE_COLUMNS];
  char texts[BL_FINETUNE_NUMBERED][2][160]; /**< names and long names that are made up */
} bl_finetune_columns;

/** A row. */
typedef struct bl_finetune_row {
  bl_round_report report;
  double rate;                            /**< learning rate of the policy */
  double seconds;                         /**< of the round, with all that was measured in it */
  double speed;                           /**< generated samples per second */
  double memory;                          /**< peak resident memory so far of the rank that needs most, in MiB */
  double distance;                        /**< to the data after the round; NaN where it was not measured */
  double held_out_before, held_out_after; /**< IPM estimates; NaN where there are none */
} bl_finetune_row;

/** The columns of a run by \a plan. Not collective. \param [out] columns  the caller's, must stay where it is. */
void bl_finetune_columns_list(bl_finetune_columns *columns, const bl_ring_plan *plan, const bl_options *options);

/** The values of \a row. Not collective. \param [out] values (columns->count). */
void bl_finetune_columns_fill(double *values, const bl_finetune_columns *columns, const bl_finetune_row *row);

/** The line of a row for logs, "round=12 rounds=78 ipm=0.81 ...", cut where it is longer than \a size. Not collective. */
void bl_finetune_columns_print(char *line, size_t size, const bl_finetune_columns *columns, const bl_finetune_row *row,
                               int64_t round, int64_t rounds);

/** The figures of the judge for the progress bar, "critic +0.123  value +0.045". Not collective. */
void bl_finetune_columns_show(char *text, size_t size, const bl_finetune_columns *columns, const bl_finetune_row *row);

#endif
