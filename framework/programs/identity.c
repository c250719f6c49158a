#include "programs/identity.h"

#include "base/log.h"
#include "base/memory.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "programs/files.h"
#include "store/container.h"
#include "store/provenance.h"

#include <inttypes.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_LENGTH = 4096, CHECKSUM = 9 };

/* A file that is written where it is missing is no input of the first session. */
static bool counts(const bl_identity *identity, const char *key) {
  return bl_files_reads(identity->reads, key) && strcmp(key, "metrics.reference") != 0;
}

void bl_identity_create(bl_identity *identity, const bl_options *options, const char *const *reads, bool extends) {
  char path[PATH_LENGTH], machine[BL_PROVENANCE_MACHINE];
  const char *key;
  uint32_t crc;
  size_t used = 0;
  *identity = (bl_identity){.options = options, .reads = reads, .extends = extends};
  for (int i = 0; bl_options_input(&key, path, sizeof path, options, i); i++) {
    if (path[0] == '\0' || !counts(identity, key) || used >= sizeof identity->inputs)
      continue;
    if (bl_container_content(&crc, path) == BL_OK)
      used += (size_t)snprintf(identity->inputs + used, sizeof identity->inputs - used, "%s%s %08" PRIx32,
                               used > 0 ? ", " : "", key, crc);
    else
      bl_status_clear();
  }
  bl_provenance_machine(machine);
  snprintf(identity->machine, sizeof identity->machine, "%s", machine);
}

/* ---- What a file says -------------------------------------------------------------------------------------------------
 */

typedef struct stored {
  const char *path;
  bl_options *options; /* NULL where they cannot be read */
  char why[256];       /* then */
  char digest[64], inputs[BL_IDENTITY_INPUTS];
} stored;

static bl_status read_stored(stored *found, const char *path) {
  char *text = NULL;
  int ncid;
  *found = (stored){.path = path};
  BL_TRY(bl_container_open(&ncid, path));
  bl_container_get_text(found->digest, sizeof found->digest, ncid, "digest");
  bl_container_get_text(found->inputs, sizeof found->inputs, ncid, "inputs");
  const bl_status status = bl_container_copy_text(&text, ncid, "configuration");
  nc_close(ncid);
  if (status == BL_OK && text[0] != '\0' && bl_options_parse_stored(&found->options, text) != BL_OK) {
    snprintf(found->why, sizeof found->why, "%s", bl_status_message());
    bl_status_clear();
  }
  bl_free(&text);
  return status;
}

/* ---- Differences ------------------------------------------------------------------------------------------------------
 */

typedef struct differences {
  char text[640];
  size_t used;
  int count;
  bool longer;
} differences;

static void add(differences *d, const char *key, const char *before, const char *now) {
  if (d->used < sizeof d->text)
    d->used += (size_t)snprintf(d->text + d->used, sizeof d->text - d->used, "%s%s was %s, is now %s",
                                d->count > 0 ? "; " : "", key, before, now);
  d->count++;
}

/* More rounds than before, and nothing else. */
static bool is_longer(const bl_identity *identity, const stored *found, const bl_options_change *change) {
  return identity->extends && strcmp(change->key, "learner.rounds") == 0 &&
         identity->options->learner.rounds > found->options->learner.rounds;
}

static void compare_keys(differences *d, const bl_identity *identity, const stored *found) {
  bl_options_change change;
  for (int i = 0; bl_options_difference(&change, found->options, identity->options, i); i++)
    if (is_longer(identity, found, &change))
      d->longer = true;
    else
      add(d, change.key, change.before, change.now);
}

/* The checksum of \a key in a list; false where it has none. */
static bool checksum_of(char checksum[CHECKSUM], const char *inputs, const char *key) {
  const size_t length = strlen(key);
  for (const char *at = inputs; at != NULL && *at != '\0'; at = strstr(at, ", "), at = at != NULL ? at + 2 : NULL)
    if (strncmp(at, key, length) == 0 && at[length] == ' ' && strlen(at) >= length + CHECKSUM) {
      snprintf(checksum, CHECKSUM, "%.8s", at + length + 1);
      return true;
    }
  return false;
}

