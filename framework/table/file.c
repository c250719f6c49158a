#include "table/file.h"

#include "base/memory.h"
#include "base/yaml.h"
#include "parallel/agree.h"
#include "store/shared_text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
  bl_table_file *file;
  bl_yaml yaml;
} reader;

/* A key of a section, and who reads its value, from the present event on, to where. */
typedef struct field {
  const char *name;
  bl_status (*read)(reader *r, void *target, const char *key);
  size_t offset;
} field;

/* ---- Texts and messages -----------------------------------------------------------------------------------------------
 */

__attribute__((format(printf, 3, 4))) static bl_status keep(bl_table_file *file, const char **text, const char *format,
                                                            ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (file->text_count == BL_TABLE_TEXTS)
    return bl_fail(BL_ERROR_USAGE, "%s: has more than %d texts, split it into several tables", file->path, BL_TABLE_TEXTS);
  char **kept = &file->texts[file->text_count];
  BL_TRY(bl_allocate(kept, (size_t)length + 1, 1));
  va_start(arguments, format);
  vsnprintf(*kept, (size_t)length + 1, format, arguments);
  va_end(arguments);
  file->text_count++;
  *text = *kept;
  return BL_OK;
}

static bl_status keep_place(reader *r, const char **place) {
  return keep(r->file, place, "%s:%zu", r->file->path, bl_yaml_line(&r->yaml));
}

/* ---- Values --------------------------------------------------------------------------------------------------------- */

static bl_status read_text(reader *r, void *target, const char *key) {
  const char *text = NULL;
  BL_TRY(bl_yaml_text(&text, &r->yaml, key));
  if (text[0] == '\0')
    return bl_yaml_refuse(&r->yaml, "%s is empty, expected text", key);
  return keep(r->file, target, "%s", text);
}

static bl_status refuse_found(const reader *r, const char *key, const char *expected) {
  char found[BL_YAML_CLIPPED + 16];
  bl_yaml_describe(found, sizeof found, &r->yaml);
  return bl_yaml_refuse(&r->yaml, "%s: found %s, expected %s", key, found, expected);
}

static bl_status read_integer(const reader *r, int64_t *number, const char *key) {
  const char *word = bl_yaml_word(&r->yaml);
  errno = 0;
  *number = word != NULL && word[strspn(word, "0123456789")] == '\0' ? strtoll(word, NULL, 10) : -1;
  return *number < 0 || errno != 0 ? refuse_found(r, key, "a whole number of at least 0") : BL_OK;
}

static bl_status read_steps(const reader *r, int64_t *number, const char *key) {
  BL_TRY(read_integer(r, number, key));
  return *number >= 1 && *number <= 1048576 ? BL_OK : refuse_found(r, key, "1 to 1048576");
}

static bl_status read_samples(reader *r, void *target, const char *key) {
  BL_TRY(keep_place(r, &r->file->samples_place));
  BL_TRY(read_integer(r, target, key));
  return *(int64_t *)target >= 2 ? BL_OK : bl_yaml_refuse_value(&r->yaml, key, "at least 2");
}

/* Step to the next element of a list; false at its end. */
static bl_status next(bool *more, reader *r) {
  BL_TRY(bl_yaml_step(&r->yaml));
  *more = r->yaml.event.type != YAML_SEQUENCE_END_EVENT && r->yaml.event.type != YAML_MAPPING_END_EVENT;
  return BL_OK;
}

/* Step to the first element of a list or section of the kind \a start. */
static bl_status first(bool *more, reader *r, yaml_event_type_t start, const char *key, const char *expected) {
  if (r->yaml.event.type != start)
    return bl_yaml_refuse_value(&r->yaml, key, expected);
  return next(more, r);
}

static bl_status refuse_length(const reader *r, const char *key) {
  return bl_yaml_refuse(&r->yaml, "%s has more elements than %d, the most it can have", key, BL_TABLE_LIST);
}

static bl_status read_list(reader *r, bl_table_list *list, const char *key, bool steps) {
  bool more = false;
  BL_TRY(keep_place(r, &list->place));
  BL_TRY(first(&more, r, YAML_SEQUENCE_START_EVENT, key, "a list of whole numbers, such as [10, 8]"));
  for (; more; list->count++) {
    int64_t number;
    if (list->count == BL_TABLE_LIST)
      return refuse_length(r, key);
    BL_TRY((steps ? read_steps : read_integer)(r, &number, key));
    for (int k = 0; k < list->count; k++)
      if (list->values[k] == number)
        return bl_yaml_refuse(&r->yaml, "%s: %lld is there twice", key, (long long)number);
    list->values[list->count] = number;
    BL_TRY(next(&more, r));
  }
  return list->count > 0 ? BL_OK : bl_yaml_refuse(&r->yaml, "%s is empty, expected at least one number", key);
}

