#include "store/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, WHY_SIZE = 256 };

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

/* The file that \a path leads to: links are followed, also to where there is nothing yet. */
static bl_status resolve(char target[PATH_SIZE], const char *path) {
  enum { MOST_LINKS = 40 };
  const size_t length = strlen(path);
  if (length == 0)
    return bl_fail(BL_ERROR_USAGE, "the name of the file to write is empty; set `output`");
  if (length >= PATH_SIZE)
    return bl_fail(BL_ERROR_USAGE, "the name of the file to write has %zu characters, expected fewer than %d: %.40s...",
                   length, PATH_SIZE, path);
  memcpy(target, path, length + 1);
  for (int links = 0; links < MOST_LINKS; links++) {
    char link[PATH_SIZE], folder[PATH_SIZE];
    const ssize_t size = readlink(target, link, sizeof link - 1);
    if (size < 0)
      return BL_OK;
    link[size] = '\0';
    memcpy(folder, target, strlen(target) + 1);
    cut_last_name(folder);
    if (link[0] == '/')
      memcpy(target, link, (size_t)size + 1);
    else if (snprintf(target, PATH_SIZE, "%.*s/%s", (int)(PATH_SIZE - 2 - size), folder, link) >= PATH_SIZE)
      break;
  }
  return bl_fail(BL_ERROR_USAGE, "%s: cannot be written: too many symbolic links, or a path that is too long", path);
}

/* The folder in which \a path will be written. */
static bl_status folder_of(char folder[PATH_SIZE], const char *path) {
  BL_TRY(resolve(folder, path));
  cut_last_name(folder);
  return BL_OK;
}

/* "a device", NULL for a regular file. */
static const char *kind_of(const struct stat *what) {
  return S_ISREG(what->st_mode)    ? NULL
         : S_ISDIR(what->st_mode)  ? "a folder"
         : S_ISFIFO(what->st_mode) ? "a pipe"
         : S_ISSOCK(what->st_mode) ? "a socket"
                                   : "a device";
}

/* Only a regular file may be replaced. */
static bl_status check_replaced(bl_status failure, const char *path) {
  struct stat what;
  if (stat(path, &what) != 0)
    return BL_OK;
  if (kind_of(&what) != NULL)
    return bl_fail(failure, "%s: is %s, expected the name of a file to write", path, kind_of(&what));
  if (access(path, W_OK) != 0 && errno == EACCES)
    return bl_fail(failure, "%s: is protected against writing; choose another `output`, or allow it (chmod u+w)", path);
  return BL_OK;
}

bl_status bl_output_refusal(int reason) {
  return reason == ENOSPC || reason == EDQUOT ? BL_ERROR_STORAGE : BL_ERROR_USAGE;
}

static bl_status fail_trial(const char *path, const char *folder, int reason) {
  char why[WHY_SIZE];
  bl_output_explain(why, sizeof why, folder, reason);
  return bl_fail(bl_output_refusal(reason), "%s: cannot be written: folder %s: %s; choose another `output`", path, folder,
                 why);
}

bl_status bl_output_check(const char *path) {
  char folder[PATH_SIZE];
  struct stat what;
  BL_TRY(folder_of(folder, path));
  if (path[strlen(path) - 1] == '/')
    return bl_fail(BL_ERROR_USAGE, "%s: is a folder, expected the name of a file to write", path);
  BL_TRY(check_replaced(BL_ERROR_USAGE, path));
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
    return fail_trial(path, folder, errno);
  close(file);
  unlink(trial);
  return BL_OK;
}

/* ---- Inputs stay ------------------------------------------------------------------------------------------------------
 */

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool ends_with(const char *text, const char *end) {
  const size_t length = strlen(text), size = strlen(end);
  return length >= size && strcmp(text + length - size, end) == 0;
}

/* Whether the file \a what is below \a folder, as a file that is read there. */
static bool is_below(const char *folder, const struct stat *what, int depth) {
  enum { DEEPEST = 8 };
  bool found = false;
  const struct dirent *entry;
  DIR *stream = depth < DEEPEST ? opendir(folder) : NULL;
  while (stream != NULL && !found && (entry = readdir(stream)) != NULL) {
    char path[PATH_SIZE];
    struct stat about;
    if (entry->d_name[0] == '.' || ends_with(entry->d_name, ".nc") ||
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path || stat(path, &about) != 0)
      continue;
    found = S_ISDIR(about.st_mode) ? is_below(path, what, depth + 1) : same_file(&about, what);
  }
  if (stream != NULL)
    closedir(stream);
  return found;
}

