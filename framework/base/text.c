#include "base/text.h"

#include <stdio.h>
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

size_t bl_text_letter(uint32_t *letter, const char *text, size_t length) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* smaller ones fit into fewer bytes */
  const unsigned char first = (unsigned char)text[0];
  const size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || size > length)
    return 0;
  uint32_t code = size == 1 ? first : first & (0x7Fu >> size);
  for (size_t i = 1; i < size; i++) {
    const unsigned char next = (unsigned char)text[i];
    if ((next & 0xC0) != 0x80)
      return 0;
    code = code << 6 | (next & 0x3F);
  }
  *letter = code;
  return code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : size;
}

static bool commands(uint32_t letter) {
  return letter < 0x20 || (letter >= 0x7F && letter < 0xA0) || letter == 0x061C || letter == 0x200E || letter == 0x200F ||
         (letter >= 0x2028 && letter <= 0x202E) || (letter >= 0x2066 && letter <= 0x2069) || letter == 0xFEFF;
}

size_t bl_text_show(char *shown, const char *text, size_t length) {
  uint32_t letter = 0;
  const size_t size = bl_text_letter(&letter, text, length);
  const char *named = size == 1 && letter != 0 ? strchr("\nn\rr\tt", (int)letter) : NULL;
  if (size > 0 && !commands(letter)) {
    memcpy(shown, text, size);
    shown[size] = '\0';
  } else if (named != NULL && letter < 0x20) {
    snprintf(shown, BL_LETTER_SIZE, "\\%c", named[1]);
  } else if (size < 2) {
    snprintf(shown, BL_LETTER_SIZE, "\\x%02x", (unsigned)(unsigned char)text[0]);
  } else {
    snprintf(shown, BL_LETTER_SIZE, "\\u%04x", (unsigned)letter);
  }
  return size > 0 ? size : 1;
}

void bl_text_escape(char *shown, size_t size, const char *text, bool lines) {
  char letter[BL_LETTER_SIZE];
  size_t used = 0, length = strlen(text);
  while (length > 0) {
    const size_t taken = bl_text_show(letter, text, length);
    const char *piece = lines && *text == '\n' ? "\n" : letter;
    if (used + strlen(piece) >= size)
      break;
    memcpy(shown + used, piece, strlen(piece));
    used += strlen(piece);
    text += taken;
    length -= taken;
  }
  shown[used] = '\0';
}

void bl_text_clip(char *clipped, size_t size, const char *text, size_t length) {
  const size_t room = size - sizeof "...";
  char letter[BL_LETTER_SIZE];
  size_t count = 0;
  while (length > 0) {
    const size_t taken = bl_text_show(letter, text, length);
    if (count + strlen(letter) > room) {
      memcpy(clipped + count, "...", sizeof "...");
      return;
    }
    memcpy(clipped + count, letter, strlen(letter));
    count += strlen(letter);
    text += taken;
    length -= taken;
  }
  clipped[count] = '\0';
}
