/* IDX: the limit, the counted bytes of the images' file, then the labels' file, each perhaps gzipped. */
#include "fuzz/fuzz.h"
#include "store/importer.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bl_options *options;
  bl_dataset dataset;
  size_t images, one;
  const uint8_t *limit = fuzz_take(&one, &data, &size, 1);
  const uint8_t *image = fuzz_take_counted(&images, &data, &size);
  const char *image_file = fuzz_file(0, image, images), *label_file = fuzz_file(1, data, size);
  if (options == NULL) {
    char sets[2][128];
    snprintf(sets[0], sizeof sets[0], "import.images=%s", image_file);
    snprintf(sets[1], sizeof sets[1], "import.labels=%s", label_file);
    options = fuzz_options((const char *[]){"import.format=idx", sets[0], sets[1], NULL});
  }
  options->import.limit = one == 1 ? limit[0] : 0;
  fuzz_begin();
  fuzz_check(bl_import(&dataset, options));
  bl_dataset_destroy(&dataset);
  fuzz_end();
  return 0;
}
