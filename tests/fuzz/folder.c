/* A folder of pictures: flags, then entries of a counted name (a letter of it may begin a class) and counted bytes. */
#include "fuzz/fuzz.h"
#include "store/importer.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME = 80 };

/* "x/picture.png" from any bytes: one level of folders, no way out of it. */
static void make_name(char name[NAME], const uint8_t *bytes, size_t count) {
  size_t used = 0;
  bool deep = false;
  for (size_t i = 0; i < count && used < NAME - 1; i++) {
    const bool slash = bytes[i] == '/';
    if (bytes[i] == '\0' || (slash && (deep || used == 0)))
      continue;
    deep = deep || slash;
    name[used++] = (char)bytes[i];
  }
  name[used] = '\0';
  if (strstr(name, "..") != NULL)
    snprintf(name, NAME, "dots.png");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bl_options *options;
  bl_dataset dataset;
  size_t count, one;
  const uint8_t *flags = fuzz_take(&one, &data, &size, 1);
  if (options == NULL) {
    char folder[300];
    snprintf(folder, sizeof folder, "import.images=%s", fuzz_folder());
    options = fuzz_options((const char *[]){"import.format=folder", folder, NULL});
  }
  fuzz_folder_empty();
  options->import.grey = one == 1 && (flags[0] & 1) != 0;
  options->import.resize = one == 1 ? flags[0] >> 1 & 31 : 0;
  options->import.skip_bad = one == 1 && (flags[0] & 64) != 0;
  options->import.limit = one == 1 && flags[0] > 127;
  for (int entries = 0; size > 0 && entries < 8; entries++) {
    char name[NAME], path[512];
    const uint8_t *bytes = fuzz_take_counted(&count, &data, &size);
    make_name(name, bytes, count);
    const char *slash = strchr(name, '/');
    if (slash != NULL) {
      snprintf(path, sizeof path, "%s/%.*s", fuzz_folder(), (int)(slash - name), name);
      mkdir(path, 0700);
    }
    bytes = fuzz_take_counted(&count, &data, &size);
    fuzz_file_in_folder(name, bytes, count);
  }
  fuzz_begin();
  fuzz_check(bl_import(&dataset, options));
  bl_dataset_destroy(&dataset);
  fuzz_end();
  return 0;
}
