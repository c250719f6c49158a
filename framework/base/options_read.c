#include "base/options_read.h"

#include "base/memory.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { CLIPPED = 72 };

typedef struct reader {
  bl_options_merge *merge;
  bl_options_source source;
  const char *name;
  const char *text;   /* after its byte order mark */
  size_t size, start; /* bytes; those of the mark */
  yaml_parser_t parser;
  yaml_event_t event; /* the present one */
} reader;

bl_options_slot *bl_options_slot_find(bl_options_merge *merge, const char *key) {
  for (int i = 0; i < merge->slot_count; i++)
    if (strcmp(merge->slots[i].key, key) == 0)
      return &merge->slots[i];
  return NULL;
}

/* Bytes of the UTF-8 letter that begins at text; 0 when it is none, or a control character, or breaks a line for YAML. */
static size_t letter_size(const char *text, size_t length) {
  uint32_t letter = 0;
  const size_t size = bl_text_letter(&letter, text, length);
  const bool controls = letter < 0x20 || (letter >= 0x7F && letter < 0xA0) || letter == 0x2028 || letter == 0x2029;
  return controls || letter == 0xFEFF || letter == 0xFFFE || letter == 0xFFFF ? 0 : size;
}

/* ---- Messages ---------------------------------------------------------------------------------------------------------
 */

static bl_status refuse_line(const reader *r, size_t line, const char *format, va_list arguments) {
  char message[BL_MESSAGE_SIZE];
  vsnprintf(message, sizeof message, format, arguments);
  if (r->source == BL_SOURCE_ARGUMENT)
    return bl_fail(BL_ERROR_USAGE, "%s: %s", r->name, message);
  return bl_fail(BL_ERROR_USAGE, "%s:%zu: %s", r->name, line, message);
}

__attribute__((format(printf, 3, 4))) static bl_status refuse_at(const reader *r, size_t line, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  bl_status status = refuse_line(r, line, format, arguments);
  va_end(arguments);
  return status;
}

static size_t event_line(const reader *r) {
  return r->event.start_mark.line + 1;
}

__attribute__((format(printf, 2, 3))) static bl_status refuse(const reader *r, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  bl_status status = refuse_line(r, event_line(r), format, arguments);
  va_end(arguments);
  return status;
}

/* Where byte `offset` is, as a line; libyaml gives only the byte when the text itself is bad. */
static size_t line_of_byte(const reader *r, size_t offset) {
  size_t line = 1;
  for (size_t i = 0; i < offset && i < r->size; i++)
    line += r->text[i] == '\n';
  return line;
}

static bool indented_by_tab(const reader *r, size_t line) {
  const char *at = r->text;
  const char *end = r->text + r->size;
  while (line > 1 && at < end)
    line -= *at++ == '\n';
  while (at < end && *at == ' ')
    at++;
  return at < end && *at == '\t';
}

static bl_status refuse_syntax(const reader *r) {
  const yaml_parser_t *p = &r->parser;
  const char *problem = p->problem == NULL ? "unknown problem" : p->problem;
  if (p->error == YAML_MEMORY_ERROR)
    return bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", r->name);
  if (p->error == YAML_READER_ERROR)
    return refuse_at(r, line_of_byte(r, p->problem_offset), "byte %zu is not text in UTF-8: %s",
                     p->problem_offset + r->start, problem);
  size_t line = p->problem_mark.line + 1;
  char context[128] = "";
  if (p->context != NULL && p->context_mark.line + 1 != line)
    snprintf(context, sizeof context, " (%s of line %zu)", p->context, p->context_mark.line + 1);
  else if (p->context != NULL)
    snprintf(context, sizeof context, " (%s)", p->context);
  return refuse_at(r, line, "not valid YAML: %s%s%s", problem, context,
                   indented_by_tab(r, line) ? "; indent with spaces, not with tabs" : "");
}

static const char *expected_kind(const cyaml_schema_value_t *type) {
  switch (type->type) {
    case CYAML_INT:
      return "an integer";
    case CYAML_FLOAT:
      return "a number";
    case CYAML_BOOL:
      return "true or false";
    case CYAML_STRING:
      return "text";
    case CYAML_SEQUENCE:
      return "a list of integers such as [1, 2]";
    default:
      return "a section of keys (KEY: VALUE)";
  }
}

