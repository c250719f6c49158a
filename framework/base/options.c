#include "base/options.h"

#include "base/memory.h"
#include "base/options_removed.h"
#include "base/options_values.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_FILE = 1 << 20 };

static bl_status copy_text(char **copy, const char *first, const char *second) {
  size_t length = strlen(first) + strlen(second) + 1;
  BL_TRY(bl_allocate(copy, length, 1));
  snprintf(*copy, length, "%s%s", first, second);
  return BL_OK;
}

/* ---- Overrides on the command line ------------------------------------------------------------------------------------
 */

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

static bl_status refuse_key(const char *place, const char *key) {
  const char *nearest = bl_options_nearest(key);
  const bl_options_removal *removal = bl_options_removed(key, NULL);
  if (removal != NULL)
    return bl_fail(BL_ERROR_USAGE, "%s: %s is gone since %s: %s", place, key, removal->since, removal->instead);
  return bl_fail(BL_ERROR_USAGE, "%s: there is no key %s%s%s%s (beeline --defaults lists all keys)", place, key,
                 nearest[0] == '\0' ? "" : "; did you mean ", nearest, nearest[0] == '\0' ? "" : "?");
}

static bl_status read_setting(bl_options_loaded *loaded, int index, const bl_options_setting *setting) {
  const char *set = setting->text;
  const bool named = set[0] == '-' && set[1] == '-';
  const char *name = named ? set + 2 : set;
  char argument[128];
  bl_text_clip(argument, sizeof argument, set, strlen(set));
  if (setting->place != NULL)
    BL_TRY(copy_text(&loaded->arguments[index], setting->place, ""));
  else
    BL_TRY(copy_text(&loaded->arguments[index], named ? "" : "--set ", argument));
  if (setting->path != NULL)
    BL_TRY(copy_text(&loaded->folders[index], setting->path, ""));
  loaded->relative = loaded->folders[index];
  const char *place = loaded->arguments[index];
  const char *equals = strchr(name, '=');
  if (equals == NULL || equals == name)
    return bl_fail(BL_ERROR_USAGE, "%s: expected KEY=VALUE, for example %slearner.rounds=20", place,
                   setting->place != NULL ? "" : "--set ");
  char key[2 * BL_OPTIONS_KEY];
  bl_text_clip(key, sizeof key, name, (size_t)(equals - name));
  const int row = bl_options_row(key);
  if (row < 0)
    return refuse_key(place, key);
  const char *value = equals + 1;
  if ((bl_options_table[row].type != BL_OPTION_TEXT && bl_options_table[row].type != BL_OPTION_INPUT) || value[0] == '"' ||
      value[0] == '\'')
    return bl_options_read(loaded, BL_SOURCE_ARGUMENT, place, value, strlen(value), row);
  char *quoted;
  BL_TRY(quote_text(&quoted, value));
  bl_status status = bl_options_read(loaded, BL_SOURCE_ARGUMENT, place, quoted, strlen(quoted), row);
  bl_free(&quoted);
  return status;
}

/* ---- Loading ----------------------------------------------------------------------------------------------------- */

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

static bl_status merge(bl_options_loaded *loaded, const char *path, const char *text, size_t size, int count,
                       const bl_options_setting *settings) {
  BL_TRY(copy_text(&loaded->path, path == NULL ? "" : path, ""));
  loaded->argument_count = count;
  BL_TRY(bl_allocate(&loaded->folders, (size_t)count, sizeof(char *)));
  BL_TRY(bl_allocate(&loaded->arguments, (size_t)count, sizeof(char *)));
  BL_TRY(bl_options_set_defaults(loaded));
  loaded->relative = loaded->path;
  if (text != NULL)
    BL_TRY(bl_options_read(loaded, BL_SOURCE_FILE, loaded->path, text, size, -1));
  for (int i = 0; i < count; i++)
    BL_TRY(read_setting(loaded, i, &settings[i]));
  BL_TRY(bl_options_fill(loaded));
  bl_options_digest_by(loaded->digest, &loaded->options, "", 0);
  return bl_options_write(loaded);
}

static bl_status load(bl_options **options, bool stored, const char *path, const char *text, size_t size, int count,
                      const bl_options_setting *settings) {
  bl_options_loaded *loaded;
  *options = NULL;
  BL_TRY(bl_allocate(&loaded, 1, sizeof *loaded));
  loaded->stored = stored;
  *options = &loaded->options;
  const bl_status status = merge(loaded, path, text, size, count, settings);
  if (status != BL_OK)
    bl_options_destroy(options);
  return status;
}

