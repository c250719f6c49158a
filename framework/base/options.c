#include "base/options.h"

#include "base/defaults.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/options_read.h"
#include "base/options_schema.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_FILE = 1 << 20 };

/* ---- Life of the merged configuration ---------------------------------------------------------------------------------
 */

static bl_status copy_text(char **copy, const char *first, const char *second) {
  size_t length = strlen(first) + strlen(second) + 1;
  BL_TRY(bl_allocate(copy, length, 1));
  snprintf(*copy, length, "%s%s", first, second);
  return BL_OK;
}

static bl_status create_merge(bl_options_merge **merge, const char *path, int set_count) {
  BL_TRY(bl_allocate(merge, 1, sizeof **merge));
  (*merge)->slot_count = bl_options_schema_list((*merge)->slots);
  BL_TRY(copy_text(&(*merge)->path, path == NULL ? "" : path, ""));
  (*merge)->argument_count = set_count;
  BL_TRY(bl_allocate(&(*merge)->folders, (size_t)set_count, sizeof(char *)));
  return bl_allocate(&(*merge)->arguments, (size_t)set_count, sizeof(char *));
}

static void destroy_merge(bl_options_merge **merge) {
  bl_options_merge *m = *merge;
  if (m == NULL)
    return;
  for (int i = 0; i < m->slot_count; i++) {
    bl_free(&m->slots[i].value);
    bl_free(&m->slots[i].standard);
  }
  for (int i = 0; m->arguments != NULL && i < m->argument_count; i++)
    bl_free(&m->arguments[i]);
  for (int i = 0; m->folders != NULL && i < m->argument_count; i++)
    bl_free(&m->folders[i]);
  bl_free(&m->folders);
  bl_free(&m->arguments);
  bl_free(&m->path);
  free(m->text);
  bl_free(merge);
}

static const bl_options_merge *merge_of(const bl_options *options) {
  return ((const bl_options_loaded *)options)->merge;
}

/* ---- Overrides on the command line ------------------------------------------------------------------------------------
 */

/* The type of "learner.rounds", NULL when there is no such key. */
static const cyaml_schema_value_t *type_of(const char *key) {
  const cyaml_schema_value_t *type = &bl_options_schema;
  while (type != NULL) {
    size_t length = strcspn(key, ".");
    type = bl_options_schema_find(type, key, length);
    if (key[length] == '\0')
      break;
    key += length + 1;
  }
  return type;
}

/* Text is taken as it stands, so that no shell needs a second layer of quotes: as YAML in quotes, unless it is that
 * already. */
static bl_status quote_text(char **quoted, const char *text) {
  BL_TRY(bl_allocate(quoted, 2 * strlen(text) + 3, 1));
  char *at = *quoted;
  *at++ = '"';
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\')
      *at++ = '\\';
    *at++ = *text;
  }
  *at = '"';
  return BL_OK;
}

static bl_status read_setting(bl_options_merge *merge, int index, const bl_options_setting *setting) {
  const char *set = setting->text;
  const bool named = set[0] == '-' && set[1] == '-';
  const char *name = named ? set + 2 : set;
  char argument[128];
  bl_text_clip(argument, sizeof argument, set, strlen(set));
  if (setting->place != NULL)
    BL_TRY(copy_text(&merge->arguments[index], setting->place, ""));
  else
    BL_TRY(copy_text(&merge->arguments[index], named ? "" : "--set ", argument));
  if (setting->path != NULL)
    BL_TRY(copy_text(&merge->folders[index], setting->path, ""));
  merge->relative = merge->folders[index];
  const char *place = merge->arguments[index];
  const char *equals = strchr(name, '=');
  if (equals == NULL || equals == name)
    return bl_fail(BL_ERROR_USAGE, "%s: expected KEY=VALUE, for example %slearner.rounds=20", place,
                   setting->place != NULL ? "" : "--set ");
  char key[2 * BL_OPTIONS_KEY];
  bl_text_clip(key, sizeof key, name, (size_t)(equals - name));
  const cyaml_schema_value_t *type = type_of(key);
  if (type == NULL) {
    char nearest[BL_OPTIONS_KEY];
    bl_options_schema_nearest(nearest, key);
    return bl_fail(BL_ERROR_USAGE, "%s: there is no key %s%s%s%s (beeline --defaults lists all keys)", place, key,
                   nearest[0] == '\0' ? "" : "; did you mean ", nearest, nearest[0] == '\0' ? "" : "?");
  }
  const char *value = equals + 1;
  if (type->type != CYAML_STRING || value[0] == '"' || value[0] == '\'')
    return bl_options_read(merge, BL_SOURCE_ARGUMENT, place, value, strlen(value), type, key);
  char *quoted;
  BL_TRY(quote_text(&quoted, value));
  bl_status status = bl_options_read(merge, BL_SOURCE_ARGUMENT, place, quoted, strlen(quoted), type, key);
  bl_free(&quoted);
  return status;
}

