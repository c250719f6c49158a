/* The binary version of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label byte and 3 × 32 × 32
 * pixel bytes, channels first. */
#include "base/memory.h"
#include "base/text.h"
#include "store/importer_format.h"
#include "store/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 32, CHANNELS = 3, CLASSES = 10, PIXELS = CHANNELS * SIDE * SIDE, RECORD = 1 + PIXELS, PATH_SIZE = 4096 };

static const char *const batches[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                      "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
enum { BATCHES = 6, TRAIN_BATCHES = 5 };

static bl_status join_path(char path[PATH_SIZE], const char *folder, const char *name) {
  if (snprintf(path, PATH_SIZE, "%s/%s", folder, name) >= PATH_SIZE)
    return bl_fail(BL_ERROR_INPUT, "the name of folder %.40s... is too long", folder);
  return BL_OK;
}

/* Records by the size of the file. */
static bl_status count_records(size_t *count, const char *path) {
  struct stat what;
  if (stat(path, &what) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: %s; import.images must be the folder of the binary version, with %s to %s and %s",
                   path, strerror(errno), batches[0], batches[TRAIN_BATCHES - 1], batches[TRAIN_BATCHES]);
  const size_t size = (size_t)what.st_size;
  if (S_ISREG(what.st_mode) && size == 0)
    return bl_fail(BL_ERROR_INPUT, "%s: is empty (0 bytes), expected whole records of %d bytes", path, RECORD);
  if (!S_ISREG(what.st_mode) || size % RECORD != 0)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: %zu bytes, %zu whole records and %zu bytes more, expected whole records of %d bytes", path, size,
                   size / RECORD, size % RECORD, RECORD);
  *count = size / RECORD;
  return BL_OK;
}

/* Append up to \a count records of a batch. */
static bl_status read_batch(bl_dataset *dataset, const char *path, size_t count) {
  bl_source source;
  unsigned char label;
  bl_status status;
  BL_TRY(bl_source_open(&source, path));
  for (size_t i = 0; i < count; i++) {
    BL_GOTO(bl_source_read(&source, &label, 1, "a label"));
    if (label >= CLASSES)
      BL_GOTO(bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: label of record %zu is %d, expected 0 to %d", path, i * RECORD, i,
                      label, CLASSES - 1));
    BL_GOTO(bl_source_read(&source, dataset->pixels + dataset->count * PIXELS, PIXELS, "3 x 32 x 32 pixels"));
    dataset->labels[dataset->count++] = label;
  }
  status = BL_OK;
done:
  bl_source_close(&source);
  return status;
}

/* One name a line, up to CLASSES of them. */
static bl_status read_lines(bl_dataset *dataset, int *count, FILE *file, const char *path) {
  char line[BL_DATASET_NAME + 8];
  for (int number = 1; *count < CLASSES && fgets(line, sizeof line, file) != NULL; number++) {
    size_t start = 0;
    if (number == 1)
      BL_TRY(bl_text_begin(&start, path, line, strlen(line)));
    const char *name = line + start;
    const size_t length = strcspn(name, "\r\n");
    if (length >= BL_DATASET_NAME)
      return bl_fail(BL_ERROR_INPUT, "%s:%d: a class name of more than %d bytes", path, number, BL_DATASET_NAME - 1);
    if (length > 0)
      memcpy(dataset->class_names[(*count)++], name, length);
  }
  return BL_OK;
}

/* batches.meta.txt may be missing, since nothing depends on it. */
static bl_status read_names(bl_dataset *dataset, const char *folder) {
  char path[PATH_SIZE];
  BL_TRY(join_path(path, folder, "batches.meta.txt"));
  FILE *file = fopen(path, "r");
  if (file == NULL)
    return BL_OK;
  bl_status status = bl_allocate(&dataset->class_names, CLASSES, sizeof *dataset->class_names);
  int count = 0;
  if (status == BL_OK)
    status = read_lines(dataset, &count, file, path);
  const bool empty = ftell(file) == 0;
  fclose(file);
  if (status == BL_OK && count < CLASSES)
    status = bl_fail(BL_ERROR_INPUT, "%s: %sfound %d class names, expected %d, one a line", path, empty ? "is empty: " : "",
                     count, CLASSES);
  return status;
}

bl_status bl_import_cifar10(bl_dataset *dataset, const bl_options *options) {
  const char *folder = options->import.images, *part = options->import.part;
  const size_t limit = options->import.limit > 0 ? (size_t)options->import.limit : SIZE_MAX;
  const bool train = strcmp(part, "train") == 0, test = strcmp(part, "test") == 0;
  size_t counts[BATCHES] = {0}, total = 0;
  char path[PATH_SIZE];
  if (!train && !test && part[0] != '\0')
    return bl_options_reject(options, "import.part", "train, test or \"\" (both)");
  const int first = test ? TRAIN_BATCHES : 0, last = train ? TRAIN_BATCHES : BATCHES;
  for (int i = first; i < last; i++) {
    BL_TRY(join_path(path, folder, batches[i]));
    BL_TRY(count_records(&counts[i], path));
    counts[i] = counts[i] < limit - total ? counts[i] : limit - total;
    total += counts[i];
  }
  dataset->channels = CHANNELS;
  dataset->height = SIDE;
  dataset->width = SIDE;
  dataset->classes = CLASSES;
  BL_TRY(bl_allocate(&dataset->pixels, total * PIXELS, 1));
  BL_TRY(bl_allocate(&dataset->labels, total, sizeof *dataset->labels));
  for (int i = first; i < last; i++) {
    BL_TRY(join_path(path, folder, batches[i]));
    BL_TRY(read_batch(dataset, path, counts[i]));
  }
  return read_names(dataset, folder);
}
