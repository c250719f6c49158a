#include "programs/files.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/model.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_LENGTH = 4096 };

bool bl_files_reads(const char *const *reads, const char *key) {
  return bl_output_begins(key, reads);
}

static void add(bl_inputs *inputs, const char *name, const char *path) {
  if (inputs->count < BL_FILES_INPUTS && path[0] != '\0')
    inputs->files[inputs->count++] = (bl_input_file){name, path};
}

void bl_files_add(bl_inputs *inputs, const bl_options *options, const char *const *reads) {
  const int most = (int)(sizeof inputs->paths / sizeof *inputs->paths);
  const char *key;
  add(inputs, "the configuration", bl_options_path(options));
  for (int i = 0; inputs->path_count < most; i++) {
    char *path = inputs->paths[inputs->path_count];
    if (!bl_options_input(&key, path, sizeof *inputs->paths, options, i))
      return;
    if (path[0] == '\0' || !bl_files_reads(reads, key))
      continue;
    add(inputs, key, path);
    inputs->path_count++;
  }
}

bl_status bl_files_of(bl_inputs **inputs, const bl_invocation *invocation, const char *const *reads) {
  BL_TRY(bl_allocate(inputs, 1, sizeof **inputs));
  for (int i = 0; i < invocation->argument_count; i++)
    add(*inputs, "a file", invocation->arguments[i]);
  bl_files_add(*inputs, invocation->options, reads);
  return BL_OK;
}

bl_status bl_files_check(const char *const *outputs, int count, const bl_inputs *inputs) {
  for (int i = 0; i < count; i++) {
    BL_TRY(bl_output_apart(outputs[i], inputs->files, inputs->count));
    BL_TRY(bl_output_check(outputs[i]));
  }
  return BL_OK;
}

/* A file of a run that goes on belongs to it. */
static bl_status check_run(const char *output) {
  char path[PATH_LENGTH], owner[384];
  const char *slash = strrchr(output, '/'), *name = slash == NULL ? output : slash + 1;
  if (!bl_checkpoint_is_of_run(name))
    return BL_OK;
  snprintf(path, sizeof path, "%.*srun.lock", (int)(name - output), output);
  if (!bl_lock_is_taken(owner, sizeof owner, path))
    return BL_OK;
  return bl_fail(BL_ERROR_USAGE, "output: %s is of a run that goes on (%s, by %s): choose another --output", output, owner,
                 path);
}

/* People mistype names. */
static void tell_replaced(const bl_invocation *invocation, const char *output) {
  struct stat what;
  if (!invocation->resume && stat(output, &what) == 0)
    bl_log("%s was there and is replaced", output);
}

bl_status bl_files_claim(bl_lock **lock, const bl_invocation *invocation, const char *const *reads,
                         const char *const *outputs, int count) {
  char path[PATH_LENGTH];
  bl_inputs *inputs = NULL;
  bl_status status;
  BL_GOTO(bl_files_of(&inputs, invocation, reads));
  BL_GOTO(bl_files_check(outputs, count, inputs));
  BL_GOTO(check_run(outputs[0]));
  if (snprintf(path, sizeof path, "%s.lock", outputs[0]) >= (int)sizeof path)
    BL_GOTO(bl_fail(BL_ERROR_USAGE, "output: the path is longer than %d bytes", PATH_LENGTH - 6));
  BL_GOTO(bl_lock_take(lock, path));
  tell_replaced(invocation, outputs[0]);
done:
  bl_free(&inputs);
  return status;
}

/* What is there already, as checkpoints. */
static bl_status check_entries(const char *folder, const bl_inputs *inputs) {
  char path[PATH_LENGTH];
  const struct dirent *entry;
  bl_status status = BL_OK;
  DIR *stream = opendir(folder);
  while (stream != NULL && status == BL_OK && (entry = readdir(stream)) != NULL)
    if (bl_checkpoint_is_of_run(entry->d_name) &&
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path)
      status = bl_output_apart(path, inputs->files, inputs->count);
  if (stream != NULL)
    closedir(stream);
  return status;
}

bl_status bl_files_check_folder(const bl_invocation *invocation, const char *const *reads, const char *folder) {
  static const char *const names[] = {"model.nc", "record.nc", "summary.txt", "before-after.png", "final.nc"};
  enum { NAMES = sizeof names / sizeof *names };
  char paths[NAMES][PATH_LENGTH];
  const char *outputs[NAMES];
  bl_inputs *inputs = NULL;
  bl_status status;
  BL_GOTO(bl_files_of(&inputs, invocation, reads));
  for (int i = 0; i < NAMES; i++) {
    if (snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]) >= (int)sizeof paths[i])
      BL_GOTO(bl_fail(BL_ERROR_USAGE, "output: the path is longer than %d bytes", PATH_LENGTH - 20));
    outputs[i] = paths[i];
  }
  BL_GOTO(check_entries(folder, inputs));
  status = bl_files_check(outputs, NAMES, inputs);
done:
  bl_free(&inputs);
  return status;
}
