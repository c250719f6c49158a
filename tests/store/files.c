#include "store/files.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

int scratch_create(void **state) {
  (void)state;
  const char *parent = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/beeline-test-XXXXXX", parent != NULL ? parent : "/tmp");
  return mkdtemp(folder) == NULL;
}

static void remove_folder(const char *path) {
  char entry_path[1024];
  struct stat what;
  chmod(path, 0755);
  DIR *stream = opendir(path);
  const struct dirent *entry;
  while (stream != NULL && (entry = readdir(stream)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    snprintf(entry_path, sizeof entry_path, "%s/%s", path, entry->d_name);
    if (lstat(entry_path, &what) == 0 && S_ISDIR(what.st_mode))
      remove_folder(entry_path);
    else
      unlink(entry_path);
  }
  if (stream != NULL)
    closedir(stream);
  rmdir(path);
}

int scratch_remove(void **state) {
  (void)state;
  remove_folder(folder);
  if (bl_memory_balance() != 0)
    print_error("%ld blocks of memory were not released\n", bl_memory_balance());
  return bl_memory_balance() != 0;
}

const char *scratch(const char *name) {
  static char paths[8][512];
  static int next = 0;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

int count_entries(const char *path, const char *text) {
  int count = 0;
  DIR *stream = opendir(path);
  assert_non_null(stream);
  const struct dirent *entry;
  while ((entry = readdir(stream)) != NULL)
    if (entry->d_name[0] != '.' && strstr(entry->d_name, text) != NULL)
      count++;
  closedir(stream);
  return count;
}

void write_bytes(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

size_t read_bytes(uint8_t **bytes, const char *path) {
  struct stat what;
  assert_int_equal(stat(path, &what), 0);
  const size_t size = (size_t)what.st_size;
  *bytes = malloc(size + 1);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fread(*bytes, 1, size, file), size);
  fclose(file);
  return size;
}

bool message_has(const char *text) {
  const bool has = strstr(bl_status_message(), text) != NULL;
  if (!has)
    print_error("the message is \"%s\", expected \"%s\" in it\n", bl_status_message(), text);
  bl_status_clear();
  return has;
}

bl_options *options_of(const char *const *sets) {
  bl_options *options = NULL;
  int count = 0;
  while (sets[count] != NULL)
    count++;
  if (bl_options_load(&options, NULL, count, sets) != BL_OK)
    fail_msg("%s", bl_status_message());
  return options;
}
