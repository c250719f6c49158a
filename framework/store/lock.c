#include "store/lock.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, TEXT = 72, CONTENT = 1024, WHO = 384 };

/* Seconds between signs of life; without one for as long as `silence`, an owner on another host is dead. */
static const double beat = 5, silence = 20;
/* Seconds that an owner that lives may need to end: a launcher returns before the last rank of a job that was killed is
 * gone. */
static const double patience = 5;
/* Seconds since the last sign of life after which there is no need to wait for another. */
static const double long_ago = 600;

/* Who has a lock. */
typedef struct owner {
  char host[TEXT], boot[TEXT], space[TEXT], job[TEXT], since[TEXT];
  long process;
  unsigned long long started; /* in ticks after boot, of the process */
  int restart;                /* of the job */
} owner;

struct bl_lock {
  char path[PATH_SIZE], folder[PATH_SIZE];
  owner self;
  int file;         /* guarded by mutex */
  dev_t device;     /* of the folder, as inode */
  ino_t inode;      /* */
  int made;         /* folders, the last ones of `folder` */
  bool locks;       /* whether the file system grants them */
  bool busy;        /* the last try failed since another process has it */
  bool beats, ends; /* the thread runs; it shall end (guarded by mutex) */
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t end;
};

/* ---- Who --------------------------------------------------------------------------------------------------------------
 */

static void read_line(char text[TEXT], const char *path) {
  FILE *file = fopen(path, "r");
  text[0] = '\0';
  if (file == NULL)
    return;
  if (fgets(text, TEXT, file) == NULL)
    text[0] = '\0';
  text[strcspn(text, "\n")] = '\0';
  fclose(file);
}

/* When a process of this machine was started, in ticks after boot; 0 where that cannot be told. */
static unsigned long long start_of(long process) {
  char path[64], text[1024] = "";
  unsigned long long started = 0;
  snprintf(path, sizeof path, "/proc/%ld/stat", process);
  FILE *file = fopen(path, "r");
  if (file == NULL)
    return 0;
  if (fgets(text, sizeof text, file) == NULL)
    text[0] = '\0';
  fclose(file);
  const char *at = strrchr(text, ')'); /* the name of the program may hold anything; 19 fields are between */
  for (int field = 0; at != NULL && field < 20; field++)
    at = strchr(at + 1, ' ');
  if (at != NULL)
    started = strtoull(at, NULL, 10);
  return started;
}

static void find_self(owner *self) {
  const char *job = getenv("SLURM_JOB_ID"), *restart = getenv("SLURM_RESTART_COUNT");
  *self = (owner){.process = (long)getpid()};
  if (gethostname(self->host, sizeof self->host - 1) != 0)
    self->host[0] = '\0';
  read_line(self->boot, "/proc/sys/kernel/random/boot_id");
  const ssize_t size = readlink("/proc/self/ns/pid", self->space, sizeof self->space - 1);
  self->space[size > 0 ? size : 0] = '\0';
  self->started = start_of(self->process);
  if (job == NULL)
    job = getenv("PBS_JOBID");
  snprintf(self->job, sizeof self->job, "%s", job != NULL ? job : "");
  self->restart = restart != NULL ? atoi(restart) : 0;
  bl_clock_utc(self->since, sizeof self->since);
}

static size_t write_owner(char content[CONTENT], const owner *self) {
  return (size_t)snprintf(content, CONTENT,
                          "Written to by a running beeline, which removes this file when it ends.\n"
                          "host %s\nprocess %ld\nsince %s\njob %s\nrestart %d\nboot %s\nstarted %llu\nspace %s\n",
                          self->host, self->process, self->since, self->job, self->restart, self->boot, self->started,
                          self->space);
}

static void take_field(char text[TEXT], const char *content, const char *name) {
  char start[TEXT];
  snprintf(start, sizeof start, "\n%s ", name);
  const char *at = strstr(content, start);
  text[0] = '\0';
  if (at == NULL)
    return;
  at += strlen(start);
  size_t length = strcspn(at, "\n");
  length = length < TEXT - 1 ? length : TEXT - 1;
  for (size_t i = 0; i < length; i++)
    text[i] = at[i] >= ' ' && at[i] < 127 ? at[i] : '?';
  text[length] = '\0';
}

/* \return whether it names anyone. */
static bool read_owner(owner *found, int file) {
  char content[CONTENT] = "", number[TEXT];
  const ssize_t size = pread(file, content, sizeof content - 1, 0);
  *found = (owner){0};
  if (size <= 0)
    return false;
  content[size] = '\0';
  take_field(found->host, content, "host");
  take_field(found->since, content, "since");
  take_field(found->job, content, "job");
  take_field(found->boot, content, "boot");
  take_field(found->space, content, "space");
  take_field(number, content, "process");
  found->process = strtol(number, NULL, 10);
  take_field(number, content, "started");
  found->started = strtoull(number, NULL, 10);
  take_field(number, content, "restart");
  found->restart = atoi(number);
  return found->process > 0;
}

