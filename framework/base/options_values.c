#include "base/options_values.h"

#include "base/memory.h"
#include "base/options_removed.h"
#include "base/text.h"
#include "base/yaml.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
  bl_options_loaded *loaded;
  bl_options_source source;
  bl_yaml yaml;
  size_t lines[BL_OPTIONS_ROWS]; /* where each key was set, to find duplicates */
} reader;

const bl_options_loaded *bl_options_behind(const bl_options *options) {
  return (const bl_options_loaded *)options;
}

static bl_status copy(char **text, const char *original) {
  bl_free(text);
  BL_TRY(bl_allocate(text, strlen(original) + 1, 1));
  memcpy(*text, original, strlen(original));
  return BL_OK;
}

bl_status bl_options_set_defaults(bl_options_loaded *loaded) {
  for (int i = 0; i < bl_options_table_count; i++)
    if (bl_options_table[i].type != BL_OPTION_SECTION)
      BL_TRY(copy(&loaded->slots[i].text, bl_options_table[i].standard));
  return BL_OK;
}

bool bl_options_same(const bl_option *row, const char *a, const char *b) {
  return strcmp(a, b) == 0 || (row->type == BL_OPTION_NUMBER && strtod(a, NULL) == strtod(b, NULL));
}

/* ---- Values --------------------------------------------------------------------------------------------------------- */

static const char *kind(const bl_option *row) {
  static const char *const kinds[] = {
      [BL_OPTION_SECTION] = "a section of keys (KEY: VALUE)",
      [BL_OPTION_TEXT] = "text",
      [BL_OPTION_INPUT] = "text",
      [BL_OPTION_INTEGER] = "an integer",
      [BL_OPTION_LONG] = "an integer",
      [BL_OPTION_NUMBER] = "a number",
      [BL_OPTION_BOOL] = "true or false",
      [BL_OPTION_LIST] = "a list of integers such as [1, 2]",
  };
  return kinds[row->type];
}

static bl_status store(reader *r, const bl_option *row, const char *text) {
  bl_options_slot *slot = &r->loaded->slots[row - bl_options_table];
  BL_TRY(copy(&slot->text, text));
  slot->source = r->source;
  slot->line = (int)bl_yaml_line(&r->yaml);
  slot->argument = r->source == BL_SOURCE_ARGUMENT ? r->yaml.name : NULL;
  slot->relative = r->loaded->relative;
  return BL_OK;
}

static bl_status check_range(const reader *r, const bl_option *row, const char *text, double value) {
  const char *expected = bl_option_expects_number(row, value);
  return expected == NULL ? BL_OK : bl_yaml_refuse(&r->yaml, "%s is %s, expected %s", row->key, text, expected);
}

static bl_status read_integer(reader *r, int64_t *value, const bl_option *row, const char *expected) {
  const char *word = bl_yaml_word(&r->yaml);
  const char *digits = word != NULL && (word[0] == '-' || word[0] == '+') ? word + 1 : word;
  if (digits == NULL || digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
    return bl_yaml_refuse_value(&r->yaml, row->key, expected);
  errno = 0;
  long long number = strtoll(word, NULL, 10);
  long long largest = row->type == BL_OPTION_LONG ? INT64_MAX : INT_MAX;
  char clipped[BL_YAML_CLIPPED];
  bl_text_clip(clipped, sizeof clipped, word, strlen(word));
  if (errno == ERANGE || number > largest || number < -largest)
    return bl_yaml_refuse(&r->yaml, "%s is %s, expected an integer of at most %lld in magnitude", row->key, clipped,
                          largest);
  *value = number;
  return check_range(r, row, clipped, (double)number);
}

static bl_status read_whole(reader *r, const bl_option *row) {
  int64_t value = 0;
  char word[24];
  BL_TRY(read_integer(r, &value, row, kind(row)));
  snprintf(word, sizeof word, "%lld", (long long)value);
  return store(r, row, word);
}

static bl_status read_number(reader *r, const bl_option *row) {
  const char *word = bl_yaml_word(&r->yaml);
  if (word == NULL || word[strspn(word, "0123456789+-.eE")] != '\0' || strpbrk(word, "0123456789") == NULL)
    return bl_yaml_refuse_value(&r->yaml, row->key, kind(row));
  char *end;
  errno = 0;
  double number = strtod(word, &end);
  if (*end != '\0')
    return bl_yaml_refuse_value(&r->yaml, row->key, kind(row));
  char clipped[BL_YAML_CLIPPED];
  bl_text_clip(clipped, sizeof clipped, word, strlen(word));
  if (errno == ERANGE || !isfinite(number) || strlen(word) >= BL_YAML_CLIPPED - 4)
    return bl_yaml_refuse(&r->yaml, "%s is %s, expected a number that fits double precision", row->key, clipped);
  BL_TRY(check_range(r, row, clipped, number));
  return store(r, row, word);
}

static bl_status read_bool(reader *r, const bl_option *row) {
  static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "n", "y"};
  const char *word = bl_yaml_word(&r->yaml);
  for (size_t i = 0; word != NULL && i < sizeof words / sizeof *words; i++)
    if (bl_yaml_is_word(word, words[i]))
      return store(r, row, words[i % 2]);
  return bl_yaml_refuse_value(&r->yaml, row->key, kind(row));
}

