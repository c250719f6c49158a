/* safetensors: the header, then all numbers. */
#include "store/safetensors.h"

#include "base/memory.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bl_safetensors file;
  fuzz_begin();
  bl_status status = bl_safetensors_open(&file, fuzz_file(0, data, size));
  for (size_t i = 0; status == BL_OK && i < file.tensor_count; i++) {
    const bl_safetensors_tensor *tensor = &file.tensors[i];
    float *values = NULL;
    if (bl_safetensors_find(&file, tensor->name) != tensor || tensor->end > size)
      abort();
    fuzz_check(bl_allocate(&values, bl_safetensors_count(tensor), sizeof *values));
    fuzz_check(bl_safetensors_read_finite(values, &file, tensor));
    bl_free(&values);
  }
  fuzz_check(status);
  bl_safetensors_close(&file);
  fuzz_end();
  return 0;
}
