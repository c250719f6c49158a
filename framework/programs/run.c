#include "programs/run.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/print.h"
#include "parallel/account.h"
#include "parallel/agree.h"
#include "parallel/interrupt.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "parallel/watchdog.h"
#include "programs/source_model.h"
#include "store/container.h"
#include "store/output.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LENGTH = 4096 };

bl_status bl_run_check(const bl_options *options) {
  const bl_options_learner *learner = &options->learner;
  if (learner->batch % learner->micro_batch != 0)
    return bl_options_reject(options, "learner.batch", "a multiple of learner.micro_batch (%d)", learner->micro_batch);
  if (options->data.file[0] == '\0')
    return bl_options_reject(options, "data.file", "a data set made by beeline import");
  return BL_OK;
}

bl_status bl_run_read_data(bl_dataset *data, bl_batches *batches, const bl_model_header *model, const bl_options *options,
                           MPI_Comm comm) {
  BL_TRY(bl_options_blame(options, "data.file", bl_dataset_read_shared(data, options->data.file, comm)));
  if (model != NULL)
    BL_TRY(bl_source_model_match(model, data, options));
  return bl_options_blame(
      options, "learner.batch",
      bl_batches_create(batches, data, (size_t)options->learner.batch, (uint64_t)options->seed, options->data.flip));
}

/* Rank 0 looks; all must know what there is to do. Collective. */
static bl_status open_folder(bl_run *run, const bl_run_plan *plan) {
  const MPI_Comm comm = run->invocation->comm;
  bl_run_folder *folder = &run->folder;
  BL_TRY(bl_agree(run->rank == 0 ? bl_run_folder_open(folder, run->invocation, plan) : BL_OK, comm));
  int use = (int)folder->use;
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(&use, 1, MPI_INT, 0, comm), comm));
  folder->use = (bl_run_use)use;
  folder->plan = *plan;
  run->finished = folder->use == BL_RUN_FINISHED;
  run->algorithms = folder->algorithms;
  run->provenance.inputs = folder->identity.inputs;
  run->provenance.machine = folder->identity.machine;
  return BL_OK;
}

bl_status bl_run_create(bl_run *run, const bl_invocation *invocation, const bl_run_plan *plan) {
  const bool critics = plan->critics;
  const bl_options *options = invocation->options;
  bl_split *split = &run->split;
  int size;
  *run = (bl_run){.invocation = invocation,
                  .options = options,
                  .rounds = options->learner.rounds,
                  .record_lost = -1,
                  .checkpoints = {.name = "checkpoints"}};
  BL_TRY(BL_MPI(MPI_Comm_size(invocation->comm, &size)));
  BL_TRY(BL_MPI(MPI_Comm_rank(invocation->comm, &run->rank)));
  run->automatic = critics && strcmp(options->roles, "auto") == 0;
  /* Without critics nothing is faster than all ranks doing the same. */
  if (run->automatic || (!critics && (strcmp(options->roles, "all") == 0 || strcmp(options->roles, "auto") == 0)))
    *split = (bl_split){.generators = size, .critics = critics ? size : 0, .aggregators = size};
  else
    BL_TRY(bl_options_blame(options, "roles", bl_split_parse(split, options->roles, size)));
  if (critics && split->critics == 0)
    return bl_options_reject(options, "roles", "at least one critic for this learner, G:C:A");
  if (!critics && split->critics > 0)
    return bl_options_reject(options, "roles", "no critics for this learner: %d:0:%d", split->generators + split->critics,
                             split->aggregators);
  bl_provenance_describe(&run->provenance, run->command, sizeof run->command, options, invocation->argc, invocation->argv);
  run->provenance.ranks = size;
  run->provenance.roles = run->roles;
  return open_folder(run, plan);
}

/** Ranks beyond the micro-batches of a batch compute nothing: say so, and what helps. */
static void tell_idle(const bl_run *run, bl_split split) {
  const bl_options_learner *learner = &run->options->learner;
  const int ranks = run->provenance.ranks, micro_batches = learner->batch / learner->micro_batch;
  const int idle = bl_split_idle(split, ranks, micro_batches);
  char finer[64] = "";
  if (idle == 0)
    return;
  if (learner->batch % ranks == 0)
    snprintf(finer, sizeof finer, ", or set learner.micro_batch to %d (other bits)", learner->batch / ranks);
  bl_warn("%d of %d ranks have nothing to compute: learner.batch %d in micro-batches of %d is work for %d; start %d%s",
          idle, ranks, learner->batch, learner->micro_batch, micro_batches, micro_batches, finer);
}

bl_status bl_run_divide(bl_run *run, bl_split split) {
  tell_idle(run, split);
  BL_TRY(bl_world_create(&run->world, run->invocation->comm, split));
  BL_TRY(bl_agree(bl_watchdog_start(60 * run->options->watchdog, run->world.comm), run->world.comm));
  snprintf(run->roles, sizeof run->roles, "%d:%d:%d", split.generators, split.critics, split.aggregators);
  return BL_OK;
}

bl_status bl_run_agree(const bl_run *run, bl_status status) {
  if (status == BL_OK || status == BL_ERROR_NUMERIC)
    return status;
  fprintf(stderr, "beeline: rank %d failed and ends the job: %s\n", run->world.rank, bl_status_message());
  fflush(stderr);
  MPI_Abort(run->world.comm, 1);
  return status;
}

void bl_run_destroy(bl_run *run) {
  bl_watchdog_stop();
  if (run->world.size > 0)
    bl_world_destroy(&run->world);
  bl_run_folder_close(&run->folder);
}