static bool same_path(const char *a, const char *b) {
  struct stat first, second;
  return strcmp(a, b) == 0 ||
         (stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

static void compare_input(differences *d, const bl_identity *identity, const stored *found, const char *key,
                          const char *before, const char *now) {
  char old[CHECKSUM], new[CHECKSUM], words[320], was[64], is[64];
  const bool known = checksum_of(old, found->inputs, key) && checksum_of(new, identity->inputs, key);
  if (known && strcmp(old, new) == 0)
    return;
  if (known) {
    snprintf(words, sizeof words, "the content of %s (%.200s)", key, now);
    snprintf(was, sizeof was, "of checksum %s", old);
    snprintf(is, sizeof is, "of %s", new);
    add(d, words, was, is);
  } else if (!same_path(before, now) && !bl_options_digest_fits(identity->options, found->digest)) {
    add(d, key, before[0] != '\0' ? before : "\"\"", now[0] != '\0' ? now : "\"\"");
  }
}

static void compare_inputs(differences *d, const bl_identity *identity, const stored *found) {
  char before[PATH_LENGTH], now[PATH_LENGTH];
  const char *key;
  for (int i = 0; bl_options_input(&key, now, sizeof now, identity->options, i) &&
                  bl_options_input(&key, before, sizeof before, found->options, i);
       i++)
    if (counts(identity, key))
      compare_input(d, identity, found, key, before, now);
}

static void add_unreadable(differences *d, const bl_identity *identity, const stored *found) {
  char words[320];
  snprintf(words, sizeof words, "its configuration, which this version cannot read%s%s%s, of digest",
           found->why[0] != '\0' ? " (" : "", found->why, found->why[0] != '\0' ? ")" : "");
  add(d, words, found->digest, bl_options_digest(identity->options));
}

bl_status bl_identity_check(bool *longer, const bl_identity *identity, const char *path) {
  differences d = {0};
  stored found;
  if (longer != NULL)
    *longer = false;
  BL_TRY(read_stored(&found, path));
  if (found.options != NULL) {
    compare_keys(&d, identity, &found);
    compare_inputs(&d, identity, &found);
  } else if (!bl_options_digest_fits(identity->options, found.digest)) {
    add_unreadable(&d, identity, &found);
  }
  bl_options_destroy(&found.options);
  if (d.count > 0)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: made with another configuration: %s: resume with the same one, choose another --output, or replace "
                   "what is there by --overwrite",
                   path, d.text);
  if (longer != NULL)
    *longer = d.longer;
  return BL_OK;
}

/* ---- Machines ---------------------------------------------------------------------------------------------------------
 */

void bl_identity_go_on(bl_identity *identity, const char *path, int64_t round) {
  char *before = NULL, now[BL_PROVENANCE_MACHINE];
  snprintf(now, sizeof now, "%.*s", (int)sizeof now - 1, identity->machine);
  if (bl_container_read_text(&before, path, "machine") != BL_OK)
    bl_status_clear();
  const char *latest = before != NULL ? strrchr(before, ';') : NULL;
  latest = latest != NULL ? strstr(latest, ": ") : NULL;
  latest = latest != NULL ? latest + 2 : before;
  if (latest != NULL && latest[0] != '\0' && strcmp(latest, now) != 0)
    bl_warn(
        "%s was computed on %s, and it goes on on %s: roundings differ, so that results will not have the bits of a run "
        "without this change",
        path, latest, now);
  if (before != NULL && before[0] != '\0' && strcmp(latest, now) != 0)
    snprintf(identity->machine, sizeof identity->machine, "%.800s; after round %" PRId64 ": %s", before, round, now);
  else if (before != NULL && before[0] != '\0')
    snprintf(identity->machine, sizeof identity->machine, "%s", before);
  bl_free(&before);
}

bl_status bl_identity_tell_machines(MPI_Comm comm) {
  char own[BL_PROVENANCE_MACHINE] = "", *all = NULL;
  int rank, size;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &size)));
  if (size == 1)
    return BL_OK;
  bl_provenance_machine(own);
  BL_TRY(bl_allocate(&all, (size_t)size * sizeof own, 1));
  bl_status status = BL_MPI_SYNCHRONISED(MPI_Allgather(own, sizeof own, MPI_CHAR, all, sizeof own, MPI_CHAR, comm), comm);
  int others = 0, first = 0;
  for (int i = size - 1; status == BL_OK && i > 0; i--)
    if (strcmp(all + (size_t)i * sizeof own, all) != 0) {
      others++;
      first = i;
    }
  if (others > 0)
    bl_warn(
        "%d of %d ranks compute otherwise than rank 0, so that bits depend on which rank does what: rank %d on %s, rank 0 "
        "on %s; DNNL_MAX_CPU_ISA and compute.threads make them alike",
        others, size, first, all + (size_t)first * sizeof own, all);
  bl_free(&all);
  return status;
}
