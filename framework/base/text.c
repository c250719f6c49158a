#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
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

size_t bl_text_letter(const char *text, size_t length) {
  static const uint32_t least[] = {0, 0x20, 0xA0, 0x800, 0x10000}; /* smaller ones are controls, or fit into fewer bytes */
  const unsigned char first = (unsigned char)text[0];
  const size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || size > length)
    return 0;
  uint32_t letter = size == 1 ? first : first & (0x7Fu >> size);
  for (size_t i = 1; i < size; i++) {
    const unsigned char next = (unsigned char)text[i];
    if ((next & 0xC0) != 0x80)
      return 0;
    letter = letter << 6 | (next & 0x3F);
  }
  const bool breaks = letter == 0x7F || letter == 0x2028 || letter == 0x2029;
  const bool is_none = (letter >= 0xD800 && letter < 0xE000) || letter == 0xFEFF || letter == 0xFFFE || letter == 0xFFFF;
  return letter < least[size] || letter > 0x10FFFF || breaks || is_none ? 0 : size;
}

void bl_text_clip(char *clipped, size_t size, const char *text, size_t length) {
  const size_t room = size - sizeof "...";
  size_t count = 0;
  for (size_t i = 0; i < length;) {
    const size_t letter = bl_text_letter(text + i, length - i);
    const size_t bytes = letter == 0 ? 1 : letter;
    if (count + bytes > room) {
      memcpy(clipped + count, "...", sizeof "...");
      return;
    }
    if (letter == 0)
      clipped[count] = '?';
    else
      memcpy(clipped + count, text + i, letter);
    count += bytes;
    i += bytes;
  }
  clipped[count] = '\0';
}
