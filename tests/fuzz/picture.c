/* PNG and JPEG files, and the same bytes as a block of EXIF alone. */
#include "store/exif.h"

#include "fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bl_picture picture;
  const int orientation = bl_exif_orientation(data, size);
  if (orientation < 1 || orientation > 8)
    abort();
  fuzz_begin();
  fuzz_check(bl_picture_read(&picture, fuzz_file(0, data, size)));
  bl_picture_destroy(&picture);
  fuzz_end();
  return 0;
}
