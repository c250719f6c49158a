#include "programs/run_folder.h"

#include "base/log.h"
#include "base/memory.h"
#include "programs/files.h"
#include "store/container.h"
#include "store/model.h"
#include "store/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(char path[BL_RUN_PATH], const bl_run_folder *folder, const char *name) {
  snprintf(path, BL_RUN_PATH, "%s/%s", folder->path, name);
}

static bool is_there(const bl_run_folder *folder, const char *name) {
  char path[BL_RUN_PATH];
  struct stat what;
  path_of(path, folder, name);
  return lstat(path, &what) == 0;
}

/* Whether the folder, which is made with the first file, can be one. */
static bl_status check_folder(const char *folder) {
  struct stat about;
  if (stat(folder, &about) == 0 && !S_ISDIR(about.st_mode))
    return bl_fail(BL_ERROR_USAGE, "output: %s is not a folder; choose another with --output", folder);
  return BL_OK;
}

/* ---- A run that is there ----------------------------------------------------------------------------------------------
 */

static bl_status refuse_there(const bl_run_folder *folder, bool finished) {
  if (finished)
    return bl_fail(
        BL_ERROR_USAGE,
        "output: %s holds a finished run (model.nc): choose another folder with --output, go on with --resume and "
        "more learner.rounds, or replace it by --overwrite",
        folder->path);
  return bl_fail(BL_ERROR_USAGE,
                 "output: %s holds the checkpoint of an unfinished run: go on with --resume, or choose another folder with "
                 "--output, or replace it by --overwrite",
                 folder->path);
}

/* Take the checkpoint \a path. */
static bl_status go_on_from(bl_run_folder *folder, const char *path) {
  bl_model_header header;
  bool longer;
  BL_TRY(bl_identity_check(&longer, &folder->identity, path));
  BL_TRY(bl_model_read_header(&header, path));
  if (longer)
    bl_log("%s: of a run of fewer rounds: it goes on up to %d, with the learning rates of a run of that length", path,
           folder->identity.options->learner.rounds);
  snprintf(folder->from, sizeof folder->from, "%s", path);
  folder->use = BL_RUN_GO_ON;
  return BL_OK;
}

/* A finished model of this configuration, and no checkpoint of a run under way. \param [in] longer  than the model was
 * trained. */
static bl_status take_finished(bl_run_folder *folder, const char *model, bool longer) {
  char checkpoint[BL_RUN_PATH];
  if (!longer) {
    folder->use = folder->plan.result == NULL || is_there(folder, folder->plan.result) ? BL_RUN_FINISHED : BL_RUN_MEASURE;
    snprintf(folder->from, sizeof folder->from, "%s", model);
    return BL_OK;
  }
  BL_TRY(bl_checkpoint_find_finished(checkpoint, sizeof checkpoint, folder->path));
  if (checkpoint[0] != '\0')
    return go_on_from(folder, checkpoint);
  return bl_fail(
      BL_ERROR_INPUT,
      "%s: the model of a finished run of fewer learner.rounds than the %d of now, and no checkpoint is there to go "
      "on from (checkpoint.final, checkpoint.milestones): choose another --output, or replace it by --overwrite",
      model, folder->identity.options->learner.rounds);
}

/* The message says what is wrong with model.nc. A run that kept a checkpoint can write it again. */
static bl_status mend_model(bl_run_folder *folder, const char *checkpoint) {
  char message[BL_MESSAGE_SIZE], kept[BL_RUN_PATH];
  snprintf(message, sizeof message, "%s", bl_status_message());
  bl_status_clear();
  folder->damaged = true;
  if (checkpoint[0] == '\0')
    BL_TRY(bl_checkpoint_find_finished(kept, sizeof kept, folder->path));
  else
    snprintf(kept, sizeof kept, "%s", checkpoint);
  if (kept[0] == '\0')
    return bl_fail(BL_ERROR_INPUT,
                   "%.700s: a finished run is not trained anew without a word: use a copy, choose another --output, or "
                   "replace it by --overwrite",
                   message);
  BL_TRY(go_on_from(folder, kept));
  bl_warn("%s; it is made again from %s, and the damaged file is kept as model.nc.damaged", message, kept);
  return BL_OK;
}

