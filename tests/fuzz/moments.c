/* Moments of Analytic-DPM. */
#include "fuzz/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_read_moments(fuzz_file(0, data, size));
  return 0;
}
