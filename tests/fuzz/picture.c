/* PNG and JPEG files. */
#include "store/picture.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bl_picture picture;
  fuzz_begin();
  fuzz_check(bl_picture_read(&picture, fuzz_file(0, data, size)));
  bl_picture_destroy(&picture);
  fuzz_end();
  return 0;
}
