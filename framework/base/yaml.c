#include "base/yaml.h"

#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- Messages ------------------------------------------------------------------------------------------------------- */

size_t bl_yaml_line(const bl_yaml *yaml) {
  return yaml->event.start_mark.line + 1;
}

static bl_status refuse_line(const bl_yaml *yaml, size_t line, const char *format, va_list arguments) {
  char message[BL_MESSAGE_SIZE];
  vsnprintf(message, sizeof message, format, arguments);
  if (!yaml->is_file)
    return bl_fail(BL_ERROR_USAGE, "%s: %s", yaml->name, message);
  return bl_fail(BL_ERROR_USAGE, "%s:%zu: %s", yaml->name, line, message);
}

__attribute__((format(printf, 3, 4))) static bl_status refuse_at(const bl_yaml *yaml, size_t line, const char *format,
                                                                 ...) {
  va_list arguments;
  va_start(arguments, format);
  bl_status status = refuse_line(yaml, line, format, arguments);
  va_end(arguments);
  return status;
}

bl_status bl_yaml_refuse(const bl_yaml *yaml, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  bl_status status = refuse_line(yaml, bl_yaml_line(yaml), format, arguments);
  va_end(arguments);
  return status;
}

void bl_yaml_describe(char *found, size_t size, const bl_yaml *yaml) {
  const yaml_event_t *event = &yaml->event;
  if (event->type == YAML_SEQUENCE_START_EVENT) {
    snprintf(found, size, "a list");
  } else if (event->type == YAML_MAPPING_START_EVENT) {
    snprintf(found, size, "a section of keys");
  } else if (event->type == YAML_SCALAR_EVENT) {
    char clipped[BL_YAML_CLIPPED];
    bl_text_clip(clipped, sizeof clipped, (const char *)event->data.scalar.value, event->data.scalar.length);
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
      snprintf(found, size, "the text \"%s\"", clipped);
    else
      snprintf(found, size, "%s", clipped[0] == '\0' ? "empty" : clipped);
  } else {
    snprintf(found, size, "empty");
  }
}

bl_status bl_yaml_refuse_value(const bl_yaml *yaml, const char *key, const char *expected) {
  char found[BL_YAML_CLIPPED + 16];
  bl_yaml_describe(found, sizeof found, yaml);
  return bl_yaml_refuse(yaml, "%s is %s, expected %s", key, found, expected);
}

/* Where byte `offset` is, as a line; libyaml gives only the byte when the text itself is bad. */
static size_t line_of_byte(const bl_yaml *yaml, size_t offset) {
  size_t line = 1;
  for (size_t i = 0; i < offset && i < yaml->size; i++)
    line += yaml->text[i] == '\n';
  return line;
}

static bool indented_by_tab(const bl_yaml *yaml, size_t line) {
  const char *at = yaml->text;
  const char *end = yaml->text + yaml->size;
  while (line > 1 && at < end)
    line -= *at++ == '\n';
  while (at < end && *at == ' ')
    at++;
  return at < end && *at == '\t';
}

static bl_status refuse_syntax(const bl_yaml *yaml) {
  const yaml_parser_t *p = &yaml->parser;
  const char *problem = p->problem == NULL ? "unknown problem" : p->problem;
  if (p->error == YAML_MEMORY_ERROR)
    return bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", yaml->name);
  if (p->error == YAML_READER_ERROR)
    return refuse_at(yaml, line_of_byte(yaml, p->problem_offset), "byte %zu is not text in UTF-8: %s",
                     p->problem_offset + yaml->start, problem);
  size_t line = p->problem_mark.line + 1;
  char context[128] = "";
  if (p->context != NULL && p->context_mark.line + 1 != line)
    snprintf(context, sizeof context, " (%s of line %zu)", p->context, p->context_mark.line + 1);
  else if (p->context != NULL)
    snprintf(context, sizeof context, " (%s)", p->context);
  return refuse_at(yaml, line, "not valid YAML: %s%s%s", problem, context,
                   indented_by_tab(yaml, line) ? "; indent with spaces, not with tabs" : "");
}

/* ---- Events --------------------------------------------------------------------------------------------------------- */

