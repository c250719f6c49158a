/* Models and checkpoints. */
#include "fuzz/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_read_model(fuzz_file_in_folder("checkpoint-000001.nc", data, size));
  return 0;
}
