#include "table/file.h"

#include "base/memory.h"
#include "base/text.h"
#include "parallel/agree.h"
#include "store/shared_text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
  bl_table_file *file;
  yaml_document_t document;
} reader;

/* A key of a section, and who reads its value to where. */
typedef struct field {
  const char *name;
  bl_status (*read)(reader *r, void *target, const yaml_node_t *value, const char *key);
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

static bl_status keep_place(reader *r, const char **place, const yaml_node_t *node) {
  return keep(r->file, place, "%s:%zu", r->file->path, node->start_mark.line + 1);
}

__attribute__((format(printf, 3, 4))) static bl_status refuse(const reader *r, const yaml_node_t *node, const char *format,
                                                              ...) {
  char message[BL_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return bl_fail(BL_ERROR_USAGE, "%s:%zu: %s", r->file->path, node->start_mark.line + 1, message);
}

static const char *describe(const yaml_node_t *node) {
  if (node->type == YAML_SEQUENCE_NODE)
    return "a list";
  return node->type == YAML_MAPPING_NODE ? "a section of keys"
         : node->data.scalar.length == 0 ? "empty"
                                         : (const char *)node->data.scalar.value;
}

static yaml_node_t *node_of(reader *r, int index) {
  return yaml_document_get_node(&r->document, index);
}

/* ---- Values -----------------------------------------------------------------------------------------------------------
 */

static bl_status read_text(reader *r, void *target, const yaml_node_t *value, const char *key) {
  if (value->type != YAML_SCALAR_NODE || value->data.scalar.length == 0)
    return refuse(r, value, "%s is %s, expected text", key, describe(value));
  for (size_t i = 0; i < value->data.scalar.length; i++)
    if (value->data.scalar.value[i] < 0x20 || value->data.scalar.value[i] == 0x7f)
      return refuse(r, value, "%s has a line break or another control character, expected one line of text", key);
  const char *text = NULL;
  BL_TRY(keep(r->file, &text, "%s", (const char *)value->data.scalar.value));
  *(const char **)target = text;
  return BL_OK;
}

static bl_status read_integer(const reader *r, int64_t *number, const yaml_node_t *value, const char *key) {
  const char *word = value->type == YAML_SCALAR_NODE ? (const char *)value->data.scalar.value : "";
  errno = 0;
  *number = word[0] != '\0' && word[strspn(word, "0123456789")] == '\0' ? strtoll(word, NULL, 10) : -1;
  if (*number < 0 || errno != 0)
    return refuse(r, value, "%s: found %s, expected a whole number of at least 0", key, describe(value));
  return BL_OK;
}

static bl_status read_steps(const reader *r, int64_t *number, const yaml_node_t *value, const char *key) {
  BL_TRY(read_integer(r, number, value, key));
  return *number >= 1 && *number <= 1048576
             ? BL_OK
             : refuse(r, value, "%s: found %lld, expected 1 to 1048576", key, (long long)*number);
}

static bl_status read_samples(reader *r, void *target, const yaml_node_t *value, const char *key) {
  BL_TRY(keep_place(r, &r->file->samples_place, value));
  BL_TRY(read_integer(r, target, value, key));
  const int64_t samples = *(int64_t *)target;
  return samples >= 2 ? BL_OK : refuse(r, value, "%s is %lld, expected at least 2", key, (long long)samples);
}

static bl_status read_list(reader *r, bl_table_list *list, const yaml_node_t *value, const char *key, bool steps) {
  if (value->type != YAML_SEQUENCE_NODE)
    return refuse(r, value, "%s is %s, expected a list of whole numbers, such as [10, 8]", key, describe(value));
  BL_TRY(keep_place(r, &list->place, value));
  for (const yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++) {
    const yaml_node_t *item = node_of(r, *i);
    if (list->count == BL_TABLE_LIST)
      return refuse(r, item, "%s has more elements than %d, the most it can have", key, BL_TABLE_LIST);
    int64_t number;
    BL_TRY((steps ? read_steps : read_integer)(r, &number, item, key));
    for (int k = 0; k < list->count; k++)
      if (list->values[k] == number)
        return refuse(r, item, "%s: %lld is there twice", key, (long long)number);
    list->values[list->count++] = number;
  }
  return list->count > 0 ? BL_OK : refuse(r, value, "%s is empty, expected at least one number", key);
}

static bl_status read_columns(reader *r, void *target, const yaml_node_t *value, const char *key) {
  return read_list(r, target, value, key, true);
}

static bl_status read_seeds(reader *r, void *target, const yaml_node_t *value, const char *key) {
  return read_list(r, target, value, key, false);
}

/* A path relative to the table's folder. */
static bl_status read_configuration(reader *r, void *target, const yaml_node_t *value, const char *key) {
  bl_table_configuration *configuration = target;
  const char *written = NULL, *path = r->file->path;
  BL_TRY(read_text(r, &written, value, key));
  BL_TRY(keep_place(r, &configuration->place, value));
  const char *slash = written[0] == '/' ? NULL : strrchr(path, '/');
  return keep(r->file, &configuration->path, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, written);
}

static bl_status add_setting(reader *r, bl_table_settings *settings, const char *text, const yaml_node_t *value) {
  if (settings->count == BL_TABLE_SETTINGS)
    return refuse(r, value, "more settings than %d, the most there can be; write them into a file", BL_TABLE_SETTINGS);
  bl_options_setting *setting = &settings->values[settings->count++];
  *setting = (bl_options_setting){.text = text, .path = r->file->path};
  return keep_place(r, &setting->place, value);
}

/* What the table itself says may not be said otherwise by a setting. */
static bl_status check_setting(const reader *r, const char *text, const yaml_node_t *value) {
  static const char *const said[][2] = {
      {"seed=", "seeds"}, {"sampler.steps=", "columns"}, {"sampler.count=", "samples"}, {"output=", "output"}};
  for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
    if (strncmp(text, said[i][0], strlen(said[i][0])) == 0)
      return refuse(r, value, "%s is not set here: the table's key `%s` says it", text, said[i][1]);
  return BL_OK;
}

static bl_status read_settings(reader *r, void *target, const yaml_node_t *value, const char *key) {
  if (value->type != YAML_SEQUENCE_NODE)
    return refuse(r, value, "%s is %s, expected a list of settings, such as [sampler.name=ddpm]", key, describe(value));
  for (const yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++) {
    const yaml_node_t *item = node_of(r, *i);
    const char *text = NULL;
    BL_TRY(read_text(r, &text, item, key));
    if (text[0] == '-' || strchr(text, '=') == NULL)
      return refuse(r, item, "%s: found %s, expected KEY=VALUE, such as sampler.name=ddpm", key, text);
    BL_TRY(check_setting(r, text, item));
    BL_TRY(add_setting(r, target, text, item));
  }
  return BL_OK;
}

static bl_status read_model(reader *r, void *target, const yaml_node_t *value, const char *key) {
  const char *path = NULL, *text = NULL;
  BL_TRY(read_text(r, &path, value, key));
  BL_TRY(keep(r->file, &text, "model.file=%s", path));
  return add_setting(r, target, text, value);
}

static bl_status read_metrics(reader *r, void *target, const yaml_node_t *value, const char *key) {
  bl_table_file *file = target;
  if (value->type != YAML_SEQUENCE_NODE)
    return refuse(r, value, "%s is %s, expected a list of metrics, such as [fid]", key, describe(value));
  BL_TRY(keep_place(r, &file->metrics_place, value));
  for (const yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++) {
    if (file->metric_count == BL_TABLE_LIST)
      return refuse(r, value, "%s has more elements than %d", key, BL_TABLE_LIST);
    BL_TRY(read_text(r, &file->metrics[file->metric_count++], node_of(r, *i), key));
  }
  return BL_OK;
}

static bl_status read_published(reader *r, void *target, const yaml_node_t *value, const char *key) {
  bl_table_row *row = target;
  if (value->type != YAML_MAPPING_NODE)
    return refuse(r, value, "%s is %s, expected numbers by column, such as {10: 34.76}", key, describe(value));
  for (const yaml_node_pair_t *p = value->data.mapping.pairs.start; p < value->data.mapping.pairs.top; p++) {
    const yaml_node_t *number = node_of(r, p->value);
    const char *word = number->type == YAML_SCALAR_NODE ? (const char *)number->data.scalar.value : "";
    char *end;
    if (row->published_count == BL_TABLE_LIST)
      return refuse(r, number, "%s has more elements than %d", key, BL_TABLE_LIST);
    BL_TRY(read_steps(r, &row->published_columns[row->published_count], node_of(r, p->key), key));
    const double read = strtod(word, &end);
    if (end == word || *end != '\0' || !isfinite(read))
      return refuse(r, number, "%s: found %s, expected a number", key, describe(number));
    row->published[row->published_count++] = read;
  }
  return BL_OK;
}

/* ---- Sections ---------------------------------------------------------------------------------------------------------
 */

/* All pairs of a mapping into \a target. \param [in] where  "rows: " or "". */
static bl_status read_section(reader *r, void *target, const yaml_node_t *section, const field *fields, int count,
                              const char *where) {
  unsigned seen = 0;
  for (const yaml_node_pair_t *p = section->data.mapping.pairs.start; p < section->data.mapping.pairs.top; p++) {
    const yaml_node_t *key = node_of(r, p->key);
    const char *name = key->type == YAML_SCALAR_NODE ? (const char *)key->data.scalar.value : "";
    int i = 0;
    while (i < count && strcmp(fields[i].name, name) != 0)
      i++;
    if (i == count) {
      char names[256] = "";
      for (int k = 0; k < count; k++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", k > 0 ? ", " : "", fields[k].name);
      return refuse(r, key, "%sthere is no key %s, expected one of %s", where, describe(key), names);
    }
    if ((seen >> i & 1) != 0)
      return refuse(r, key, "%s%s is set twice", where, name);
    seen |= 1U << i;
    BL_TRY(fields[i].read(r, (char *)target + fields[i].offset, node_of(r, p->value), name));
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

static bl_status read_row(reader *r, const yaml_node_t *node) {
  static const field fields[] = {{"name", read_text, offsetof(bl_table_row, name)},
                                 {"set", read_settings, offsetof(bl_table_row, settings)},
                                 {"model", read_model, offsetof(bl_table_row, settings)},
                                 {"finetune", read_configuration, offsetof(bl_table_row, finetune)},
                                 {"columns", read_columns, offsetof(bl_table_row, columns)},
                                 {"seeds", read_seeds, offsetof(bl_table_row, seeds)},
                                 {"published", read_published, 0}};
  bl_table_file *file = r->file;
  if (node->type != YAML_MAPPING_NODE)
    return refuse(r, node, "rows: found %s, expected a section of keys, such as {name: DDPM}", describe(node));
  if (file->row_count == BL_TABLE_ROWS)
    return refuse(r, node, "more rows than %d, the most a table can have", BL_TABLE_ROWS);
  bl_table_row *row = &file->rows[file->row_count];
  BL_TRY(keep_place(r, &row->place, node));
  BL_TRY(read_section(r, row, node, fields, sizeof fields / sizeof fields[0], "rows: "));
  if (row->name == NULL)
    return refuse(r, node, "rows: the key name is missing, expected the method as people read it");
  make_slug(row->slug, sizeof row->slug, row->name);
  if (row->slug[0] == '\0')
    return refuse(r, node, "rows: the name %s has no letter or digit, expected one", row->name);
  for (int i = 0; i < file->row_count; i++)
    if (strcmp(file->rows[i].slug, row->slug) == 0)
      return refuse(r, node, "rows: the names %s and %s are the same but for signs, expected others", file->rows[i].name,
                    row->name);
  for (int i = 0; i < row->settings.count && row->finetune.path == NULL; i++)
    if (strncmp(row->settings.values[i].text, "metrics", 7) == 0 || strncmp(row->settings.values[i].text, "data", 4) == 0)
      return bl_fail(BL_ERROR_USAGE, "%s: %s is not set for one row: all are measured alike, set it above the rows",
                     row->settings.values[i].place, row->settings.values[i].text);
  file->row_count++;
  return BL_OK;
}

static bl_status read_rows(reader *r, void *target, const yaml_node_t *value, const char *key) {
  (void)target;
  if (value->type != YAML_SEQUENCE_NODE)
    return refuse(r, value, "%s is %s, expected a list of methods (- name: DDPM)", key, describe(value));
  for (const yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++)
    BL_TRY(read_row(r, node_of(r, *i)));
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

static bl_status read_document(bl_table_file *file, const char *text, size_t size) {
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
  yaml_parser_t parser;
  reader r = {.file = file};
  size_t start;
  BL_TRY(bl_text_begin(&start, file->path, text, size));
  if (!yaml_parser_initialize(&parser))
    return bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", file->path);
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, (const unsigned char *)text + start, size - start);
  if (!yaml_parser_load(&parser, &r.document)) {
    const bl_status status = bl_fail(BL_ERROR_USAGE, "%s:%zu: not valid YAML: %s", file->path, parser.problem_mark.line + 1,
                                     parser.problem == NULL ? "unknown problem" : parser.problem);
    yaml_parser_delete(&parser);
    return status;
  }
  const yaml_node_t *root = yaml_document_get_root_node(&r.document);
  bl_status status = BL_OK;
  if (root == NULL || root->type != YAML_MAPPING_NODE)
    status = bl_fail(BL_ERROR_USAGE, "%s: %sexpected the keys of a table, such as \"rows:\"", file->path,
                     size == start ? "is empty, " : "");
  if (status == BL_OK)
    status = read_section(&r, file, root, fields, sizeof fields / sizeof fields[0], "");
  yaml_document_delete(&r.document);
  yaml_parser_delete(&parser);
  return status == BL_OK ? complete(file) : status;
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
    status = read_document(*file, text, size);
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