static bl_status read_columns(reader *r, void *target, const char *key) {
  return read_list(r, target, key, true);
}

static bl_status read_seeds(reader *r, void *target, const char *key) {
  return read_list(r, target, key, false);
}

/* A path relative to the table's folder. */
static bl_status read_configuration(reader *r, void *target, const char *key) {
  bl_table_configuration *configuration = target;
  const char *written = NULL, *path = r->file->path;
  BL_TRY(read_text(r, &written, key));
  BL_TRY(keep_place(r, &configuration->place));
  const char *slash = written[0] == '/' ? NULL : strrchr(path, '/');
  return keep(r->file, &configuration->path, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, written);
}

static bl_status add_setting(reader *r, bl_table_settings *settings, const char *text) {
  if (settings->count == BL_TABLE_SETTINGS)
    return bl_yaml_refuse(&r->yaml, "more settings than %d, the most there can be; write them into a file",
                          BL_TABLE_SETTINGS);
  bl_options_setting *setting = &settings->values[settings->count++];
  *setting = (bl_options_setting){.text = text, .path = r->file->path};
  return keep_place(r, &setting->place);
}

/* What the table itself says may not be said otherwise by a setting. */
static bl_status check_setting(const reader *r, const char *text) {
  static const char *const said[][2] = {
      {"seed=", "seeds"}, {"sampler.steps=", "columns"}, {"sampler.count=", "samples"}, {"output=", "output"}};
  for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
    if (strncmp(text, said[i][0], strlen(said[i][0])) == 0)
      return bl_yaml_refuse(&r->yaml, "%s is not set here: the table's key `%s` says it", text, said[i][1]);
  return BL_OK;
}

static bl_status read_settings(reader *r, void *target, const char *key) {
  bool more = false;
  BL_TRY(first(&more, r, YAML_SEQUENCE_START_EVENT, key, "a list of settings, such as [sampler.name=ddpm]"));
  while (more) {
    const char *text = NULL;
    BL_TRY(read_text(r, &text, key));
    if (text[0] == '-' || strchr(text, '=') == NULL)
      return refuse_found(r, key, "KEY=VALUE, such as sampler.name=ddpm");
    BL_TRY(check_setting(r, text));
    BL_TRY(add_setting(r, target, text));
    BL_TRY(next(&more, r));
  }
  return BL_OK;
}

static bl_status read_model(reader *r, void *target, const char *key) {
  const char *path = NULL, *text = NULL;
  BL_TRY(read_text(r, &path, key));
  BL_TRY(keep(r->file, &text, "model.file=%s", path));
  return add_setting(r, target, text);
}

static bl_status read_metrics(reader *r, void *target, const char *key) {
  bl_table_file *file = target;
  bool more = false;
  BL_TRY(keep_place(r, &file->metrics_place));
  BL_TRY(first(&more, r, YAML_SEQUENCE_START_EVENT, key, "a list of metrics, such as [fid]"));
  while (more) {
    if (file->metric_count == BL_TABLE_LIST)
      return refuse_length(r, key);
    BL_TRY(read_text(r, &file->metrics[file->metric_count++], key));
    BL_TRY(next(&more, r));
  }
  return BL_OK;
}

static bl_status read_number(const reader *r, double *number, const char *key) {
  const char *word = bl_yaml_word(&r->yaml);
  char *end = NULL;
  *number = word != NULL ? strtod(word, &end) : 0;
  return word == NULL || end == word || *end != '\0' || !isfinite(*number) ? refuse_found(r, key, "a number") : BL_OK;
}

static bl_status read_published(reader *r, void *target, const char *key) {
  bl_table_row *row = target;
  bool more = false;
  BL_TRY(first(&more, r, YAML_MAPPING_START_EVENT, key, "numbers by column, such as {10: 34.76}"));
  for (; more; row->published_count++) {
    if (row->published_count == BL_TABLE_LIST)
      return refuse_length(r, key);
    BL_TRY(read_steps(r, &row->published_columns[row->published_count], key));
    BL_TRY(bl_yaml_step(&r->yaml));
    BL_TRY(read_number(r, &row->published[row->published_count], key));
    BL_TRY(next(&more, r));
  }
  return BL_OK;
}

/* ---- Sections ------------------------------------------------------------------------------------------------------- */