/* Whether both lead to one name in one folder, where there is no file yet. */
static bool same_place(const char *a, const char *b) {
  char first[PATH_SIZE], second[PATH_SIZE], name[PATH_SIZE];
  struct stat left, right;
  if (resolve(first, a) != BL_OK || resolve(second, b) != BL_OK) {
    bl_status_clear();
    return false;
  }
  const char *slash = strrchr(first, '/');
  snprintf(name, sizeof name, "%s", slash == NULL ? first : slash + 1);
  slash = strrchr(second, '/');
  if (strcmp(name, slash == NULL ? second : slash + 1) != 0)
    return false;
  cut_last_name(first);
  cut_last_name(second);
  return stat(first, &left) == 0 && stat(second, &right) == 0 && same_file(&left, &right);
}

bl_status bl_output_apart(const char *path, const bl_input_file *inputs, int count) {
  struct stat output, input;
  const bool there = stat(path, &output) == 0;
  for (int i = 0; i < count; i++) {
    const bool read = stat(inputs[i].path, &input) == 0, folder = read && S_ISDIR(input.st_mode);
    if (!there && !read && same_place(path, inputs[i].path))
      return bl_fail(BL_ERROR_USAGE, "output: %s and %s (%s) would be one file; choose another --output", path,
                     inputs[i].name, inputs[i].path);
    if (there && read && (folder ? is_below(inputs[i].path, &output, 0) : same_file(&output, &input)))
      return bl_fail(BL_ERROR_USAGE,
                     "output: %s would replace %s%s (%s), which this command reads; choose another --output", path,
                     folder ? "a file of " : "", inputs[i].name, inputs[i].path);
  }
  return BL_OK;
}

/* ---- Why not ----------------------------------------------------------------------------------------------------------
 */

/* Of the file system that \a path is in, or would be. */
static bool ask_space(struct statvfs *space, const char *path) {
  char folder[PATH_SIZE];
  if ((size_t)snprintf(folder, sizeof folder, "%s", path) >= sizeof folder)
    return false;
  while (statvfs(folder, space) != 0) {
    if (strcmp(folder, ".") == 0 || strcmp(folder, "/") == 0)
      return false;
    cut_last_name(folder);
  }
  return true;
}

void bl_output_explain(char *text, size_t size, const char *path, int reason) {
  struct statvfs space;
  const bool known = ask_space(&space, path);
  if (reason == EDQUOT)
    snprintf(text, size, "%s: the quota of bytes or of files is used up (quota -s): delete files, or ask for more",
             strerror(reason));
  else if (reason == ENOSPC && known && space.f_files > 0 && space.f_favail == 0)
    snprintf(text, size, "%s: the file system has no inodes left (df -i): delete files that are not needed",
             strerror(reason));
  else if (reason == ENOSPC && known)
    snprintf(text, size, "%s: the file system has %llu bytes free", strerror(reason),
             (unsigned long long)space.f_bavail * space.f_frsize);
  else
    snprintf(text, size, "%s", strerror(reason));
}

/* ---- Writing ----------------------------------------------------------------------------------------------------------
 */

int bl_output_make_folders(char *folder, int *made) {
  *made = 0;
  for (char *cut = folder + 1;; cut++) {
    if (*cut != '/' && *cut != '\0')
      continue;
    const char end = *cut;
    *cut = '\0';
    const bool new = mkdir(folder, 0777) == 0;
    const int reason = errno;
    struct stat what;
    if (!new &&stat(folder, &what) != 0)
      return reason;
    *made = new ? *made + 1 : 0;
    *cut = end;
    if (end == '\0')
      return 0;
  }
}

/* The folders above \a path. */
static bl_status make_folders(char *folder, const char *path) {
  char why[WHY_SIZE];
  int made;
  const int reason = bl_output_make_folders(folder, &made);
  if (reason == 0)
    return BL_OK;
  bl_output_explain(why, sizeof why, folder, reason);
  return bl_fail(bl_output_status(reason), "%s: cannot make folder %s: %s", path, folder, why);
}

bl_status bl_output_status(int reason) {
  static const int reasons[] = {ENOSPC, EDQUOT, EFBIG, EIO, ESTALE, ENODEV, ENXIO, EROFS, ETIMEDOUT, ENOLINK};
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (reason == reasons[i])
      return BL_ERROR_STORAGE;
  return BL_ERROR_SYSTEM;
}

