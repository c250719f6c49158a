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

/* Whether files could be written into the folder, which is made with the first of them. */
static bl_status check_folder(const char *folder) {
  char model[PATH_LENGTH];
  struct stat about;
  if (snprintf(model, sizeof model, "%s/model.nc", folder) >= (int)sizeof model)
    return bl_fail(BL_ERROR_USAGE, "output: the path is longer than %d bytes", PATH_LENGTH - 1);
  if (stat(folder, &about) == 0 && !S_ISDIR(about.st_mode))
    return bl_fail(BL_ERROR_USAGE, "output: %s is not a folder; choose another with --output", folder);
  return bl_output_check(model);
}

/* On rank 0: the folder, and what is in it already. */
static bl_status look_into_folder(int *finished, bl_run *run) {
  const char *folder = run->options->output;
  const char *digest = bl_options_digest(run->options);
  char model[PATH_LENGTH], checkpoint[PATH_LENGTH];
  bl_model_header header;
  *finished = 0;
  if (folder[0] == '\0')
    return bl_options_reject(run->options, "output", "a folder to write into, for example --output out/run1");
  BL_TRY(check_folder(folder));
  bl_run_path(model, sizeof model, run, "model.nc");
  if (run->invocation->resume) {
    /* Checkpoints beside a model: its run was interrupted while it measured what it had learned. */
    if (access(model, R_OK) == 0 && bl_model_read_header(&header, model) == BL_OK)
      *finished = strcmp(header.digest, digest) == 0 &&
                  bl_checkpoint_find(checkpoint, sizeof checkpoint, folder) == BL_OK && checkpoint[0] == '\0';
    bl_status_clear();
    if (*finished || strcmp(run->options->compute.algorithms, "measure") != 0)
      return BL_OK;
    BL_TRY(bl_checkpoint_find(checkpoint, sizeof checkpoint, folder));
    return checkpoint[0] != '\0' ? bl_container_read_text(&run->algorithms, checkpoint, "algorithms") : BL_OK;
  }
  BL_TRY(bl_checkpoint_find(checkpoint, sizeof checkpoint, folder));
  if (checkpoint[0] != '\0')
    return bl_fail(
        BL_ERROR_USAGE,
        "output: %s holds the checkpoint of an unfinished run: go on with --resume, or choose another folder with --output",
        folder);
  return BL_OK;
}

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

bl_status bl_run_create(bl_run *run, const bl_invocation *invocation, bool critics) {
  const bl_options *options = invocation->options;
  bl_split *split = &run->split;
  int size, finished = 0;
  *run = (bl_run){.invocation = invocation,
                  .options = options,
                  .rounds = options->learner.rounds,
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
  BL_TRY(bl_agree(run->rank == 0 ? look_into_folder(&finished, run) : BL_OK, invocation->comm));
  BL_TRY(BL_MPI_MET(MPI_Bcast(&finished, 1, MPI_INT, 0, invocation->comm), invocation->comm));
  run->finished = finished != 0;
  return BL_OK;
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
  bl_free(&run->algorithms);
}

void bl_run_path(char *path, size_t size, const bl_run *run, const char *name) {
  snprintf(path, size, "%s/%s", run->options->output, name);
}

bl_status bl_run_resume(bl_run *run, const bl_checkpoint_entry *entries, int count) {
  if (run->invocation->resume)
    BL_TRY(bl_checkpoint_resume(&run->header, run->options->output, entries, count, run->provenance.digest, &run->world));
  run->first_round = run->header.round;
  run->began = bl_clock_seconds();
  return BL_OK;
}

bl_status bl_run_check_interrupt(const bl_run *run) {
  bool asked;
  BL_TRY(bl_interrupt_agree(&asked, run->world.comm));
  return asked ? bl_fail(BL_INTERRUPTED, "asked by a signal to stop, before a round was done: go on with --resume") : BL_OK;
}

bl_status bl_run_round_done(bool *stop, bl_run *run, const bl_checkpoint_entry *entries, int count) {
  const bl_options_checkpoint *checkpoint = &run->options->checkpoint;
  const int64_t done = ++run->header.round;
  const bool last = done == run->rounds;
  BL_TRY(bl_interrupt_agree(&run->interrupted, run->world.comm));
  *stop = run->interrupted || (!last && checkpoint->stop > 0 && done - run->first_round >= checkpoint->stop);
  const bool due = !last && checkpoint->every > 0 && done % checkpoint->every == 0;
  if (!*stop && !due)
    return BL_OK;
  bl_timing_begin(&run->checkpoints);
  const bl_status status = bl_checkpoint_save(run->options->output, &run->header, entries, count, checkpoint->keep,
                                              checkpoint->milestones, &run->provenance, &run->world);
  bl_timing_end(&run->checkpoints);
  return status;
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
  return bl_checkpoint_finish(path, &run->header, aggregator, &run->provenance, &run->world);
}

void bl_run_print_time(const bl_run *run, double seconds) {
  char duration[32];
  bl_clock_duration(duration, sizeof duration, seconds);
  bl_print("  %-22s %s on %d rank%s\n\n", "time", duration, run->world.size, run->world.size == 1 ? "" : "s");
}

bl_status bl_run_finish(bl_run *run) {
  return bl_agree(
      run->world.rank == 0 ? bl_checkpoint_prune(run->options->output, 0, run->options->checkpoint.milestones) : BL_OK,
      run->world.comm);
}
