/* Data sets and samples. */
#include "fuzz/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_read_dataset(fuzz_file(0, data, size));
  return 0;
}
