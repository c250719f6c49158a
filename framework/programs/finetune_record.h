/** \file
 * The record of a fine-tuning run: which columns it has, and a row for each round. */
#ifndef BEELINE_PROGRAMS_FINETUNE_RECORD_H
#define BEELINE_PROGRAMS_FINETUNE_RECORD_H

#include "base/options.h"
#include "roles/round.h"
#include "store/record.h"

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

/** The line of a row for logs, "round=12 rounds=78 seconds=0.81 ...", cut where it is longer than \a size. Not collective.
 */
void bl_finetune_row_print(char *line, size_t size, const bl_finetune_row *row, int64_t round, int64_t rounds);

/** The critic's mean over generated minus over real samples, in the round's critic steps. Not collective. */
double bl_finetune_row_ipm(const bl_finetune_row *row);

/** A record with the columns that \a options ask for. */
typedef struct bl_finetune_record bl_finetune_record;

/** Open \a path as bl_record_open does. Not collective (the root rank). \param [out] record  caller's;
 * bl_finetune_record_close. \param [in] layers  of the critic. \param [in] steps  of the chain. */
bl_status bl_finetune_record_open(bl_finetune_record **record, const char *path, const bl_options *options, int layers,
                                  int steps, int64_t first_round, int64_t rounds, const bl_provenance *provenance);

/** Append the row of \a round. Not collective. */
bl_status bl_finetune_record_append(bl_finetune_record *record, int64_t round, const bl_finetune_row *row);

/** Close and set *\a record to NULL; NULL is allowed. Not collective. */
bl_status bl_finetune_record_close(bl_finetune_record **record);

#endif