void bl_run_path(char *path, size_t size, const bl_run *run, const char *name) {
  snprintf(path, size, "%s/%s", run->options->output, name);
}

bl_status bl_run_resume(bl_run *run, const bl_checkpoint_entry *entries, int count) {
  bl_run_folder *folder = &run->folder;
  BL_AGREE(run->rank == 0 ? bl_run_folder_begin(folder) : BL_OK, run->world.comm);
  if (folder->use == BL_RUN_GO_ON) {
    BL_TRY(bl_checkpoint_resume(&run->header, folder->from, entries, count, &run->world));
    if (run->rank == 0)
      bl_identity_go_on(&folder->identity, folder->from, run->header.round);
  }
  run->first_round = run->header.round;
  run->began = bl_clock_seconds();
  return BL_OK;
}

bl_status bl_run_check_interrupt(const bl_run *run) {
  bool asked;
  BL_TRY(bl_interrupt_agree(&asked, run->world.comm));
  return asked ? bl_fail(BL_INTERRUPTED, "asked by a signal to stop, before a round was done: go on with --resume") : BL_OK;
}

/* Whether the last round has a checkpoint: for what is measured after it, or to be kept. */
static bool keeps_last(const bl_run *run) {
  const bl_run_plan *plan = &run->folder.plan;
  return plan->result != NULL || (plan->extends && run->options->checkpoint.final);
}

/* Without room for the last checkpoint there may be room for the model. */
static bl_status forgive_last(bl_status status) {
  if (status != BL_ERROR_STORAGE)
    return status;
  bl_warn("%s; the run goes on without its last checkpoint", bl_status_message());
  bl_status_clear();
  return BL_OK;
}

bl_status bl_run_round_done(bool *stop, bl_run *run, const bl_checkpoint_entry *entries, int count) {
  const bl_options_checkpoint *checkpoint = &run->options->checkpoint;
  const int64_t done = ++run->header.round;
  const bool last = done == run->rounds;
  BL_TRY(bl_interrupt_agree(&run->interrupted, run->world.comm));
  *stop = run->interrupted || (!last && checkpoint->stop > 0 && done - run->first_round >= checkpoint->stop);
  const bool due = last ? keeps_last(run) : checkpoint->every > 0 && done % checkpoint->every == 0;
  if (!*stop && !due)
    return BL_OK;
  BL_AGREE(run->rank == 0 ? bl_lock_check(run->folder.lock) : BL_OK, run->world.comm);
  bl_timing_begin(&run->checkpoints);
  const bl_status status = bl_checkpoint_save(run->options->output, &run->header, entries, count, checkpoint->keep,
                                              checkpoint->milestones, &run->provenance, &run->world);
  bl_timing_end(&run->checkpoints);
  return last && !*stop ? forgive_last(status) : status;
}

bool bl_run_has_record(const bl_run *run) {
  return run->record_lost < 0;
}

bl_status bl_run_appended(bl_run *run, bl_status status, int64_t round) {
  if (status != BL_ERROR_STORAGE && status != BL_ERROR_SYSTEM)
    return status == BL_OK ? bl_lock_check(run->folder.lock) : status;
  bl_warn("%s; the run goes on without its record", bl_status_message());
  bl_status_clear();
  run->record_lost = round;
  return bl_lock_check(run->folder.lock);
}

void bl_run_row(char *text, size_t size, const bl_run *run, int64_t round) {
  const double done = (double)(round + 1 - run->first_round), left = (double)(run->rounds - round - 1);
  snprintf(text, size, "checkpoint_seconds=%.3g left_seconds=%.3g", run->checkpoints.seconds,
           (bl_clock_seconds() - run->began) / done * left);
}

bl_status bl_run_account(const bl_run *run) {
  const bl_timing *written = &run->checkpoints;
  const double seconds = fmax(bl_clock_seconds() - run->began, 1e-9);
  if (written->calls > 0)
    bl_log("checkpoints: %ld in %.2f s, %.2f %% of the %.1f s of the rounds", written->calls, written->seconds,
           100 * written->seconds / seconds, seconds);
  if (run->rank == 0 && !bl_run_has_record(run))
    bl_warn("%s/record.nc lacks the rounds from %lld on, since it could not be written", run->options->output,
            (long long)run->record_lost);
  return bl_account_memory((double)bl_memory_peak(), run->world.comm);
}

bl_status bl_run_explain_stop(const bl_run *run) {
  const long long done = (long long)run->header.round, all = (long long)run->rounds;
  if (run->interrupted)
    return bl_fail(BL_INTERRUPTED, "asked by a signal to stop, did so after round %lld of %lld: go on with --resume", done,
                   all);
  bl_log("stopped after round %lld of %lld: go on with --resume", done, all);
  return BL_OK;
}

bl_status bl_run_write_model(bl_run *run, const bl_aggregator *aggregator) {
  char path[PATH_LENGTH];
  bl_run_path(path, sizeof path, run, "model.nc");
  BL_AGREE(run->rank == 0 ? bl_lock_check(run->folder.lock) : BL_OK, run->world.comm);
  return bl_checkpoint_finish(path, &run->header, aggregator, &run->provenance, &run->world);
}

void bl_run_print_time(const bl_run *run, double seconds) {
  char duration[32];
  bl_clock_duration(duration, sizeof duration, seconds);
  bl_print("  %-22s %s on %d rank%s\n\n", "time", duration, run->world.size, run->world.size == 1 ? "" : "s");
}

bl_status bl_run_finish(bl_run *run) {
  return bl_agree(run->world.rank == 0 ? bl_run_folder_finish(&run->folder, run->options, run->header.round) : BL_OK,
                  run->world.comm);
}
