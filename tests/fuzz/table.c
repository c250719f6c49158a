/* The file of `beeline table`. */
#include "table/file.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool started;
  bl_table_file *file = NULL;
  if (!started)
    fuzz_mpi();
  started = true;
  fuzz_begin();
  fuzz_check(bl_table_file_read(&file, fuzz_file(0, data, size), MPI_COMM_SELF));
  bl_table_file_destroy(&file);
  fuzz_end();
  return 0;
}