static bl_status check_word(const reader *r, const bl_option *row, const char *text) {
  const char *expected = bl_option_expects_word(row, text);
  const bl_options_removal *removal = bl_options_removed(row->key, text);
  if (expected == NULL)
    return BL_OK;
  if (removal != NULL)
    return bl_yaml_refuse(&r->yaml, "%s: %s is gone since %s: %s", row->key, text, removal->since, removal->instead);
  char clipped[BL_YAML_CLIPPED];
  bl_text_clip(clipped, sizeof clipped, text, strlen(text));
  return bl_yaml_refuse(&r->yaml, "%s is \"%s\", expected %s", row->key, clipped, expected);
}

static bl_status read_text(reader *r, const bl_option *row) {
  const char *text = NULL;
  char *quoted;
  BL_TRY(bl_yaml_text(&text, &r->yaml, row->key));
  BL_TRY(check_word(r, row, text));
  BL_TRY(bl_allocate(&quoted, 2 * strlen(text) + 3, 1));
  size_t count = 0;
  quoted[count++] = '"';
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\')
      quoted[count++] = '\\';
    quoted[count++] = *text;
  }
  quoted[count] = '"';
  bl_status status = store(r, row, quoted);
  bl_free(&quoted);
  return status;
}

static bl_status read_list(reader *r, const bl_option *row) {
  if (r->yaml.event.type != YAML_SEQUENCE_START_EVENT)
    return bl_yaml_refuse_value(&r->yaml, row->key, kind(row));
  char list[16 * BL_OPTIONS_LIST] = "[";
  size_t length = 1;
  for (int count = 0;; count++) {
    BL_TRY(bl_yaml_step(&r->yaml));
    if (r->yaml.event.type == YAML_SEQUENCE_END_EVENT)
      break;
    if (count == BL_OPTIONS_LIST)
      return bl_yaml_refuse(&r->yaml, "%s has more elements than %d, the most it can have", row->key, BL_OPTIONS_LIST);
    int64_t value = 0;
    BL_TRY(read_integer(r, &value, row, "an integer"));
    length += (size_t)snprintf(list + length, sizeof list - length, "%s%d", count == 0 ? "" : ", ", (int)value);
  }
  snprintf(list + length, sizeof list - length, "]");
  return store(r, row, list);
}

/* ---- Sections ------------------------------------------------------------------------------------------------------- */

/* Whether a stored value of a removed key is its default. */
static bool is_standard(const char *word, const char *standard) {
  char *end = NULL;
  return word != NULL && (strcmp(word, standard) == 0 || (strtod(word, &end) == strtod(standard, NULL) && *end == '\0'));
}

/* A key that there is not, with its name as the present event: a removed one, or a mistyped one. */
static bl_status read_unknown(reader *r, const char *key) {
  const bl_options_removal *removal = bl_options_removed(key, NULL);
  const char *nearest = bl_options_nearest(key);
  if (removal != NULL && r->loaded->stored) {
    BL_TRY(bl_yaml_step(&r->yaml));
    if (is_standard(bl_yaml_word(&r->yaml), removal->standard))
      return BL_OK;
  }
  if (removal != NULL)
    return bl_yaml_refuse(&r->yaml, "%s is gone since %s: %s", key, removal->since, removal->instead);
  if (strcmp(nearest, key) == 0)
    return bl_yaml_refuse(&r->yaml,
                          "%s is written with dots, expected a section of that name with the key indented below it", key);
  if (nearest[0] != '\0')
    return bl_yaml_refuse(&r->yaml, "there is no key %s; did you mean %s? (beeline --defaults lists all keys)", key,
                          nearest);
  return bl_yaml_refuse(&r->yaml, "there is no key %s (beeline --defaults lists all keys)", key);
}

static bl_status read_value(reader *r, const bl_option *row);

/* From the start of a mapping to its end. */
static bl_status read_section(reader *r, const char *section) {
  for (;;) {
    BL_TRY(bl_yaml_step(&r->yaml));
    if (r->yaml.event.type == YAML_MAPPING_END_EVENT)
      return BL_OK;
    if (r->yaml.event.type != YAML_SCALAR_EVENT)
      return bl_yaml_refuse(&r->yaml, "a list or section is no name of a key");
    char name[BL_YAML_CLIPPED];
    char key[BL_OPTIONS_KEY + BL_YAML_CLIPPED];
    bl_text_clip(name, sizeof name, (const char *)r->yaml.event.data.scalar.value, r->yaml.event.data.scalar.length);
    snprintf(key, sizeof key, "%s%s%s", section, section[0] == '\0' ? "" : ".", name);
    const int i = strchr(name, '.') == NULL ? bl_options_row(key) : -1;
    if (i < 0) {
      BL_TRY(read_unknown(r, key));
      continue;
    }
    if (r->lines[i] != 0)
      return bl_yaml_refuse(&r->yaml, "%s is set twice, first in line %zu", key, r->lines[i]);
    r->lines[i] = bl_yaml_line(&r->yaml);
    BL_TRY(bl_yaml_step(&r->yaml));
    BL_TRY(read_value(r, &bl_options_table[i]));
  }
}

