/* The record that a run goes on with. */
#include "fuzz/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_read_record(fuzz_file_in_folder("record.nc", data, size));
  return 0;
}