/* What the present event is, for a person. */
static void describe(char *found, size_t size, const reader *r) {
  if (r->event.type == YAML_SEQUENCE_START_EVENT) {
    snprintf(found, size, "a list");
  } else if (r->event.type == YAML_MAPPING_START_EVENT) {
    snprintf(found, size, "a section of keys");
  } else if (r->event.type == YAML_SCALAR_EVENT) {
    char clipped[CLIPPED];
    bl_text_clip(clipped, sizeof clipped, (const char *)r->event.data.scalar.value, r->event.data.scalar.length);
    if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
      snprintf(found, size, "the text \"%s\"", clipped);
    else
      snprintf(found, size, "%s", clipped[0] == '\0' ? "empty" : clipped);
  } else {
    snprintf(found, size, "empty");
  }
}

static bl_status refuse_type(const reader *r, const cyaml_schema_value_t *type, const char *key) {
  char found[CLIPPED + 16];
  describe(found, sizeof found, r);
  if (key[0] == '\0')
    return refuse(r, "the configuration is %s, expected keys with values, such as \"seed: 1\"", found);
  return refuse(r, "%s is %s, expected %s", key, found, expected_kind(type));
}

static bl_status refuse_unknown(const reader *r, const char *key) {
  char nearest[BL_OPTIONS_KEY];
  bl_options_schema_nearest(nearest, key);
  if (strcmp(nearest, key) == 0)
    return refuse(r, "%s is written with dots, expected a section of that name with the key indented below it", key);
  if (nearest[0] != '\0')
    return refuse(r, "there is no key %s; did you mean %s? (beeline --defaults lists all keys)", key, nearest);
  return refuse(r, "there is no key %s (beeline --defaults lists all keys)", key);
}

/* ---- Events -----------------------------------------------------------------------------------------------------------
 */

/* Step to the next event. What YAML has beyond plain trees is refused: it would surprise more than it would serve. */
static bl_status step(reader *r) {
  yaml_event_delete(&r->event);
  if (!yaml_parser_parse(&r->parser, &r->event))
    return refuse_syntax(r);
  const yaml_char_t *anchor = NULL;
  const yaml_char_t *tag = NULL;
  if (r->event.type == YAML_ALIAS_EVENT) {
    anchor = r->event.data.alias.anchor;
  } else if (r->event.type == YAML_SCALAR_EVENT) {
    anchor = r->event.data.scalar.anchor;
    tag = r->event.data.scalar.tag;
  } else if (r->event.type == YAML_SEQUENCE_START_EVENT) {
    anchor = r->event.data.sequence_start.anchor;
    tag = r->event.data.sequence_start.tag;
  } else if (r->event.type == YAML_MAPPING_START_EVENT) {
    anchor = r->event.data.mapping_start.anchor;
    tag = r->event.data.mapping_start.tag;
  }
  if (anchor != NULL)
    return refuse(r, "anchors and aliases (& and *) are not understood; write the value out");
  if (tag != NULL)
    return refuse(r, "tags (!) are not understood; write the plain value");
  return BL_OK;
}

/* ---- Values -----------------------------------------------------------------------------------------------------------
 */

static bl_status store(reader *r, const char *key, const char *value) {
  bl_options_slot *slot = bl_options_slot_find(r->merge, key);
  char *copy;
  BL_TRY(bl_allocate(&copy, strlen(value) + 1, 1));
  memcpy(copy, value, strlen(value));
  bl_free(&slot->value);
  slot->value = copy;
  if (r->source == BL_SOURCE_DEFAULT) {
    BL_TRY(bl_allocate(&slot->standard, strlen(value) + 1, 1));
    memcpy(slot->standard, value, strlen(value));
  }
  slot->source = r->source;
  slot->line = (int)event_line(r);
  slot->argument = r->source == BL_SOURCE_ARGUMENT ? r->name : NULL;
  slot->relative = r->merge->relative;
  return BL_OK;
}

static bl_status check_range(const reader *r, const char *key, const char *text, double value) {
  const char *expected = bl_options_schema_range(key, value);
  return expected == NULL ? BL_OK : refuse(r, "%s is %s, expected %s", key, text, expected);
}

