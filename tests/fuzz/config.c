/* Configurations: YAML, then after a zero byte an override as on the command line. */
#include "fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char set[256];
  const char *sets[1] = {set};
  size_t text = 0, length = 0;
  bl_options *options = NULL;
  fuzz_begin();
  while (text < size && data[text] != '\0')
    text++;
  if (text < size)
    length = size - text - 1 < sizeof set - 1 ? size - text - 1 : sizeof set - 1;
  if (length > 0)
    memcpy(set, data + text + 1, length);
  set[length] = '\0';
  fuzz_check(bl_options_parse(&options, "a/folder/fuzz.yaml", (const char *)data, text, length > 0, sets));
  bl_options_destroy(&options);
  fuzz_end();
  return 0;
}
