#include "store/json.h"

#include "base/memory.h"
#include "base/text.h"
#include "store/output.h"
#include "store/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 16, DEPTH = 32 };

/* jansson calls itself for each level. */
static bl_status check_depth(const char *path, const char *text, size_t size) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '"')
      quoted = !quoted;
    else if (quoted && text[i] == '\\')
      i++;
    else if (!quoted)
      depth += (text[i] == '{' || text[i] == '[') - (text[i] == '}' || text[i] == ']');
    if (depth > DEPTH)
      return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: found JSON nested more than %d deep, expected less", path, i, DEPTH);
  }
  return BL_OK;
}

static bl_status parse(json_t **json, const char *path, const char *text, size_t size) {
  json_error_t error;
  BL_TRY(check_depth(path, text, size));
  *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
  if (*json == NULL)
    return bl_fail(BL_ERROR_INPUT, "%s: line %d, at byte %d: no JSON: %s", path, error.line, error.position, error.text);
  if (json_is_object(*json))
    return BL_OK;
  json_decref(*json);
  *json = NULL;
  return bl_fail(BL_ERROR_INPUT, "%s: at byte 0: found a list, expected an object in braces", path);
}

bl_status bl_json_read(json_t **json, const char *path) {
  bl_source source;
  char *text = NULL;
  bl_status status = BL_OK;
  *json = NULL;
  BL_TRY(bl_source_open(&source, path));
  const size_t size = source.size;
  if (size > LARGEST)
    BL_GOTO(bl_fail(BL_ERROR_INPUT, "%s: found %zu bytes, expected at most %d of JSON", path, size, LARGEST));
  BL_GOTO(bl_allocate(&text, size, 1));
  BL_GOTO(bl_source_read(&source, text, size, "JSON"));
  status = parse(json, path, text, size);
done:
  bl_free(&text);
  bl_source_close(&source);
  return status;
}

const char *bl_json_text(char *text, size_t size, const json_t *value) {
  char *json = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
  bl_text_clip(text, size, json != NULL ? json : "?", json != NULL ? strlen(json) : 1);
  free(json);
  return text;
}

bl_status bl_json_write(const char *path, json_t *json) {
  char *text = json != NULL ? json_dumps(json, JSON_INDENT(2)) : NULL;
  json_decref(json);
  if (text == NULL)
    return bl_fail(BL_ERROR_SYSTEM, "%s: out of memory for its text", path);
  const bl_bytes pieces[2] = {{text, strlen(text)}, {"\n", 1}};
  const bl_status status = bl_output_write(path, pieces, 2);
  free(text);
  return status;
}