/* ---- The merged text --------------------------------------------------------------------------------------------------
 */

/* The folder of the file, as the beginning of a text in double quotes. */
static void write_folder(FILE *stream, const char *path) {
  const char *slash = strrchr(path, '/');
  for (const char *at = path; slash != NULL && at <= slash; at++) {
    if ((unsigned char)*at < 0x20)
      fprintf(stream, "\\x%02X", (unsigned)*at);
    else
      fprintf(stream, "%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
  }
}

static void write_value(FILE *stream, const bl_options_slot *slot) {
  const char *value = slot->value;
  bool relative = value[0] == '"' && value[1] != '"' && value[1] != '/';
  if (slot->relative != NULL && relative && bl_options_schema_is_input(slot->key)) {
    fputc('"', stream);
    write_folder(stream, slot->relative);
    value++;
  }
  fprintf(stream, "%s\n", value);
}

/* The slots stand in the order of the schema, so a section ends where the next key leaves it. */
static bl_status write_merge(bl_options_merge *merge) {
  size_t size = 0;
  FILE *stream = open_memstream(&merge->text, &size);
  if (stream == NULL)
    return bl_fail(BL_ERROR_SYSTEM, "cannot write the configuration to memory: %s", strerror(errno));
  const char *previous = "";
  for (int i = 0; i < merge->slot_count; i++) {
    const bl_options_slot *slot = &merge->slots[i];
    const char *word = slot->key;
    int depth = 0;
    bool shared = true; /* with the key before, up to here */
    for (const char *dot = strchr(word, '.'); dot != NULL; dot = strchr(word, '.')) {
      size_t length = (size_t)(dot + 1 - slot->key);
      shared = shared && strncmp(previous, slot->key, length) == 0;
      if (!shared)
        fprintf(stream, "%*s%.*s:\n", 2 * depth, "", (int)(dot - word), word);
      word = dot + 1;
      depth++;
    }
    fprintf(stream, "%*s%s: ", 2 * depth, "", word);
    write_value(stream, slot);
    previous = slot->key;
  }
  return fclose(stream) == 0 ? BL_OK
                             : bl_fail(BL_ERROR_SYSTEM, "cannot write the configuration to memory: %s", strerror(errno));
}

/* A hash of "key=value" lines of what was written, numbers in one spelling. Paths count as they were written, not as they
 * were resolved, so that the working folder does not matter. */
static void digest_merge(char digest[BL_OPTIONS_DIGEST], const bl_options_merge *merge, const char *prefix) {
  uint64_t hash = BL_HASH_EMPTY;
  for (int i = 0; i < merge->slot_count; i++) {
    const bl_options_slot *slot = &merge->slots[i];
    if (strncmp(slot->key, prefix, strlen(prefix)) != 0 || !bl_options_schema_is_digested(slot->key, slot->value))
      continue;
    char number[32];
    const char *value = slot->value;
    if (slot->type->type == CYAML_FLOAT) {
      snprintf(number, sizeof number, "%.17g", strtod(value, NULL));
      value = number;
    }
    hash = bl_hash_text(bl_hash_text(bl_hash_text(bl_hash_text(hash, slot->key), "="), value), "\n");
  }
  snprintf(digest, BL_OPTIONS_DIGEST, "%016" PRIx64, hash);
}

/* ---- libcyaml ---------------------------------------------------------------------------------------------------------
 */

enum { COMPLAINT = 256 };

/* libcyaml's complaints come as a trace; the first line says what is wrong. */
__attribute__((format(printf, 3, 0))) static void keep_complaint(cyaml_log_t level, void *context, const char *format,
                                                                 va_list arguments) {
  char *complaint = context;
  if (level == CYAML_LOG_ERROR && complaint[0] == '\0') {
    vsnprintf(complaint, COMPLAINT, format, arguments);
    complaint[strcspn(complaint, "\n")] = '\0';
  }
}

static cyaml_config_t reader_config(char *complaint) {
  return (cyaml_config_t){.log_fn = keep_complaint,
                          .log_ctx = complaint,
                          .mem_fn = cyaml_mem,
                          .log_level = CYAML_LOG_ERROR,
                          .flags = CYAML_CFG_DEFAULT};
}

static bl_status read_merged(bl_options **options, bl_options_merge *merge) {
  char complaint[COMPLAINT] = "";
  cyaml_config_t config = reader_config(complaint);
  cyaml_data_t *data = NULL;
  cyaml_err_t error =
      cyaml_load_data((const uint8_t *)merge->text, strlen(merge->text), &config, &bl_options_schema, &data, NULL);
  if (error != CYAML_OK)
    return bl_fail(BL_ERROR_LIBRARY, "libcyaml refused the merged configuration: %s (%s)", cyaml_strerror(error),
                   complaint);
  ((bl_options_loaded *)data)->merge = merge;
  *options = data;
  return BL_OK;
}

/* ---- Public -----------------------------------------------------------------------------------------------------------
 */

bl_status bl_options_read_file(char **text, size_t *size, const char *path) {
  *text = NULL;
  *size = 0;
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return bl_fail(BL_ERROR_INPUT, "cannot open the configuration %s: %s", path, strerror(errno));
  struct stat status_of_file;
  bl_status status = BL_OK;
  if (fstat(fileno(file), &status_of_file) == 0 && S_ISDIR(status_of_file.st_mode))
    BL_GOTO(bl_fail(BL_ERROR_INPUT, "%s is a folder, expected a configuration in YAML", path));
  BL_GOTO(bl_allocate(text, LARGEST_FILE + 1, 1));
  *size = fread(*text, 1, LARGEST_FILE + 1, file);
  if (ferror(file))
    BL_GOTO(bl_fail(BL_ERROR_INPUT, "cannot read the configuration %s: %s", path, strerror(errno)));
  if (*size > LARGEST_FILE)
    BL_GOTO(bl_fail(BL_ERROR_INPUT, "%s is larger than 1 MiB, expected a configuration in YAML", path));
done:
  fclose(file);
  if (status != BL_OK)
    bl_free(text);
  return status;
}

bl_status bl_options_parse_settings(bl_options **options, const char *path, const char *text, size_t size, int count,
                                    const bl_options_setting *settings) {
  *options = NULL;
  bl_options_merge *merge = NULL;
  bl_status status;
  BL_GOTO(create_merge(&merge, path, count));
  BL_GOTO(
      bl_options_read(merge, BL_SOURCE_DEFAULT, "defaults.yaml", bl_defaults, strlen(bl_defaults), &bl_options_schema, ""));
  for (int i = 0; i < merge->slot_count; i++)
    if (merge->slots[i].value == NULL)
      BL_GOTO(bl_fail(BL_ERROR_USAGE, "defaults.yaml lacks the key %s", merge->slots[i].key));
  merge->relative = merge->path;
  if (text != NULL)
    BL_GOTO(bl_options_read(merge, BL_SOURCE_FILE, merge->path, text, size, &bl_options_schema, ""));
  for (int i = 0; i < count; i++)
    BL_GOTO(read_setting(merge, i, &settings[i]));
  BL_GOTO(write_merge(merge));
  digest_merge(merge->digest, merge, "");
  BL_GOTO(read_merged(options, merge));
  return BL_OK;
done:
  destroy_merge(&merge);
  return status;
}

bl_status bl_options_parse(bl_options **options, const char *path, const char *text, size_t size, int set_count,
                           const char *const *sets) {
  bl_options_setting *settings;
  *options = NULL;
  BL_TRY(bl_allocate(&settings, (size_t)set_count, sizeof *settings));
  for (int i = 0; i < set_count; i++)
    settings[i].text = sets[i];
  const bl_status status = bl_options_parse_settings(options, path, text, size, set_count, settings);
  bl_free(&settings);
  return status;
}

bl_status bl_options_load(bl_options **options, const char *path, int set_count, const char *const *sets) {
  *options = NULL;
  if (path == NULL || path[0] == '\0')
    return bl_options_parse(options, "", NULL, 0, set_count, sets);
  char *text;
  size_t size;
  BL_TRY(bl_options_read_file(&text, &size, path));
  bl_status status = bl_options_parse(options, path, text, size, set_count, sets);
  bl_free(&text);
  return status;
}

void bl_options_destroy(bl_options **options) {
  if (*options == NULL)
    return;
  destroy_merge(&((bl_options_loaded *)*options)->merge);
  char complaint[COMPLAINT] = "";
  cyaml_config_t config = reader_config(complaint);
  cyaml_free(&config, &bl_options_schema, *options, 0);
  *options = NULL;
}

const char *bl_options_text(const bl_options *options) {
  return merge_of(options)->text;
}

const char *bl_options_digest(const bl_options *options) {
  return merge_of(options)->digest;
}

const char *bl_options_path(const bl_options *options) {
  return merge_of(options)->path;
}

/* Numbers count by value. */
static bool same_value(const bl_options_slot *a, const bl_options_slot *b) {
  if (a->type->type == CYAML_FLOAT)
    return strtod(a->value, NULL) == strtod(b->value, NULL);
  return strcmp(a->value, b->value) == 0;
}

bool bl_options_difference(bl_options_change *change, const bl_options *before, const bl_options *now, int index) {
  const bl_options_merge *a = merge_of(before), *b = merge_of(now);
  for (int i = 0; i < a->slot_count; i++) {
    const bl_options_slot *old = &a->slots[i], *new = &b->slots[i];
    const bool counts =
        bl_options_schema_is_digested(old->key, old->value) || bl_options_schema_is_digested(new->key, new->value);
    if (!counts || bl_options_schema_is_input(old->key) || same_value(old, new) || index-- > 0)
      continue;
    *change = (bl_options_change){old->key, old->value, new->value};
    return true;
  }
  return false;
}

void bl_options_digest_section(char digest[BL_OPTIONS_DIGEST], const bl_options *options, const char *section) {
  char prefix[BL_OPTIONS_KEY];
  snprintf(prefix, sizeof prefix, "%s.", section);
  digest_merge(digest, merge_of(options), prefix);
}

bool bl_options_input(const char **key, char *path, size_t size, const bl_options *options, int index) {
  const bl_options_merge *merge = merge_of(options);
  const bl_options_slot *slot = NULL;
  for (int i = 0; i < merge->slot_count && slot == NULL; i++)
    if (bl_options_schema_is_input(merge->slots[i].key) && index-- == 0)
      slot = &merge->slots[i];
  if (slot == NULL || size == 0)
    return false;
  const char *value = slot->value + 1; /* after the quote */
  const char *slash = slot->relative == NULL || value[0] == '/' || value[0] == '"' ? NULL : strrchr(slot->relative, '/');
  size_t used = 0;
  if (slash != NULL)
    for (const char *at = slot->relative; at <= slash && used + 1 < size; at++)
      path[used++] = *at;
  for (; *value != '"' && used + 1 < size; value++) {
    value += *value == '\\';
    path[used++] = *value;
  }
  path[used] = '\0';
  *key = slot->key;
  return true;
}

/* Where the value of a slot stands: "FILE:LINE: ", "--set learner.batch=100: " or "" for a default. */
static void place_of(char *place, size_t size, const bl_options_merge *merge, const bl_options_slot *slot) {
  place[0] = '\0';
  if (slot->source == BL_SOURCE_FILE)
    snprintf(place, size, "%s:%d: ", merge->path, slot->line);
  else if (slot->source == BL_SOURCE_ARGUMENT)
    snprintf(place, size, "%s: ", slot->argument);
}

bool bl_options_changed(const bl_options *options, const char *key) {
  const bl_options_slot *slot = bl_options_slot_find(((const bl_options_loaded *)options)->merge, key);
  if (slot == NULL || strcmp(slot->value, slot->standard) == 0)
    return false;
  return slot->type->type != CYAML_FLOAT || strtod(slot->value, NULL) != strtod(slot->standard, NULL);
}

bl_status bl_options_reject(const bl_options *options, const char *key, const char *expected, ...) {
  char text[BL_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, expected);
  vsnprintf(text, sizeof text, expected, arguments);
  va_end(arguments);
  bl_options_merge *merge = ((const bl_options_loaded *)options)->merge;
  const bl_options_slot *slot = bl_options_slot_find(merge, key);
  if (slot == NULL)
    return bl_fail(BL_ERROR_USAGE, "%s: expected %s", key, text);
  char place[BL_MESSAGE_SIZE];
  place_of(place, sizeof place, merge, slot);
  return bl_fail(BL_ERROR_USAGE, "%s%s is %s%s, expected %s", place, key, slot->value,
                 slot->source == BL_SOURCE_DEFAULT ? " (the default)" : "", text);
}

bl_status bl_options_blame(const bl_options *options, const char *key, bl_status status) {
  if (status != BL_ERROR_USAGE && status != BL_ERROR_INPUT)
    return status;
  bl_options_merge *merge = ((const bl_options_loaded *)options)->merge;
  char message[BL_MESSAGE_SIZE];
  char place[BL_MESSAGE_SIZE] = "";
  snprintf(message, sizeof message, "%s", bl_status_message());
  char word[BL_OPTIONS_KEY];
  snprintf(word, sizeof word, "%.*s", (int)strcspn(message, " :"), message);
  const bl_options_slot *named = bl_options_slot_find(merge, word);
  const bl_options_slot *slot = named == NULL ? bl_options_slot_find(merge, key) : named;
  if (slot != NULL)
    place_of(place, sizeof place, merge, slot);
  bl_status_clear();
  return bl_fail(status, "%s%s%s%s", place, named == NULL ? key : "", named == NULL ? ": " : "", message);
}
