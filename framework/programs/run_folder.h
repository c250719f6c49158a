/** \file
 * The folder that a run writes into: whose it is, what is in it already, and what this session does with it. For rank 0;
 * nothing here is collective. */
#ifndef BEELINE_PROGRAMS_RUN_FOLDER_H
#define BEELINE_PROGRAMS_RUN_FOLDER_H

#include "programs/identity.h"
#include "programs/program.h"
#include "store/lock.h"

#include <stdint.h>

enum { BL_RUN_PATH = 4096 };

/** What kind of run a program does. */
typedef struct bl_run_plan {
  const char *const *reads; /**< beginnings of the keys of its input files; NULL ends them */
  bool critics;             /**< whether the learner has critics; without, a split must be G:0:A */
  bool extends;             /**< whether more learner.rounds go on from the last checkpoint of a finished run */
  const char *result; /**< what is written after model.nc, "summary.txt", without which a run is not finished; NULL: none */
} bl_run_plan;

/** What there is to do. */
typedef enum bl_run_use {
  BL_RUN_BEGIN,
  BL_RUN_GO_ON,   /**< from a checkpoint */
  BL_RUN_MEASURE, /**< the model is there, but not the result, and no checkpoint */
  BL_RUN_FINISHED
} bl_run_use;

/** The folder. */
typedef struct bl_run_folder {
  const char *path; /**< borrowed */
  bl_run_plan plan;
  bl_lock *lock;
  bl_run_use use;
  bool replaces;          /**< files of an earlier run are deleted before the first round, as --overwrite asks */
  bool damaged;           /**< model.nc is, and is put aside before another takes its place */
  char from[BL_RUN_PATH]; /**< checkpoint to go on from, or model to measure; else "" */
  char *algorithms;       /**< what that one says was chosen by measuring; NULL: nothing; owned */
  bl_identity identity;
} bl_run_folder;

/** Check that runs can write into the folder and would replace nothing that is read, take it, and look what is there.
 * \param [out] folder  the caller's; bl_run_folder_close, also after a failure. Returns BL_ERROR_USAGE for a folder in use,
 * or that holds a run where neither --resume nor --overwrite is given; BL_ERROR_INPUT where --resume finds another
 * configuration, or a model that is damaged. */
bl_status bl_run_folder_open(bl_run_folder *folder, const bl_invocation *invocation, const bl_run_plan *plan);
void bl_run_folder_close(bl_run_folder *folder);

/** Before the first round: delete or put aside what will be replaced. Returns BL_ERROR_SYSTEM. */
bl_status bl_run_folder_begin(const bl_run_folder *folder);

/** When all results are written: keep the last checkpoint as final.nc where that is wanted, delete the others, which marks
 * the run as finished. \param [in] round  of the last. Returns BL_ERROR_SYSTEM. */
bl_status bl_run_folder_finish(const bl_run_folder *folder, const bl_options *options, int64_t round);

#endif