bl_status bl_yaml_step(bl_yaml *yaml) {
  yaml_event_t *event = &yaml->event;
  yaml_event_delete(event);
  if (!yaml_parser_parse(&yaml->parser, event))
    return refuse_syntax(yaml);
  const yaml_char_t *anchor = NULL;
  const yaml_char_t *tag = NULL;
  if (event->type == YAML_ALIAS_EVENT) {
    anchor = event->data.alias.anchor;
  } else if (event->type == YAML_SCALAR_EVENT) {
    anchor = event->data.scalar.anchor;
    tag = event->data.scalar.tag;
  } else if (event->type == YAML_SEQUENCE_START_EVENT) {
    anchor = event->data.sequence_start.anchor;
    tag = event->data.sequence_start.tag;
  } else if (event->type == YAML_MAPPING_START_EVENT) {
    anchor = event->data.mapping_start.anchor;
    tag = event->data.mapping_start.tag;
  }
  if (anchor != NULL)
    return bl_yaml_refuse(yaml, "anchors and aliases (& and *) are not understood; write the value out");
  if (tag != NULL)
    return bl_yaml_refuse(yaml, "tags (!) are not understood; write the plain value");
  return BL_OK;
}

bl_status bl_yaml_open(bl_yaml *yaml, const char *name, bool is_file, const char *text, size_t size) {
  *yaml = (bl_yaml){.name = name, .is_file = is_file};
  BL_TRY(bl_text_begin(&yaml->start, name, text, size));
  yaml->text = text + yaml->start;
  yaml->size = size - yaml->start;
  if (!yaml_parser_initialize(&yaml->parser))
    return bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", name);
  yaml_parser_set_encoding(&yaml->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&yaml->parser, (const unsigned char *)yaml->text, yaml->size);
  BL_TRY(bl_yaml_step(yaml)); /* start of the stream */
  BL_TRY(bl_yaml_step(yaml));
  return yaml->event.type == YAML_STREAM_END_EVENT ? BL_OK : bl_yaml_step(yaml);
}

bl_status bl_yaml_finish(bl_yaml *yaml) {
  BL_TRY(bl_yaml_step(yaml)); /* end of the document */
  BL_TRY(bl_yaml_step(yaml));
  if (yaml->event.type != YAML_STREAM_END_EVENT)
    return bl_yaml_refuse(yaml, "a second document starts here (---), expected one");
  return BL_OK;
}

void bl_yaml_close(bl_yaml *yaml) {
  yaml_event_delete(&yaml->event);
  yaml_parser_delete(&yaml->parser);
}

/* ---- Words and texts ------------------------------------------------------------------------------------------------ */

const char *bl_yaml_word(const bl_yaml *yaml) {
  if (yaml->event.type != YAML_SCALAR_EVENT || yaml->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
    return NULL;
  const char *word = (const char *)yaml->event.data.scalar.value;
  const size_t length = yaml->event.data.scalar.length;
  return length == 0 || strlen(word) != length ? NULL : word;
}

bool bl_yaml_is_word(const char *word, const char *expected) {
  bool small = true, large = true;
  if (strlen(word) != strlen(expected) || tolower((unsigned char)word[0]) != expected[0])
    return false;
  for (size_t i = 1; word[i] != '\0'; i++) {
    small = small && word[i] == expected[i];
    large = large && tolower((unsigned char)word[i]) == expected[i] && word[i] != expected[i];
  }
  return small || (large && word[0] != expected[0]);
}

/* Bytes of the UTF-8 letter that begins at text; 0 when it is none, or a control character, or breaks a line for YAML. */
static size_t letter_size(const char *text, size_t length) {
  uint32_t letter = 0;
  const size_t size = bl_text_letter(&letter, text, length);
  const bool controls = letter < 0x20 || (letter >= 0x7F && letter < 0xA0) || letter == 0x2028 || letter == 0x2029;
  return controls || letter == 0xFEFF || letter == 0xFFFE || letter == 0xFFFF ? 0 : size;
}

bl_status bl_yaml_text(const char **text, const bl_yaml *yaml, const char *key) {
  if (yaml->event.type != YAML_SCALAR_EVENT)
    return bl_yaml_refuse_value(yaml, key, "text");
  const char *word = bl_yaml_word(yaml);
  *text = "";
  if (word != NULL && (strcmp(word, "~") == 0 || bl_yaml_is_word(word, "null")))
    return BL_OK;
  const char *value = (const char *)yaml->event.data.scalar.value;
  const size_t length = yaml->event.data.scalar.length;
  for (size_t i = 0; i < length;) {
    const size_t letter = letter_size(value + i, length - i);
    if (letter == 0)
      return bl_yaml_refuse(yaml, "%s has a line break or another control character, expected one line of text", key);
    i += letter;
  }
  *text = value;
  return BL_OK;
}