/* The present scalar as a plain word, NULL when it is quoted, or has bytes that no number has. */
static const char *plain_word(const reader *r) {
  if (r->event.type != YAML_SCALAR_EVENT || r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
    return NULL;
  const char *word = (const char *)r->event.data.scalar.value;
  return r->event.data.scalar.length == 0 || strlen(word) != r->event.data.scalar.length ? NULL : word;
}

static bl_status read_integer(reader *r, int64_t *value, const cyaml_schema_value_t *type, const char *key) {
  const char *word = plain_word(r);
  const char *digits = word != NULL && (word[0] == '-' || word[0] == '+') ? word + 1 : word;
  if (digits == NULL || digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
    return refuse_type(r, type, key);
  errno = 0;
  long long number = strtoll(word, NULL, 10);
  long long largest = type->data_size == sizeof(int64_t) ? INT64_MAX : INT_MAX;
  char clipped[CLIPPED];
  bl_text_clip(clipped, sizeof clipped, word, strlen(word));
  if (errno == ERANGE || number > largest || number < -largest)
    return refuse(r, "%s is %s, expected an integer of at most %lld in magnitude", key, clipped, largest);
  *value = number;
  return check_range(r, key, clipped, (double)number);
}

static bl_status read_number(reader *r, const cyaml_schema_value_t *type, const char *key) {
  const char *word = plain_word(r);
  if (word == NULL || word[strspn(word, "0123456789+-.eE")] != '\0' || strpbrk(word, "0123456789") == NULL)
    return refuse_type(r, type, key);
  char *end;
  errno = 0;
  double number = strtod(word, &end);
  if (*end != '\0')
    return refuse_type(r, type, key);
  char clipped[CLIPPED];
  bl_text_clip(clipped, sizeof clipped, word, strlen(word));
  if (errno == ERANGE || !isfinite(number) || strlen(word) >= CLIPPED - 4)
    return refuse(r, "%s is %s, expected a number that fits double precision", key, clipped);
  BL_TRY(check_range(r, key, clipped, number));
  return store(r, key, word);
}

/* Whether a word is \a expected in one of the three spellings of YAML 1.1: true, True, TRUE. */
static bool is_word(const char *word, const char *expected) {
  bool small = true, large = true;
  if (strlen(word) != strlen(expected) || tolower((unsigned char)word[0]) != expected[0])
    return false;
  for (size_t i = 1; word[i] != '\0'; i++) {
    small = small && word[i] == expected[i];
    large = large && tolower((unsigned char)word[i]) == expected[i] && word[i] != expected[i];
  }
  return small || (large && word[0] != expected[0]);
}

static bl_status read_bool(reader *r, const cyaml_schema_value_t *type, const char *key) {
  static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "n", "y"};
  const char *word = plain_word(r);
  for (size_t i = 0; word != NULL && i < CYAML_ARRAY_LEN(words); i++)
    if (is_word(word, words[i]))
      return store(r, key, words[i % 2]);
  return refuse_type(r, type, key);
}

static bl_status read_text(reader *r, const cyaml_schema_value_t *type, const char *key) {
  if (r->event.type != YAML_SCALAR_EVENT)
    return refuse_type(r, type, key);
  const char *text = (const char *)r->event.data.scalar.value;
  size_t length = r->event.data.scalar.length;
  const char *word = plain_word(r);
  if (word != NULL && (strcmp(word, "~") == 0 || is_word(word, "null")))
    length = 0;
  char *quoted;
  BL_TRY(bl_allocate(&quoted, 2 * length + 3, 1));
  size_t count = 0;
  quoted[count++] = '"';
  for (size_t i = 0; i < length;) {
    const size_t letter = letter_size(text + i, length - i);
    if (letter == 0) {
      bl_free(&quoted);
      return refuse(r, "%s has a line break or another control character, expected one line of text", key);
    }
    if (text[i] == '"' || text[i] == '\\')
      quoted[count++] = '\\';
    memcpy(quoted + count, text + i, letter);
    count += letter;
    i += letter;
  }
  quoted[count] = '"';
  bl_status status = store(r, key, quoted);
  bl_free(&quoted);
  return status;
}

static bl_status read_list(reader *r, const cyaml_schema_value_t *type, const char *key) {
  if (r->event.type != YAML_SEQUENCE_START_EVENT)
    return refuse_type(r, type, key);
  char list[16 * BL_OPTIONS_LIST] = "[";
  size_t length = 1;
  for (int count = 0;; count++) {
    BL_TRY(step(r));
    if (r->event.type == YAML_SEQUENCE_END_EVENT)
      break;
    if (count == BL_OPTIONS_LIST)
      return refuse(r, "%s has more elements than %d, the most it can have", key, BL_OPTIONS_LIST);
    int64_t value = 0;
    BL_TRY(read_integer(r, &value, type->sequence.entry, key));
    length += (size_t)snprintf(list + length, sizeof list - length, "%s%d", count == 0 ? "" : ", ", (int)value);
  }
  snprintf(list + length, sizeof list - length, "]");
  return store(r, key, list);
}

static bl_status read_value(reader *r, const cyaml_schema_value_t *type, const char *key);

/* From the start of a mapping to its end. */
static bl_status read_section(reader *r, const cyaml_schema_value_t *type, const char *section) {
  size_t lines[BL_OPTIONS_FIELDS] = {0}; /* where each field was set, to find duplicates */
  for (;;) {
    BL_TRY(step(r));
    if (r->event.type == YAML_MAPPING_END_EVENT)
      return BL_OK;
    if (r->event.type != YAML_SCALAR_EVENT)
      return refuse(r, "a list or section is no name of a key");
    char name[CLIPPED];
    char key[BL_OPTIONS_KEY + CLIPPED];
    bl_text_clip(name, sizeof name, (const char *)r->event.data.scalar.value, r->event.data.scalar.length);
    snprintf(key, sizeof key, "%s%s%s", section, section[0] == '\0' ? "" : ".", name);
    const cyaml_schema_value_t *child = bl_options_schema_find(type, name, strlen(name));
    if (child == NULL)
      return refuse_unknown(r, key);
    const cyaml_schema_field_t *field = type->mapping.fields;
    size_t index = 0;
    while (&field[index].value != child)
      index++;
    if (lines[index] != 0)
      return refuse(r, "%s is set twice, first in line %zu", key, lines[index]);
    lines[index] = event_line(r);
    BL_TRY(step(r));
    BL_TRY(read_value(r, child, key));
  }
}

/* From the present event to the last of the value that it begins. */
static bl_status read_value(reader *r, const cyaml_schema_value_t *type, const char *key) {
  if (type->type == CYAML_STRING)
    return read_text(r, type, key);
  if (type->type == CYAML_BOOL)
    return read_bool(r, type, key);
  if (type->type == CYAML_FLOAT)
    return read_number(r, type, key);
  if (type->type == CYAML_SEQUENCE)
    return read_list(r, type, key);
  if (type->type == CYAML_INT) {
    int64_t value = 0;
    BL_TRY(read_integer(r, &value, type, key));
    char word[24];
    snprintf(word, sizeof word, "%lld", (long long)value);
    return store(r, key, word);
  }
  if (r->event.type == YAML_MAPPING_START_EVENT)
    return read_section(r, type, key);
  /* "learner:" with all its keys commented out */
  if (r->event.type == YAML_SCALAR_EVENT && r->event.data.scalar.length == 0 && key[0] != '\0')
    return BL_OK;
  return refuse_type(r, type, key);
}

static bl_status read_document(reader *r, const cyaml_schema_value_t *type, const char *key) {
  BL_TRY(step(r)); /* start of the stream */
  BL_TRY(step(r));
  if (r->event.type == YAML_STREAM_END_EVENT)
    return refuse_type(r, type, key);
  BL_TRY(step(r));
  BL_TRY(read_value(r, type, key));
  BL_TRY(step(r)); /* end of the document */
  BL_TRY(step(r));
  if (r->event.type != YAML_STREAM_END_EVENT)
    return refuse(r, "a second document starts here (---), expected one");
  return BL_OK;
}

bl_status bl_options_read(bl_options_merge *merge, bl_options_source source, const char *name, const char *text,
                          size_t size, const cyaml_schema_value_t *type, const char *key) {
  reader r = {.merge = merge, .source = source, .name = name};
  BL_TRY(bl_text_begin(&r.start, name, text, size));
  r.text = text + r.start;
  r.size = size - r.start;
  if (!yaml_parser_initialize(&r.parser))
    return bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", name);
  yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.size);
  bl_status status = read_document(&r, type, key);
  yaml_event_delete(&r.event);
  yaml_parser_delete(&r.parser);
  return status;
}