/* With --resume. */
static bl_status judge(bl_run_folder *folder) {
  char model[BL_RUN_PATH], checkpoint[BL_RUN_PATH];
  bl_model_header header;
  bool longer = false;
  path_of(model, folder, "model.nc");
  const bool there = is_there(folder, "model.nc");
  BL_TRY(bl_checkpoint_find(checkpoint, sizeof checkpoint, folder->path));
  const bool intact = there && bl_model_read_header(&header, model) == BL_OK;
  if (there && !intact)
    return mend_model(folder, checkpoint);
  if (there)
    BL_TRY(bl_identity_check(&longer, &folder->identity, model));
  /* Checkpoints beside a model: its run was interrupted while it measured what it had learned, or while it became longer.
   */
  if (checkpoint[0] != '\0')
    return go_on_from(folder, checkpoint);
  return there ? take_finished(folder, model, longer) : BL_OK;
}

static bl_status look(bl_run_folder *folder, const bl_invocation *invocation) {
  char checkpoint[BL_RUN_PATH];
  bl_status status;
  if (invocation->resume) {
    status = judge(folder);
    if (status != BL_ERROR_INPUT || !invocation->overwrite)
      return status;
    bl_warn("%s: replaced, as --overwrite asks", bl_status_message());
    bl_status_clear();
    folder->use = BL_RUN_BEGIN;
    folder->from[0] = '\0';
    folder->damaged = false;
    folder->replaces = true;
    return BL_OK;
  }
  status = bl_checkpoint_find(checkpoint, sizeof checkpoint, folder->path);
  const bool unfinished = status != BL_OK || checkpoint[0] != '\0', finished = is_there(folder, "model.nc");
  if (invocation->overwrite) {
    bl_status_clear();
    folder->replaces = unfinished || finished;
    if (folder->replaces)
      bl_log("%s: the run that it holds is replaced, as --overwrite asks", folder->path);
    return BL_OK;
  }
  BL_TRY(status);
  return unfinished || finished ? refuse_there(folder, !unfinished) : BL_OK;
}

bl_status bl_run_folder_open(bl_run_folder *folder, const bl_invocation *invocation, const bl_run_plan *plan) {
  const bl_options *options = invocation->options;
  char lock[BL_RUN_PATH];
  *folder = (bl_run_folder){.path = options->output, .plan = *plan};
  if (options->output[0] == '\0')
    return bl_options_reject(options, "output", "a folder to write into, for example --output out/run1");
  BL_TRY(check_folder(folder->path));
  BL_TRY(bl_files_check_folder(invocation, plan->reads, folder->path));
  path_of(lock, folder, "run.lock");
  BL_TRY(bl_lock_take(&folder->lock, lock));
  bl_identity_create(&folder->identity, options, plan->reads, plan->extends);
  BL_TRY(look(folder, invocation));
  if (folder->from[0] != '\0' && strcmp(options->compute.algorithms, "measure") == 0)
    return bl_container_read_text(&folder->algorithms, folder->from, "algorithms");
  return BL_OK;
}

void bl_run_folder_close(bl_run_folder *folder) {
  bl_lock_release(&folder->lock);
  bl_free(&folder->algorithms);
}

bl_status bl_run_folder_begin(const bl_run_folder *folder) {
  char model[BL_RUN_PATH], aside[BL_RUN_PATH];
  BL_TRY(bl_lock_check(folder->lock));
  if (folder->replaces)
    return bl_checkpoint_clear(folder->path);
  if (!folder->damaged)
    return BL_OK;
  path_of(model, folder, "model.nc");
  path_of(aside, folder, "model.nc.damaged");
  if (rename(model, aside) != 0)
    return bl_fail(BL_ERROR_SYSTEM, "%s: cannot be renamed to %s: %s", model, aside, strerror(errno));
  return BL_OK;
}

bl_status bl_run_folder_finish(const bl_run_folder *folder, const bl_options *options, int64_t round) {
  BL_TRY(bl_lock_check(folder->lock));
  if (folder->plan.extends)
    BL_TRY(bl_checkpoint_keep_final(folder->path, round, options->checkpoint.final));
  return bl_checkpoint_prune(folder->path, 0, options->checkpoint.milestones);
}
