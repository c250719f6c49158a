#include "base/log.h"
#include "base/memory.h"
#include "store/model.h"
#include "store/output.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char file_start[] = "checkpoint-";

void bl_checkpoint_path(char *path, size_t size, const char *folder, int64_t round) {
  snprintf(path, size, "%s/%s%06lld.nc", folder, file_start, (long long)round);
}

/* "checkpoint-000080.nc" → 80 and ".nc"; −1 for other names. */
static int64_t parse_name(const char **rest, const char *name) {
  const size_t start = sizeof file_start - 1;
  if (strncmp(name, file_start, start) != 0 || name[start] < '0' || name[start] > '9')
    return -1;
  char *end;
  errno = 0;
  const long long round = strtoll(name + start, &end, 10);
  *rest = end;
  return errno == 0 && end - (name + start) >= 6 ? round : -1;
}

static int descending(const void *left, const void *right) {
  const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return (a < b) - (a > b);
}

/* Rounds of the checkpoints of a folder, newest first. \param [out] rounds  caller's; bl_free. */
static bl_status list_rounds(int64_t **rounds, size_t *count, const char *folder) {
  *rounds = NULL;
  *count = 0;
  for (int pass = 0; pass < 2; pass++) {
    DIR *stream = opendir(folder);
    if (stream == NULL && errno == ENOENT)
      return BL_OK;
    if (stream == NULL) {
      const int reason = errno;
      bl_free(rounds);
      return bl_fail(BL_ERROR_INPUT, "%s: cannot list its checkpoints: %s", folder, strerror(reason));
    }
    size_t found = 0;
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
      const char *rest;
      const int64_t round = parse_name(&rest, entry->d_name);
      if (round < 0 || strcmp(rest, ".nc") != 0)
        continue;
      if (pass == 1 && found < *count)
        (*rounds)[found] = round;
      found++;
    }
    closedir(stream);
    if (pass == 1) {
      *count = found < *count ? found : *count;
    } else {
      *count = found;
      BL_TRY(bl_allocate(rounds, found, sizeof **rounds));
    }
  }
  qsort(*rounds, *count, sizeof **rounds, descending);
  return BL_OK;
}

bl_status bl_checkpoint_find(char *path, size_t size, const char *folder) {
  int64_t *rounds;
  size_t count;
  bl_model_header header;
  BL_TRY(list_rounds(&rounds, &count, folder));
  bool found = false;
  for (size_t i = 0; i < count && !found; i++) {
    bl_checkpoint_path(path, size, folder, rounds[i]);
    found = bl_model_read_header(&header, path) == BL_OK;
    if (!found) {
      bl_warn("%s; looking for the checkpoint before it", bl_status_message());
      bl_status_clear();
    }
  }
  bl_free(&rounds);
  if (!found && size > 0)
    path[0] = '\0';
  if (!found && count > 0)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: none of its %zu checkpoints is intact; use copies, choose another folder, or begin anew there by "
                   "--overwrite",
                   folder, count);
  return BL_OK;
}

/* What runs write into their folder, by the beginnings of the names; the first five are whole. */
static const char *const names[] = {"model.nc", "record.nc", "summary.txt", "before-after.png", "final.nc", file_start,
                                    "kept-",    "student-",  NULL};

bool bl_checkpoint_is_of_run(const char *name) {
  enum { WHOLE = 5 };
  if (!bl_output_begins(name, names))
    return false;
  for (int i = 0; i < WHOLE; i++)
    if (strcmp(name, names[i]) == 0)
      return true;
  const char *digits = strpbrk(name, "0123456789");
  return digits != NULL && digits[-1] == '-' && strcmp(digits + strspn(digits, "0123456789"), ".nc") == 0;
}

bl_status bl_checkpoint_find_finished(char *path, size_t size, const char *folder) {
  bl_model_header header;
  int64_t best = -1;
  const struct dirent *entry;
  DIR *stream = opendir(folder);
  path[0] = '\0';
  while (stream != NULL && (entry = readdir(stream)) != NULL) {
    static const char *const finished[] = {"final.nc", "kept-", NULL};
    char found[4096];
    const size_t length = strlen(entry->d_name);
    if (!bl_output_begins(entry->d_name, finished) || length < 3 || strcmp(entry->d_name + length - 3, ".nc") != 0)
      continue;
    snprintf(found, sizeof found, "%s/%s", folder, entry->d_name);
    if (bl_model_read_header(&header, found) != BL_OK) {
      bl_warn("%s", bl_status_message());
      bl_status_clear();
    } else if (header.round > best) {
      best = header.round;
      snprintf(path, size, "%s", found);
    }
  }
  if (stream != NULL)
    closedir(stream);
  return BL_OK;
}

/* Delete a checkpoint or, where it is a milestone of a finished run, give it another name. */
static bl_status put_away(const char *folder, int64_t round, bool stays) {
  char path[4096], kept[4096];
  bl_checkpoint_path(path, sizeof path, folder, round);
  snprintf(kept, sizeof kept, "%s/kept-%06lld.nc", folder, (long long)round);
  if ((stays ? rename(path, kept) : unlink(path)) != 0 && errno != ENOENT)
    return bl_fail(BL_ERROR_SYSTEM, "%s: cannot be %s: %s", path, stays ? "renamed" : "deleted", strerror(errno));
  return BL_OK;
}

bl_status bl_checkpoint_prune(const char *folder, int keep, int milestones) {
  int64_t *rounds;
  size_t count;
  bl_status status = BL_OK;
  BL_TRY(list_rounds(&rounds, &count, folder));
  for (size_t i = keep > 0 ? (size_t)keep : 0; i < count && status == BL_OK; i++) {
    const bool milestone = milestones > 0 && rounds[i] % milestones == 0;
    if (!milestone || keep == 0)
      status = put_away(folder, rounds[i], milestone);
  }
  bl_free(&rounds);
  bl_output_sweep(folder, names);
  return status;
}

bl_status bl_checkpoint_keep_final(const char *folder, int64_t round, bool keep) {
  char path[4096], final[4096];
  bl_checkpoint_path(path, sizeof path, folder, round);
  snprintf(final, sizeof final, "%s/final.nc", folder);
  if ((keep ? rename(path, final) : unlink(final)) != 0 && errno != ENOENT)
    return bl_fail(BL_ERROR_SYSTEM, "%s: cannot be %s: %s", keep ? path : final, keep ? "renamed to final.nc" : "deleted",
                   strerror(errno));
  return BL_OK;
}

bl_status bl_checkpoint_clear(const char *folder) {
  char path[4096];
  const struct dirent *entry;
  bl_status status = BL_OK;
  DIR *stream = opendir(folder);
  while (stream != NULL && status == BL_OK && (entry = readdir(stream)) != NULL)
    if (bl_checkpoint_is_of_run(entry->d_name) &&
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path && unlink(path) != 0 &&
        errno != ENOENT)
      status = bl_fail(BL_ERROR_SYSTEM, "%s: cannot be deleted: %s", path, strerror(errno));
  if (stream != NULL)
    closedir(stream);
  return status;
}