static bool same_owner(const owner *a, const owner *b) {
  return a->process == b->process && a->started == b->started && strcmp(a->host, b->host) == 0 &&
         strcmp(a->boot, b->boot) == 0 && strcmp(a->since, b->since) == 0;
}

static void describe(char *text, size_t size, const owner *who) {
  snprintf(text, size, "process %ld on host %s%s%s, since %s", who->process, who->host, who->job[0] != '\0' ? ", job " : "",
           who->job, who->since);
}

/* ---- Alive or dead ----------------------------------------------------------------------------------------------------
 */

typedef enum verdict { DEAD, ALIVE, UNKNOWN } verdict;

static verdict judge(const owner *found, const owner *self) {
  const bool here = strcmp(found->boot, self->boot) == 0 && strcmp(found->space, self->space) == 0 &&
                    (self->boot[0] != '\0' || strcmp(found->host, self->host) == 0);
  if (here) {
    if (kill((pid_t)found->process, 0) != 0 && errno == ESRCH)
      return DEAD;
    return found->started != 0 && start_of(found->process) != found->started ? DEAD : ALIVE;
  }
  if (found->job[0] != '\0' && strcmp(found->job, self->job) == 0 && found->restart < self->restart)
    return DEAD; /* the job was put back into the queue */
  return UNKNOWN;
}

static void pause_for(double seconds) {
  const struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&time, NULL);
}

/* Opened anew, since only that makes a network file system look. */
static bool time_of_change(struct timespec *time, const char *path) {
  struct stat what = {0};
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const bool found = file >= 0 && fstat(file, &what) == 0;
  if (file >= 0)
    close(file);
  *time = what.st_mtim;
  return found;
}

/* Whether the owner of another host gives a sign of life. */
static bool shows_life(const char *path, const owner *found) {
  char who[WHO];
  struct timespec first, now;
  if (!time_of_change(&first, path) || difftime(time(NULL), first.tv_sec) > long_ago)
    return false;
  describe(who, sizeof who, found);
  bl_log("%s: waiting up to %.0f s to see whether %s still works here", path, silence, who);
  for (double waited = 0; waited < silence; waited += 0.5) {
    pause_for(0.5);
    if (!time_of_change(&now, path))
      return false;
    if (now.tv_sec != first.tv_sec || now.tv_nsec != first.tv_nsec)
      return true;
  }
  return false;
}

/* ---- The thread that shows that we live -------------------------------------------------------------------------------
 */

static void *show_life(void *context) {
  bl_lock *lock = context;
  pthread_mutex_lock(&lock->mutex);
  while (!lock->ends) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)beat;
    if (pthread_cond_timedwait(&lock->end, &lock->mutex, &until) == ETIMEDOUT && lock->file >= 0)
      (void)futimens(lock->file, NULL);
  }
  pthread_mutex_unlock(&lock->mutex);
  return NULL;
}

static void begin_beats(bl_lock *lock) {
  sigset_t all, present;
  sigfillset(&all); /* signals are for the rank's own thread */
  pthread_sigmask(SIG_SETMASK, &all, &present);
  lock->beats = pthread_create(&lock->thread, NULL, show_life, lock) == 0;
  pthread_sigmask(SIG_SETMASK, &present, NULL);
}

static void end_beats(bl_lock *lock) {
  if (!lock->beats)
    return;
  pthread_mutex_lock(&lock->mutex);
  lock->ends = true;
  pthread_cond_signal(&lock->end);
  pthread_mutex_unlock(&lock->mutex);
  pthread_join(lock->thread, NULL);
}

/* ---- Taking -----------------------------------------------------------------------------------------------------------
 */

static bl_status fail_open(const char *path, int reason) {
  char why[256];
  bl_output_explain(why, sizeof why, path, reason);
  return bl_fail(bl_output_refusal(reason), "%s: cannot be written: %s; choose another `output`", path, why);
}

static bl_status fail_taken(bl_lock *lock, const owner *found) {
  lock->busy = true;
  char who[WHO] = "another process";
  if (found->process > 0)
    describe(who, sizeof who, found);
  return bl_fail(BL_ERROR_USAGE, "output: in use: %s writes there (%s): wait for its end, or choose another --output", who,
                 lock->path);
}