/* The field that the present event names. \param [in] where  "rows: " or "". */
static bl_status find_field(int *index, const reader *r, const field *fields, int count, const char *where) {
  const bool scalar = r->yaml.event.type == YAML_SCALAR_EVENT;
  const char *name = scalar ? (const char *)r->yaml.event.data.scalar.value : "";
  for (*index = 0; *index < count; ++*index)
    if (strcmp(fields[*index].name, name) == 0)
      return BL_OK;
  char names[256] = "", found[BL_YAML_CLIPPED + 16];
  for (int k = 0; k < count; k++)
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", k > 0 ? ", " : "", fields[k].name);
  bl_yaml_describe(found, sizeof found, &r->yaml);
  return bl_yaml_refuse(&r->yaml, "%sthere is no key %s, expected one of %s", where, found, names);
}

/* All pairs of a mapping into \a target, from the event after its start on. */
static bl_status read_section(reader *r, void *target, bool more, const field *fields, int count, const char *where) {
  size_t lines[16] = {0}; /* where each key was set */
  while (more) {
    int i;
    BL_TRY(find_field(&i, r, fields, count, where));
    if (lines[i] != 0)
      return bl_yaml_refuse(&r->yaml, "%s%s is set twice, first in line %zu", where, fields[i].name, lines[i]);
    lines[i] = bl_yaml_line(&r->yaml);
    BL_TRY(bl_yaml_step(&r->yaml));
    BL_TRY(fields[i].read(r, (char *)target + fields[i].offset, fields[i].name));
    BL_TRY(next(&more, r));
  }
  return BL_OK;
}

/* "SFT-PG (B)" becomes "sft-pg-b". */
static void make_slug(char *slug, size_t size, const char *name) {
  size_t used = 0;
  for (; *name != '\0' && used + 1 < size; name++) {
    const unsigned char letter = (unsigned char)*name;
    if (isalnum(letter) && letter < 0x80)
      slug[used++] = (char)tolower(letter);
    else if (used > 0 && slug[used - 1] != '-')
      slug[used++] = '-';
  }
  while (used > 0 && slug[used - 1] == '-')
    used--;
  slug[used] = '\0';
}

/* What a row must have, and must not. */
static bl_status check_row(const bl_table_file *file, bl_table_row *row) {
  if (row->name == NULL)
    return bl_fail(BL_ERROR_USAGE, "%s: rows: the key name is missing, expected the method as people read it", row->place);
  make_slug(row->slug, sizeof row->slug, row->name);
  if (row->slug[0] == '\0')
    return bl_fail(BL_ERROR_USAGE, "%s: rows: the name %s has no letter or digit, expected one", row->place, row->name);
  for (int i = 0; i < file->row_count; i++)
    if (strcmp(file->rows[i].slug, row->slug) == 0)
      return bl_fail(BL_ERROR_USAGE, "%s: rows: the names %s and %s are the same but for signs, expected others",
                     row->place, file->rows[i].name, row->name);
  for (int i = 0; i < row->settings.count && row->finetune.path == NULL; i++)
    if (strncmp(row->settings.values[i].text, "metrics", 7) == 0 || strncmp(row->settings.values[i].text, "data", 4) == 0)
      return bl_fail(BL_ERROR_USAGE, "%s: %s is not set for one row: all are measured alike, set it above the rows",
                     row->settings.values[i].place, row->settings.values[i].text);
  return BL_OK;
}

static bl_status read_row(reader *r) {
  static const field fields[] = {{"name", read_text, offsetof(bl_table_row, name)},
                                 {"set", read_settings, offsetof(bl_table_row, settings)},
                                 {"model", read_model, offsetof(bl_table_row, settings)},
                                 {"finetune", read_configuration, offsetof(bl_table_row, finetune)},
                                 {"columns", read_columns, offsetof(bl_table_row, columns)},
                                 {"seeds", read_seeds, offsetof(bl_table_row, seeds)},
                                 {"published", read_published, 0}};
  bl_table_file *file = r->file;
  bl_table_row *row = &file->rows[file->row_count];
  bool more = false;
  if (r->yaml.event.type != YAML_MAPPING_START_EVENT)
    return refuse_found(r, "rows", "a section of keys, such as {name: DDPM}");
  if (file->row_count == BL_TABLE_ROWS)
    return bl_yaml_refuse(&r->yaml, "more rows than %d, the most a table can have", BL_TABLE_ROWS);
  BL_TRY(keep_place(r, &row->place));
  BL_TRY(next(&more, r));
  BL_TRY(read_section(r, row, more, fields, sizeof fields / sizeof fields[0], "rows: "));
  BL_TRY(check_row(file, row));
  file->row_count++;
  return BL_OK;
}

static bl_status read_rows(reader *r, void *target, const char *key) {
  bool more = false;
  (void)target;
  BL_TRY(first(&more, r, YAML_SEQUENCE_START_EVENT, key, "a list of methods (- name: DDPM)"));
  while (more) {
    BL_TRY(read_row(r));
    BL_TRY(next(&more, r));
  }
  return BL_OK;
}

