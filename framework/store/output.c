#include "store/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

/* "a/b/c.nc" → "a/b", "c.nc" → ".", "/c.nc" → "/". In place. */
static void cut_last_name(char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/')
    length--;
  while (length > 0 && path[length - 1] != '/')
    length--;
  while (length > 1 && path[length - 1] == '/')
    length--;
  if (length == 0)
    path[length++] = '.';
  path[length] = '\0';
}

static bl_status folder_of(char folder[PATH_SIZE], const char *path) {
  const size_t length = strlen(path);
  if (length == 0)
    return bl_fail(BL_ERROR_USAGE, "the name of the file to write is empty; set `output`");
  if (length >= PATH_SIZE)
    return bl_fail(BL_ERROR_USAGE, "the name of the file to write has %zu characters, expected fewer than %d: %.40s...",
                   length, PATH_SIZE, path);
  memcpy(folder, path, length + 1);
  cut_last_name(folder);
  return BL_OK;
}

bl_status bl_output_check(const char *path) {
  char folder[PATH_SIZE];
  struct stat what;
  BL_TRY(folder_of(folder, path));
  if (path[strlen(path) - 1] == '/' || (stat(path, &what) == 0 && S_ISDIR(what.st_mode)))
    return bl_fail(BL_ERROR_USAGE, "%s: is a folder, expected the name of a file to write", path);
  while (stat(folder, &what) != 0 && errno == ENOENT && strcmp(folder, ".") != 0 && strcmp(folder, "/") != 0)
    cut_last_name(folder);
  if (stat(folder, &what) != 0)
    return bl_fail(BL_ERROR_USAGE, "%s: cannot be written: folder %s: %s", path, folder, strerror(errno));
  if (!S_ISDIR(what.st_mode))
    return bl_fail(BL_ERROR_USAGE, "%s: cannot be written: %s is not a folder", path, folder);
  /* Only trying tells for sure: the super-user may write by access(2), but not on every file system. */
  char trial[PATH_SIZE + 32];
  snprintf(trial, sizeof trial, "%s/.beeline-XXXXXX", folder);
  const int file = mkstemp(trial);
  if (file < 0)
    return bl_fail(BL_ERROR_USAGE, "%s: cannot be written: folder %s: %s; choose another `output`", path, folder,
                   strerror(errno));
  close(file);
  unlink(trial);
  return BL_OK;
}

/* Make the folder and those above it, like mkdir -p. */
static bl_status make_folders(char *folder, const char *path) {
  for (char *cut = folder + 1;; cut++) {
    if (*cut != '/' && *cut != '\0')
      continue;
    const char end = *cut;
    *cut = '\0';
    const int failed = mkdir(folder, 0777) != 0 && errno != EEXIST;
    const int reason = errno;
    struct stat what;
    if (failed && stat(folder, &what) != 0)
      return bl_fail(BL_ERROR_SYSTEM, "%s: cannot make folder %s: %s", path, folder, strerror(reason));
    *cut = end;
    if (end == '\0')
      return BL_OK;
  }
}

static bl_status fail_write(const char *path, const char *folder, size_t size, int reason) {
  struct statvfs space;
  if ((reason == ENOSPC || reason == EDQUOT) && statvfs(folder, &space) == 0)
    return bl_fail(BL_ERROR_SYSTEM, "%s: %s: %zu bytes are needed, the file system has %llu free; nothing was replaced",
                   path, strerror(reason), size, (unsigned long long)space.f_bavail * space.f_frsize);
  if (reason == EFBIG)
    return bl_fail(BL_ERROR_SYSTEM,
                   "%s: %zu bytes are needed, above the limit of a file's size (ulimit -f); nothing was replaced", path,
                   size);
  return bl_fail(BL_ERROR_SYSTEM, "%s: cannot be written: %s (%zu bytes are needed); nothing was replaced", path,
                 strerror(reason), size);
}

/* 0 or errno. */
static int write_all(int file, const bl_bytes *pieces, int count) {
  for (int i = 0; i < count; i++) {
    const char *data = pieces[i].data;
    size_t left = pieces[i].size;
    while (left > 0) {
      const size_t step = left < (size_t)1 << 30 ? left : (size_t)1 << 30;
      const ssize_t written = write(file, data, step);
      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0)
        return written < 0 ? errno : EIO;
      data += written;
      left -= (size_t)written;
    }
  }
  return fsync(file) == 0 ? 0 : errno;
}

/* The rename lasts only when the folder is on disk, too. File systems that cannot sync folders say EINVAL. */
static int sync_folder(const char *folder) {
  const int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0)
    return errno == EACCES ? 0 : errno;
  const int reason = fsync(file) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
  close(file);
  return reason;
}

bl_status bl_output_begin(char *temporary, size_t size, const char *path) {
  char folder[PATH_SIZE], host[65] = "";
  BL_TRY(folder_of(folder, path));
  BL_TRY(make_folders(folder, path));
  if (gethostname(host, sizeof host - 1) != 0)
    host[0] = '\0';
  if ((size_t)snprintf(temporary, size, "%s.%s-%ld.partial", path, host, (long)getpid()) >= size)
    return bl_fail(BL_ERROR_USAGE, "the name of the file to write is too long: %.40s...", path);
  return BL_OK;
}

/* Rename a synced file. */
static bl_status publish(const char *temporary, const char *path, size_t size) {
  char folder[PATH_SIZE];
  BL_TRY(folder_of(folder, path));
  if (rename(temporary, path) != 0) {
    const int reason = errno;
    unlink(temporary);
    return fail_write(path, folder, size, reason);
  }
  const int reason = sync_folder(folder);
  if (reason != 0)
    return bl_fail(BL_ERROR_SYSTEM, "%s: was written, but folder %s cannot be synced: %s", path, folder, strerror(reason));
  return BL_OK;
}

bl_status bl_output_finish(const char *temporary, const char *path) {
  const int file = open(temporary, O_RDONLY | O_CLOEXEC);
  const int reason = file < 0 || fsync(file) != 0 ? errno : 0;
  struct stat what = {0};
  if (file >= 0) {
    fstat(file, &what);
    close(file);
  }
  if (reason != 0) {
    unlink(temporary);
    return bl_fail(BL_ERROR_SYSTEM, "%s: cannot be written: %s", path, strerror(reason));
  }
  return publish(temporary, path, (size_t)what.st_size);
}

bl_status bl_output_write(const char *path, const bl_bytes *pieces, int count) {
  char folder[PATH_SIZE], temporary[PATH_SIZE + 128];
  size_t size = 0;
  for (int i = 0; i < count; i++)
    size += pieces[i].size;
  BL_TRY(bl_output_begin(temporary, sizeof temporary, path));
  BL_TRY(folder_of(folder, path));
  /* The limit is looked up instead of met, since meeting it kills a process that does not handle SIGXFSZ. */
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size > (uintmax_t)limit.rlim_cur)
    return fail_write(path, folder, size, EFBIG);
  const int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0)
    return fail_write(path, folder, size, errno);
  int reason = write_all(file, pieces, count);
  if (close(file) != 0 && reason == 0)
    reason = errno;
  if (reason != 0) {
    unlink(temporary);
    return fail_write(path, folder, size, reason);
  }
  return publish(temporary, path, size);
}