/* The lock of the open file: whether we have it, and whether the file system grants any. */
static bool get_kernel_lock(bool *grants, int file) {
  int code;
  do
    code = flock(file, LOCK_EX | LOCK_NB);
  while (code != 0 && errno == EINTR);
  *grants = code == 0 || errno == EWOULDBLOCK;
  return code == 0;
}

static bool is_same(int file, const char *path) {
  struct stat a, b;
  return fstat(file, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bl_status write_content(const bl_lock *lock, int file) {
  char content[CONTENT];
  const size_t size = write_owner(content, &lock->self);
  if (ftruncate(file, 0) != 0 || pwrite(file, content, size, 0) != (ssize_t)size || fsync(file) != 0)
    return fail_open(lock->path, errno);
  return BL_OK;
}

/* Without locks: another file takes the place, and whoever was last has it. */
static bl_status put_in_place(bl_lock *lock) {
  char temporary[PATH_SIZE + TEXT + 32];
  owner found = {0};
  snprintf(temporary, sizeof temporary, "%s.%s-%ld.partial", lock->path, lock->self.host, lock->self.process);
  const int file = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0)
    return fail_open(lock->path, errno);
  bl_status status = write_content(lock, file);
  if (status == BL_OK && rename(temporary, lock->path) != 0)
    status = fail_open(lock->path, errno);
  pause_for(0.5); /* who judged the old owner at the same time is done by then */
  const int seen = status == BL_OK ? open(lock->path, O_RDONLY | O_CLOEXEC) : -1;
  if (status == BL_OK && (seen < 0 || !read_owner(&found, seen) || !same_owner(&found, &lock->self)))
    status = fail_taken(lock, &found);
  if (seen >= 0)
    close(seen);
  if (status == BL_OK) {
    close(lock->file);
    lock->file = file;
    return BL_OK;
  }
  close(file);
  unlink(temporary);
  return status;
}

/* What a dead owner was writing, of whatever host. */
static void remove_partial(const bl_lock *lock, const owner *dead) {
  char end[2 * TEXT], path[PATH_SIZE];
  const struct dirent *entry;
  const int size = snprintf(end, sizeof end, ".%s-%ld.partial", dead->host, dead->process);
  DIR *stream = opendir(lock->folder);
  while (stream != NULL && (entry = readdir(stream)) != NULL) {
    const size_t length = strlen(entry->d_name);
    if (length > (size_t)size && strcmp(entry->d_name + length - (size_t)size, end) == 0 &&
        snprintf(path, sizeof path, "%s/%s", lock->folder, entry->d_name) < (int)sizeof path)
      unlink(path);
  }
  if (stream != NULL)
    closedir(stream);
}

/* The file was there before. */
static bl_status take_over(bl_lock *lock, bool locked) {
  owner found;
  char who[WHO];
  bool named = read_owner(&found, lock->file);
  for (int tries = 0; !named && !locked && tries < 4; tries++) { /* it is just being written */
    pause_for(0.25);
    named = read_owner(&found, lock->file);
  }
  const verdict life = named ? judge(&found, &lock->self) : DEAD;
  if (life == ALIVE || (life == UNKNOWN && shows_life(lock->path, &found)))
    return fail_taken(lock, &found);
  if (named) {
    describe(who, sizeof who, &found);
    bl_log("%s: left behind by %s, which is gone: taken over", lock->path, who);
    remove_partial(lock, &found);
  }
  return locked ? write_content(lock, lock->file) : put_in_place(lock);
}

/* One try. \param [out] again  whether the file went away in between. */
static bl_status try_to_take(bool *again, bl_lock *lock) {
  owner found = {0};
  *again = false;
  lock->file = open(lock->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  const bool fresh = lock->file >= 0;
  if (!fresh && errno == EEXIST)
    lock->file = open(lock->path, O_RDWR | O_CLOEXEC);
  *again = lock->file < 0 && errno == ENOENT;
  if (lock->file < 0)
    return fail_open(lock->path, errno);
  const bool locked = get_kernel_lock(&lock->locks, lock->file);
  if (lock->locks && !locked) {
    read_owner(&found, lock->file);
    return fail_taken(lock, &found);
  }
  if (!is_same(lock->file, lock->path)) { /* its owner has just deleted it */
    *again = true;
    return fail_taken(lock, &found);
  }
  return fresh ? write_content(lock, lock->file) : take_over(lock, locked);
}

static bl_status take(bl_lock *lock) {
  const double start = bl_clock_seconds();
  bool again, told = false;
  for (;;) {
    lock->busy = false;
    const bl_status status = try_to_take(&again, lock);
    const double waited = bl_clock_seconds() - start;
    if (status == BL_OK || (!again && !lock->busy) || waited > patience)
      return status;
    if (!told && !again)
      bl_log("%s; waiting up to %.0f s for its end", bl_status_message(), patience);
    told = told || !again;
    bl_status_clear();
    if (lock->file >= 0)
      close(lock->file);
    pause_for(again ? 0.01 : 0.1);
  }
}

bl_status bl_lock_take(bl_lock **lock, const char *path) {
  struct stat what = {0};
  bl_lock *l;
  BL_TRY(bl_allocate(lock, 1, sizeof **lock));
  l = *lock;
  l->file = -1;
  pthread_mutex_init(&l->mutex, NULL);
  pthread_cond_init(&l->end, NULL);
  find_self(&l->self);
  snprintf(l->path, sizeof l->path, "%s", path);
  const char *slash = strrchr(path, '/');
  const int length = slash == NULL ? 0 : slash == path ? 1 : (int)(slash - path);
  snprintf(l->folder, sizeof l->folder, "%.*s", length > 0 ? length : 1, length > 0 ? path : ".");
  bl_status status;
  const int reason = bl_output_make_folders(l->folder, &l->made);
  if (reason != 0)
    BL_GOTO(fail_open(l->folder, reason));
  BL_GOTO(take(l));
  if (stat(l->folder, &what) == 0) {
    l->device = what.st_dev;
    l->inode = what.st_ino;
  }
  if (!l->locks)
    bl_warn("%s: the file system grants no locks: a second run is kept away by what this file says", l->path);
  begin_beats(l);
done:
  if (status != BL_OK) {
    if (l->file >= 0)
      close(l->file);
    l->file = -1;
    bl_lock_release(lock);
  }
  return status;
}

/* ---- While it is ours -------------------------------------------------------------------------------------------------
 */

/* The file was deleted, the folder is the same. */
static bl_status put_back(bl_lock *lock) {
  bool grants;
  const int file = open(lock->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0)
    return bl_fail(BL_ERROR_SYSTEM, "%s: was deleted, and cannot be written again: %s", lock->path, strerror(errno));
  bl_warn("%s: was deleted while this run goes on; put back, since it keeps other runs away", lock->path);
  (void)get_kernel_lock(&grants, file);
  pthread_mutex_lock(&lock->mutex);
  close(lock->file);
  lock->file = file;
  pthread_mutex_unlock(&lock->mutex);
  return write_content(lock, file);
}

bl_status bl_lock_check(bl_lock *lock) {
  struct stat what;
  owner found = {0};
  if (lock == NULL)
    return BL_OK;
  const int missing = stat(lock->folder, &what) != 0 ? errno : 0;
  if (missing == ENOENT || missing == ENOTDIR ||
      (missing == 0 && (what.st_dev != lock->device || what.st_ino != lock->inode)))
    return bl_fail(BL_ERROR_SYSTEM, "output: the folder %s was removed or renamed while this run wrote into it; it ends",
                   lock->folder);
  if (is_same(lock->file, lock->path))
    return BL_OK;
  const int file = open(lock->path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return errno == ENOENT ? put_back(lock) : BL_OK; /* a disk that fails is told by what is written */
  const bool ours = !read_owner(&found, file) || same_owner(&found, &lock->self);
  close(file);
  char who[WHO];
  describe(who, sizeof who, &found);
  return ours ? BL_OK
              : bl_fail(BL_ERROR_SYSTEM, "output: %s has taken over what this run writes to (%s); this run ends", who,
                        lock->path);
}

/* Those that we made, while they are empty. */
static void remove_folders(bl_lock *lock) {
  char *folder = lock->folder;
  for (int i = 0; i < lock->made && rmdir(folder) == 0; i++) {
    char *slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder)
      return;
    *slash = '\0';
  }
}

void bl_lock_release(bl_lock **lock) {
  bl_lock *l = *lock;
  if (l == NULL)
    return;
  end_beats(l);
  if (l->file >= 0 && is_same(l->file, l->path))
    unlink(l->path);
  if (l->file >= 0)
    close(l->file);
  remove_folders(l);
  pthread_cond_destroy(&l->end);
  pthread_mutex_destroy(&l->mutex);
  bl_free(lock);
}

bool bl_lock_is_taken(char *text, size_t size, const char *path) {
  owner self, found;
  struct stat what;
  bool grants;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  find_self(&self);
  const bool named = read_owner(&found, file), free = get_kernel_lock(&grants, file);
  const verdict life = named ? judge(&found, &self) : DEAD;
  const bool late = fstat(file, &what) != 0 || difftime(time(NULL), what.st_mtim.tv_sec) > 3 * silence;
  close(file);
  describe(text, size, &found);
  return (grants && !free) || life == ALIVE || (life == UNKNOWN && !late);
}