/* What rows leave out, and what must be there. */
static bl_status complete(bl_table_file *file) {
  if (file->row_count == 0)
    return bl_fail(BL_ERROR_USAGE, "%s: there are no rows, expected a list of methods under the key rows", file->path);
  if (file->samples == 0)
    return bl_fail(BL_ERROR_USAGE, "%s: the key samples is missing, expected how many samples a cell is measured on",
                   file->path);
  for (int i = 0; i < file->row_count; i++) {
    bl_table_row *row = &file->rows[i];
    if (row->columns.count == 0)
      row->columns = file->columns;
    if (row->seeds.count == 0)
      row->seeds = file->seeds;
    if (row->columns.count == 0 || row->seeds.count == 0)
      return bl_fail(BL_ERROR_USAGE, "%s: the key %s is missing, here and for the table, expected a list such as %s",
                     row->place, row->columns.count == 0 ? "columns" : "seeds",
                     row->columns.count == 0 ? "[10, 8]" : "[1, 2, 3]");
  }
  return BL_OK;
}

static bl_status read_document(reader *r) {
  static const field fields[] = {{"title", read_text, offsetof(bl_table_file, title)},
                                 {"output", read_text, offsetof(bl_table_file, output)},
                                 {"base", read_configuration, offsetof(bl_table_file, base)},
                                 {"set", read_settings, offsetof(bl_table_file, settings)},
                                 {"columns", read_columns, offsetof(bl_table_file, columns)},
                                 {"seeds", read_seeds, offsetof(bl_table_file, seeds)},
                                 {"samples", read_samples, offsetof(bl_table_file, samples)},
                                 {"metrics", read_metrics, 0},
                                 {"published", read_text, offsetof(bl_table_file, published)},
                                 {"rows", read_rows, 0}};
  bool more = false;
  if (r->yaml.event.type != YAML_MAPPING_START_EVENT)
    return bl_fail(BL_ERROR_USAGE, "%s: %sexpected the keys of a table, such as \"rows:\"", r->file->path,
                   r->yaml.size == 0 ? "is empty, " : "");
  BL_TRY(next(&more, r));
  BL_TRY(read_section(r, r->file, more, fields, sizeof fields / sizeof fields[0], ""));
  BL_TRY(bl_yaml_finish(&r->yaml));
  return complete(r->file);
}

static bl_status read_file(bl_table_file *file, const char *text, size_t size) {
  reader r = {.file = file};
  bl_status status = bl_yaml_open(&r.yaml, file->path, true, text, size);
  if (status == BL_OK)
    status = read_document(&r);
  bl_yaml_close(&r.yaml);
  return status;
}

static bl_status load(bl_table_configuration *configuration, const char *key, MPI_Comm comm) {
  char message[BL_MESSAGE_SIZE];
  if (configuration->path == NULL)
    return BL_OK;
  const bl_status status = bl_shared_text_read(&configuration->text, &configuration->size, configuration->path, comm);
  if (status == BL_OK)
    return BL_OK;
  snprintf(message, sizeof message, "%s", bl_status_message());
  bl_status_clear();
  return bl_fail(status, "%s: %s: %s", configuration->place, key, message);
}

bl_status bl_table_file_read(bl_table_file **file, const char *path, MPI_Comm comm) {
  char *text = NULL;
  size_t size;
  *file = NULL;
  BL_TRY(bl_shared_text_read(&text, &size, path, comm));
  bl_status status = bl_allocate(file, 1, sizeof **file);
  if (status == BL_OK) {
    (*file)->path = path;
    (*file)->title = (*file)->output = (*file)->published = "";
    status = read_file(*file, text, size);
  }
  bl_free(&text);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(load(&(*file)->base, "base", comm));
  for (int i = 0; i < (*file)->row_count; i++)
    BL_GOTO(load(&(*file)->rows[i].finetune, "finetune", comm));
  return BL_OK;
done:
  bl_table_file_destroy(file);
  return status;
}

void bl_table_file_destroy(bl_table_file **file) {
  bl_table_file *f = *file;
  if (f == NULL)
    return;
  for (int i = 0; i < f->text_count; i++)
    bl_free(&f->texts[i]);
  for (int i = 0; i < f->row_count; i++)
    bl_free(&f->rows[i].finetune.text);
  bl_free(&f->base.text);
  bl_free(file);
}

bool bl_table_row_published(double *value, const bl_table_row *row, int64_t column) {
  for (int i = 0; i < row->published_count; i++)
    if (row->published_columns[i] == column) {
      *value = row->published[i];
      return true;
    }
  return false;
}