/* From the present event to the last of the value that it begins. */
static bl_status read_value(reader *r, const bl_option *row) {
  switch (row->type) {
    case BL_OPTION_TEXT:
    case BL_OPTION_INPUT:
      return read_text(r, row);
    case BL_OPTION_INTEGER:
    case BL_OPTION_LONG:
      return read_whole(r, row);
    case BL_OPTION_NUMBER:
      return read_number(r, row);
    case BL_OPTION_BOOL:
      return read_bool(r, row);
    case BL_OPTION_LIST:
      return read_list(r, row);
    case BL_OPTION_SECTION:
      break;
  }
  if (r->yaml.event.type == YAML_MAPPING_START_EVENT)
    return read_section(r, row->key);
  /* "learner:" with all its keys commented out */
  if (r->yaml.event.type == YAML_SCALAR_EVENT && r->yaml.event.data.scalar.length == 0)
    return BL_OK;
  return bl_yaml_refuse_value(&r->yaml, row->key, kind(row));
}

static bl_status read_file(reader *r) {
  char found[BL_YAML_CLIPPED + 16];
  if (r->yaml.event.type == YAML_MAPPING_START_EVENT)
    return read_section(r, "");
  bl_yaml_describe(found, sizeof found, &r->yaml);
  return bl_yaml_refuse(&r->yaml, "the configuration is %s, expected keys with values, such as \"seed: 1\"", found);
}

bl_status bl_options_read(bl_options_loaded *loaded, bl_options_source source, const char *name, const char *text,
                          size_t size, int row) {
  reader r = {.loaded = loaded, .source = source};
  bl_status status = bl_yaml_open(&r.yaml, name, source == BL_SOURCE_FILE, text, size);
  if (status == BL_OK)
    status = row < 0 ? read_file(&r) : read_value(&r, &bl_options_table[row]);
  if (status == BL_OK)
    status = bl_yaml_finish(&r.yaml);
  bl_yaml_close(&r.yaml);
  return status;
}

/* ---- Members -------------------------------------------------------------------------------------------------------- */

/* The text in quotes without them, after the folder of the file that its path begins in. */
static bl_status fill_text(char **member, const bl_options_slot *slot, bool input) {
  const char *text = slot->text + 1; /* after the quote */
  const bool relative = input && slot->relative != NULL && text[0] != '/' && text[0] != '"';
  const char *slash = relative ? strrchr(slot->relative, '/') : NULL;
  size_t used = slash == NULL ? 0 : (size_t)(slash + 1 - slot->relative);
  BL_TRY(bl_allocate(member, used + strlen(text) + 1, 1));
  memcpy(*member, slot->relative == NULL ? "" : slot->relative, used);
  for (; *text != '"'; text++) {
    text += *text == '\\';
    (*member)[used++] = *text;
  }
  return BL_OK;
}

static bl_status fill_list(bl_options_list *list, const char *text) {
  BL_TRY(bl_allocate(&list->values, BL_OPTIONS_LIST, sizeof *list->values));
  for (text++; *text != ']'; text += strspn(text, ", ")) {
    char *end;
    list->values[list->count++] = (int)strtol(text, &end, 10);
    text = end;
  }
  return BL_OK;
}

bl_status bl_options_fill(bl_options_loaded *loaded) {
  for (int i = 0; i < bl_options_table_count; i++) {
    const bl_option *row = &bl_options_table[i];
    const bl_options_slot *slot = &loaded->slots[i];
    void *member = (char *)&loaded->options + row->offset;
    if (row->type == BL_OPTION_TEXT || row->type == BL_OPTION_INPUT)
      BL_TRY(fill_text(member, slot, row->type == BL_OPTION_INPUT));
    else if (row->type == BL_OPTION_INTEGER)
      *(int *)member = (int)strtol(slot->text, NULL, 10);
    else if (row->type == BL_OPTION_LONG)
      *(int64_t *)member = strtoll(slot->text, NULL, 10);
    else if (row->type == BL_OPTION_NUMBER)
      *(double *)member = strtod(slot->text, NULL);
    else if (row->type == BL_OPTION_BOOL)
      *(bool *)member = strcmp(slot->text, "true") == 0;
    else if (row->type == BL_OPTION_LIST)
      BL_TRY(fill_list(member, slot->text));
  }
  return BL_OK;
}

void bl_options_release(bl_options_loaded *loaded) {
  for (int i = 0; i < bl_options_table_count; i++) {
    const bl_option *row = &bl_options_table[i];
    char *member = (char *)&loaded->options + row->offset;
    bl_free(&loaded->slots[i].text);
    if (row->type == BL_OPTION_TEXT || row->type == BL_OPTION_INPUT)
      bl_free(member);
    else if (row->type == BL_OPTION_LIST)
      bl_free(&((bl_options_list *)(void *)member)->values);
  }
}