static bl_status fail_write(const char *path, size_t size, int reason) {
  char why[WHY_SIZE];
  bl_output_explain(why, sizeof why, path, reason);
  if (reason == ENOSPC || reason == EDQUOT)
    return bl_fail(BL_ERROR_STORAGE, "%s: %s; %zu bytes are needed; nothing was replaced", path, why, size);
  if (reason == EFBIG)
    return bl_fail(BL_ERROR_STORAGE,
                   "%s: %zu bytes are needed, above the limit of a file's size (ulimit -f); nothing was replaced", path,
                   size);
  return bl_fail(bl_output_status(reason), "%s: cannot be written: %s (%zu bytes are needed); nothing was replaced", path,
                 why, size);
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

static void host_name(char host[65]) {
  if (gethostname(host, 64) != 0)
    host[0] = '\0';
  host[64] = '\0';
}

/* \param [out] target  (PATH_SIZE) the file that \a path leads to. */
static bl_status begin(char *temporary, size_t size, char *target, const char *path) {
  char folder[PATH_SIZE], host[65] = "";
  BL_TRY(resolve(target, path));
  BL_TRY(folder_of(folder, path));
  BL_TRY(make_folders(folder, path));
  BL_TRY(check_replaced(BL_ERROR_SYSTEM, target));
  host_name(host);
  if ((size_t)snprintf(temporary, size, "%s.%s-%ld.partial", target, host, (long)getpid()) >= size)
    return bl_fail(BL_ERROR_USAGE, "the name of the file to write is too long: %.40s...", path);
  return BL_OK;
}

bl_status bl_output_begin(char *temporary, size_t size, const char *path) {
  char target[PATH_SIZE];
  return begin(temporary, size, target, path);
}

/* The file that is replaced hands on its permissions and, where that is allowed, its owner. */
static void keep_permissions(int file, const char *target) {
  struct stat old, new;
  if (stat(target, &old) != 0 || fstat(file, &new) != 0)
    return;
  if (old.st_uid != new.st_uid || old.st_gid != new.st_gid)
    (void)!fchown(file, old.st_uid, old.st_gid);
  if ((old.st_mode & 07777) != (new.st_mode & 07777))
    (void)!fchmod(file, old.st_mode & 07777);
}

/* Rename a synced file. */
static bl_status publish(const char *temporary, const char *target, size_t size) {
  char folder[PATH_SIZE];
  BL_TRY(folder_of(folder, target));
  if (rename(temporary, target) != 0) {
    const int reason = errno;
    unlink(temporary);
    return fail_write(target, size, reason);
  }
  const int reason = sync_folder(folder);
  if (reason != 0)
    return bl_fail(bl_output_status(reason), "%s: was written, but folder %s cannot be synced: %s", target, folder,
                   strerror(reason));
  return BL_OK;
}

bl_status bl_output_finish(const char *temporary, const char *path) {
  char target[PATH_SIZE];
  BL_TRY(resolve(target, path));
  const int file = open(temporary, O_RDONLY | O_CLOEXEC);
  struct stat what = {0};
  if (file >= 0)
    keep_permissions(file, target);
  const int reason = file < 0 || fsync(file) != 0 ? errno : 0;
  if (file >= 0) {
    fstat(file, &what);
    close(file);
  }
  if (reason != 0) {
    unlink(temporary);
    return bl_fail(bl_output_status(reason), "%s: cannot be written: %s", path, strerror(reason));
  }
  return publish(temporary, target, (size_t)what.st_size);
}

bl_status bl_output_write(const char *path, const bl_bytes *pieces, int count) {
  char folder[PATH_SIZE], target[PATH_SIZE], temporary[PATH_SIZE + 128];
  size_t size = 0;
  for (int i = 0; i < count; i++)
    size += pieces[i].size;
  BL_TRY(begin(temporary, sizeof temporary, target, path));
  BL_TRY(folder_of(folder, path));
  /* The limit is looked up instead of met, since meeting it kills a process that does not handle SIGXFSZ. */
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size > (uintmax_t)limit.rlim_cur)
    return fail_write(path, size, EFBIG);
  const int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0)
    return fail_write(path, size, errno);
  keep_permissions(file, target);
  int reason = write_all(file, pieces, count);
  if (close(file) != 0 && reason == 0)
    reason = errno;
  if (reason != 0) {
    unlink(temporary);
    return fail_write(path, size, reason);
  }
  return publish(temporary, target, size);
}

/* ---- What dead processes left -----------------------------------------------------------------------------------------
 */

bool bl_output_begins(const char *name, const char *const *beginnings) {
  while (*beginnings != NULL && strncmp(name, *beginnings, strlen(*beginnings)) != 0)
    beginnings++;
  return *beginnings != NULL;
}

/* Whether "model.nc.HOST-PID.partial" is of a process of this host that is not any more. */
static bool is_dead(const char *name, const char *host) {
  char rest[128];
  const char *dash = strrchr(name, '-');
  char *end;
  if (dash == NULL || !ends_with(name, ".partial"))
    return false;
  const long process = strtol(dash + 1, &end, 10);
  if (process <= 0 || strcmp(end, ".partial") != 0)
    return false;
  snprintf(rest, sizeof rest, ".%s-%ld.partial", host, process);
  return ends_with(name, rest) && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

void bl_output_sweep(const char *folder, const char *const *beginnings) {
  char host[65] = "", path[PATH_SIZE];
  const struct dirent *entry;
  DIR *stream = opendir(folder);
  host_name(host);
  while (stream != NULL && (entry = readdir(stream)) != NULL)
    if (bl_output_begins(entry->d_name, beginnings) && is_dead(entry->d_name, host) &&
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path)
      unlink(path);
  if (stream != NULL)
    closedir(stream);
}
