/* CIFAR-10's binary version: the counted bytes of batches.meta.txt, then test_batch.bin. */
#include "fuzz/fuzz.h"
#include "store/importer.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bl_options *options;
  bl_dataset dataset;
  size_t names;
  const uint8_t *name = fuzz_take_counted(&names, &data, &size);
  if (options == NULL) {
    char folder[300];
    snprintf(folder, sizeof folder, "import.images=%s", fuzz_folder());
    options = fuzz_options((const char *[]){"import.format=cifar10", "import.part=test", folder, NULL});
  }
  fuzz_file_in_folder("batches.meta.txt", name, names);
  fuzz_file_in_folder("test_batch.bin", data, size);
  fuzz_begin();
  fuzz_check(bl_import(&dataset, options));
  bl_dataset_destroy(&dataset);
  fuzz_end();
  return 0;
}