bl_status bl_options_parse_settings(bl_options **options, const char *path, const char *text, size_t size, int count,
                                    const bl_options_setting *settings) {
  return load(options, false, path, text, size, count, settings);
}

bl_status bl_options_parse_stored(bl_options **options, const char *text) {
  return load(options, true, "configuration", text, strlen(text), 0, NULL);
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
  bl_options_loaded *loaded = (bl_options_loaded *)*options;
  if (loaded == NULL)
    return;
  bl_options_release(loaded);
  for (int i = 0; i < loaded->argument_count; i++) {
    if (loaded->arguments != NULL)
      bl_free(&loaded->arguments[i]);
    if (loaded->folders != NULL)
      bl_free(&loaded->folders[i]);
  }
  bl_free(&loaded->folders);
  bl_free(&loaded->arguments);
  bl_free(&loaded->path);
  free(loaded->text);
  bl_free(&loaded);
  *options = NULL;
}

/* ---- Asking ---------------------------------------------------------------------------------------------------------- */

const char *bl_options_text(const bl_options *options) {
  return bl_options_behind(options)->text;
}

const char *bl_options_path(const bl_options *options) {
  return bl_options_behind(options)->path;
}

bool bl_options_input(const char **key, char *path, size_t size, const bl_options *options, int index) {
  int row = 0;
  while (row < bl_options_table_count && (bl_options_table[row].type != BL_OPTION_INPUT || index-- > 0))
    row++;
  if (row == bl_options_table_count || size == 0)
    return false;
  *key = bl_options_table[row].key;
  snprintf(path, size, "%s", *(char *const *)(const void *)((const char *)options + bl_options_table[row].offset));
  return true;
}

/* The row of a key that holds a value; -1 when there is none. */
static int row_of(const char *key) {
  const int row = bl_options_row(key);
  return row < 0 || bl_options_table[row].type == BL_OPTION_SECTION ? -1 : row;
}

bool bl_options_changed(const bl_options *options, const char *key) {
  const int row = row_of(key);
  return row >= 0 && !bl_options_same(&bl_options_table[row], bl_options_behind(options)->slots[row].text,
                                      bl_options_table[row].standard);
}

/* ---- Refusing -------------------------------------------------------------------------------------------------------- */

/* Where a value stands: "FILE:LINE: ", "--set learner.batch=100: " or "" for a default. */
static void place_of(char *place, size_t size, const bl_options_loaded *loaded, const bl_options_slot *slot) {
  place[0] = '\0';
  if (slot->source == BL_SOURCE_FILE)
    snprintf(place, size, "%s:%d: ", loaded->path, slot->line);
  else if (slot->source == BL_SOURCE_ARGUMENT)
    snprintf(place, size, "%s: ", slot->argument);
}

bl_status bl_options_reject(const bl_options *options, const char *key, const char *expected, ...) {
  char text[BL_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, expected);
  vsnprintf(text, sizeof text, expected, arguments);
  va_end(arguments);
  const int row = row_of(key);
  if (row < 0)
    return bl_fail(BL_ERROR_USAGE, "%s: expected %s", key, text);
  const bl_options_slot *slot = &bl_options_behind(options)->slots[row];
  char place[BL_MESSAGE_SIZE];
  place_of(place, sizeof place, bl_options_behind(options), slot);
  return bl_fail(BL_ERROR_USAGE, "%s%s is %s%s, expected %s", place, key, slot->text,
                 slot->source == BL_SOURCE_DEFAULT ? " (the default)" : "", text);
}

bl_status bl_options_blame(const bl_options *options, const char *key, bl_status status) {
  if (status != BL_ERROR_USAGE && status != BL_ERROR_INPUT)
    return status;
  char message[BL_MESSAGE_SIZE];
  char place[BL_MESSAGE_SIZE] = "";
  snprintf(message, sizeof message, "%s", bl_status_message());
  char word[BL_OPTIONS_KEY];
  snprintf(word, sizeof word, "%.*s", (int)strcspn(message, " :"), message);
  const bool named = row_of(word) >= 0;
  const int row = named ? row_of(word) : row_of(key);
  if (row >= 0)
    place_of(place, sizeof place, bl_options_behind(options), &bl_options_behind(options)->slots[row]);
  bl_status_clear();
  return bl_fail(status, "%s%s%s%s", place, named ? "" : key, named ? "" : ": ", message);
}
