#include "store/importer.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/importer_format.h"

#include <stdio.h>
#include <string.h>

typedef struct importer {
  const char *name;
  bl_status (*import)(bl_dataset *dataset, const bl_options *options);
} importer;

static const importer table[] = {
    {"idx", bl_import_idx},
    {"cifar10", bl_import_cifar10},
    {"folder", bl_import_folder},
    {"swiss_roll", bl_import_swiss_roll},
};

/* Scale pixels so that the source's highest value becomes 255. */
static bl_status scale(bl_dataset *dataset, const bl_options *options) {
  const unsigned maximum = (unsigned)options->import.maximum;
  const size_t count = dataset->count * bl_dataset_sample_size(dataset);
  if (dataset->pixels == NULL || maximum == 255)
    return BL_OK;
  for (size_t i = 0; i < count; i++) {
    if (dataset->pixels[i] > maximum)
      return bl_options_reject(options, "import.maximum", "at least %d: element %zu of sample %zu has this value",
                               dataset->pixels[i], i % bl_dataset_sample_size(dataset),
                               i / bl_dataset_sample_size(dataset));
    dataset->pixels[i] = (uint8_t)((dataset->pixels[i] * 255U + maximum / 2) / maximum);
  }
  return BL_OK;
}

/* Centre every image in a black square. */
static bl_status pad(bl_dataset *dataset, const bl_options *options) {
  const int side = options->import.pad;
  if (dataset->pixels == NULL || side == 0)
    return BL_OK;
  if (side < dataset->height || side < dataset->width || side > 16384)
    return bl_options_reject(options, "import.pad", "0 or from %d to 16384, since the images are %d x %d",
                             dataset->height > dataset->width ? dataset->height : dataset->width, dataset->height,
                             dataset->width);
  const size_t planes = dataset->count * (size_t)dataset->channels, plane = (size_t)side * (size_t)side;
  const size_t height = (size_t)dataset->height, width = (size_t)dataset->width;
  const size_t top = ((size_t)side - height) / 2, left = ((size_t)side - width) / 2;
  uint8_t *padded;
  BL_TRY(bl_allocate(&padded, planes * plane, 1));
  for (size_t p = 0; p < planes; p++)
    for (size_t y = 0; y < height; y++)
      memcpy(padded + p * plane + (top + y) * (size_t)side + left, dataset->pixels + (p * height + y) * width, width);
  bl_free(&dataset->pixels);
  dataset->pixels = padded;
  dataset->height = side;
  dataset->width = side;
  return BL_OK;
}

/* Keys that mean something to some formats only. */
static const struct {
  const char *key, *formats;
} special[] = {
    {"import.images", "idx, cifar10, folder"},
    {"import.labels", "idx"},
    {"import.part", "cifar10"},
    {"import.resize", "folder"},
    {"import.grey", "folder"},
    {"import.skip_bad", "folder"},
    {"import.pad", "idx, cifar10, folder"},
    {"import.maximum", "idx, cifar10, folder"},
    {"import.count", "swiss_roll"},
    {"import.noise", "swiss_roll"},
};

/* A key that would do nothing is refused, unless it has its default. */
static bl_status check_special(const bl_options *options) {
  for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
    if (strstr(special[i].formats, options->import.format) == NULL && bl_options_changed(options, special[i].key))
      return bl_options_reject(options, special[i].key, "its default: import.format is %s, and only %s has a use for it",
                               options->import.format, special[i].formats);
  return BL_OK;
}

/* Labels that no sample has are often a fault of the source: numbers from 1, or a class that was left out. */
static bl_status warn_gaps(const bl_dataset *dataset, const bl_options *options) {
  enum { LISTED = 10 };
  char list[16 * LISTED] = "";
  bool *seen;
  int gaps = 0;
  if (dataset->labels == NULL)
    return BL_OK;
  BL_TRY(bl_allocate(&seen, (size_t)dataset->classes, sizeof *seen));
  for (size_t i = 0; i < dataset->count; i++)
    seen[dataset->labels[i]] = true;
  for (int class = 0; class < dataset->classes; class ++) {
    if (seen[class])
      continue;
    const size_t used = strlen(list);
    if (gaps++ < LISTED)
      snprintf(list + used, sizeof list - used, "%s%d", used > 0 ? ", " : "", class);
  }
  bl_free(&seen);
  if (gaps > 0)
    bl_warn("%s: no sample has label %s%s (%d of %d classes are empty)%s",
            options->import.labels[0] != '\0' ? options->import.labels : options->import.images, list,
            gaps > LISTED ? ", ..." : "", gaps, dataset->classes,
            options->import.limit > 0 ? "; import.limit leaves samples out" : "");
  return BL_OK;
}

static bl_status check(const bl_options *options) {
  const bl_options_import *import = &options->import;
  if (strcmp(import->format, "swiss_roll") != 0 && import->images[0] == '\0')
    return bl_options_reject(options, "import.images", "the file or folder to import");
  return BL_OK;
}

bl_status bl_import(bl_dataset *dataset, const bl_options *options) {
  const importer *found = NULL;
  memset(dataset, 0, sizeof *dataset);
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (strcmp(table[i].name, options->import.format) == 0)
      found = &table[i];
  if (found == NULL)
    return bl_options_reject(options, "import.format", "one of idx, cifar10, folder, swiss_roll");
  BL_TRY(check(options));
  BL_TRY(check_special(options));
  bl_status status = found->import(dataset, options);
  if (status == BL_OK)
    status = scale(dataset, options);
  if (status == BL_OK)
    status = pad(dataset, options);
  if (status == BL_OK)
    status = warn_gaps(dataset, options);
  if (status != BL_OK)
    bl_dataset_destroy(dataset);
  return status;
}
