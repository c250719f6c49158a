/* `beeline inspect` of any file. */
#include "fuzz/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_inspect(fuzz_file(0, data, size));
  return 0;
}
