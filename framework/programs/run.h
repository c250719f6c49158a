/** \file
 * What `pretrain`, `finetune` and `distill` have in common: the folder that they write into, provenance, resuming. */
#ifndef BEELINE_PROGRAMS_RUN_H
#define BEELINE_PROGRAMS_RUN_H

#include "learner/batches.h"
#include "parallel/statistics.h"
#include "parallel/world.h"
#include "programs/program.h"
#include "programs/run_folder.h"
#include "roles/checkpoint.h"
#include "store/provenance.h"

/** A training run. */
typedef struct bl_run {
  const bl_invocation *invocation; /**< borrowed */
  const bl_options *options;       /**< borrowed */
  int rank;                        /**< of invocation->comm, as the world's */
  bl_split split;                  /**< what `roles` says, unless that is "auto" */
  bool automatic;                  /**< `roles: auto`: the caller chooses a split */
  bl_world world;                  /**< owned; empty until bl_run_divide */
  char command[1024];              /**< command line */
  char roles[48];                  /**< "G:C:A", from bl_run_divide on */
  bl_run_folder folder;            /**< on rank 0, but for its plan and use, which all ranks know */
  const char *algorithms;   /**< on rank 0: what the folder's checkpoint says was chosen by measuring; NULL for none */
  bl_provenance provenance; /**< borrows from this object */
  bl_model_header header;   /**< what checkpoints and the model say; header.round counts rounds done */
  int64_t first_round;      /**< of this session */
  int64_t rounds;           /**< of the whole run: learner.rounds, unless the program sets another number */
  double began;             /**< when the rounds of this session did, by bl_clock_seconds */
  bl_timing checkpoints;    /**< time to write them */
  bool interrupted;         /**< whether a signal ends this session (parallel/interrupt.h) */
  int64_t record_lost;      /**< on rank 0: the first round that the record lacks, since it could not be written; or −1 */
  bool finished;            /**< whether the folder holds the finished model of this very configuration already */
} bl_run;

/** Refuse a learner.batch that is no multiple of learner.micro_batch, and an empty data.file. Not collective. Returns
 * BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_run_check(const bl_options *options);

/** Read data.file, and deal it out in batches of learner.batch. Collective over \a comm. \param [out] data, batches  the
 * caller's; bl_batches_destroy, then bl_dataset_destroy, also after a failure. \param [in] model  that must be of such
 * samples, or NULL. Errors are those of bl_dataset_read_shared, bl_source_model_match and bl_batches_create. */
bl_status bl_run_read_data(bl_dataset *data, bl_batches *batches, const bl_model_header *model, const bl_options *options,
                           MPI_Comm comm);

/** Read the split of the ranks, take the output folder and look what is in it (bl_run_folder_open). Writes nothing but the
 * folder's lock. Collective. \param [out] run  the caller's; bl_run_destroy. Returns BL_ERROR_USAGE for a missing `output`
 * or a split that does not fit, and the errors of bl_run_folder_open. */
bl_status bl_run_create(bl_run *run, const bl_invocation *invocation, const bl_run_plan *plan);
void bl_run_destroy(bl_run *run);

/** Split the ranks: make the world, and let the watchdog watch. Collective. */
bl_status bl_run_divide(bl_run *run, bl_split split);

/** What to do with the status of a step in which ranks wait for each other. Not collective: all ranks learn of a number
 * that is not finite together, and go on with that status; any other failure may have struck this rank alone, while others
 * wait for its messages, so it ends the job (MPI_Abort). */
bl_status bl_run_agree(const bl_run *run, bl_status status);

/** A path in the output folder. Not collective. \param [out] path caller's, \a size bytes. */
void bl_run_path(char *path, size_t size, const bl_run *run, const char *name);

/** Take the checkpoint that the folder has for this run, if any; what it replaces is deleted. Collective. Sets
 * header.round, first_round and began. */
bl_status bl_run_resume(bl_run *run, const bl_checkpoint_entry *entries, int count);

/** Before the first round, when what may have taken long is done: BL_INTERRUPTED where a signal asked for an end.
 * Collective. */
bl_status bl_run_check_interrupt(const bl_run *run);

/** After a round: count it, and write a checkpoint where one is due. Collective.
 * \param [out] stop  whether this session ends here, after a checkpoint: by checkpoint.stop, or by a signal to any rank. */
bl_status bl_run_round_done(bool *stop, bl_run *run, const bl_checkpoint_entry *entries, int count);

/** What a line of the log says of each round beside the learner's figures: "checkpoint_seconds=0.3 left_seconds=71", the
 * time spent on checkpoints in this session and an estimate of what is left. Not collective. */
void bl_run_row(char *text, size_t size, const bl_run *run, int64_t round);

/** Log what the rounds of this session cost: time and share of checkpoints, peak memory of the ranks. Collective. */
bl_status bl_run_account(const bl_run *run);

/** Write model.nc. Collective. */
bl_status bl_run_write_model(bl_run *run, const bl_aggregator *aggregator);

/** When a session ends before the last round: say so. Returns BL_INTERRUPTED after a signal, else BL_OK, the same on all
 * ranks. Not collective. */
bl_status bl_run_explain_stop(const bl_run *run);

/** The last line of what a finished run prints, after lines of a label of 22 characters and a value: its time, in \a
 * seconds, and ranks. Not collective. */
void bl_run_print_time(const bl_run *run, double seconds);

/** What a row of the record that was appended, or was not, means for the run. Not collective (the root rank). A record that
 * cannot be written is warned about once, here and in bl_run_account, and the run goes on without it.
 * \param [in] status  of appending the row of \a round. Returns an error when the folder is not there any more. */
bl_status bl_run_appended(bl_run *run, bl_status status, int64_t round);

/** Whether the record is still written. Not collective. */
bool bl_run_has_record(const bl_run *run);

/** When all results are written: delete the checkpoints, which marks the run as finished. Collective. */
bl_status bl_run_finish(bl_run *run);

#endif
