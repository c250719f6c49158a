#include "base/text.h"

#include <stdbool.h>
#include <string.h>

/* Whether the first four bytes are as in \a pattern, where '0' is a zero byte, 'x' another one, '*' any. */
static bool looks_like(const char *text, const char *pattern) {
  for (int i = 0; i < 4; i++)
    if ((pattern[i] == '0' && text[i] != '\0') || (pattern[i] == 'x' && text[i] == '\0'))
      return false;
  return true;
}

/* The encoding of more than one byte a letter that text begins in, NULL for none. Marks: ff fe and fe ff; without one, the
 * first letters are ASCII, as those of a key are. */
static const char *wide_encoding(const char *text, size_t size) {
  const bool little = size >= 2 && memcmp(text, "\xff\xfe", 2) == 0, big = size >= 2 && memcmp(text, "\xfe\xff", 2) == 0;
  if (size >= 4 && (looks_like(text, "x000") || (little && looks_like(text, "xx00"))))
    return "UTF-32LE";
  if (size >= 4 && (looks_like(text, "000x") || memcmp(text, "\0\0\xfe\xff", 4) == 0))
    return "UTF-32BE";
  if (little || (size >= 4 && looks_like(text, "x0x0")))
    return "UTF-16LE";
  return big || (size >= 4 && looks_like(text, "0x0x")) ? "UTF-16BE" : NULL;
}

bl_status bl_text_begin(size_t *start, const char *path, const char *text, size_t size) {
  const char *wide = wide_encoding(text, size);
  *start = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
  if (wide == NULL)
    return BL_OK;
  return bl_fail(BL_ERROR_USAGE,
                 "%s: is text in %s, expected UTF-8; save it as UTF-8, or convert it: iconv -f %s -t UTF-8 OLD > NEW", path,
                 wide, wide);
}
