#include "store/safetensors.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  LENGTH = 8,          /* bytes of the header's length */
  LARGEST = 100000000, /* bytes of a header, as in the reference implementation */
  ENTRY = 4096,        /* bytes of what a header says of one tensor */
  DEPTH = 2,           /* an object of lists */
  MOST_TENSORS = 65536,
  MOST_TEXTS = 4096
};

static const struct {
  const char *name;
  size_t bytes;
} types[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8},     {"I32", 4},     {"I16", 2}, {"I8", 1},
             {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"BOOL", 1}};

enum { TYPES = sizeof types / sizeof types[0] };

/* ---- Taking the header apart without believing it ------------------------------------------------------------------- */

/* A part of the header. */
typedef struct extent {
  size_t start, end;
} extent;

/* A walk over the members of one object of the header. */
typedef struct walk {
  const bl_safetensors *file;
  size_t at, end;
  bool begun;
} walk;

/* What is at byte \a at of the header is not what was expected. */
static bl_status refuse(const bl_safetensors *file, size_t at, size_t end, const char *expected) {
  const unsigned char byte = at < end ? (unsigned char)file->header[at] : 0;
  char found[16] = "its end";
  if (at < end)
    snprintf(found, sizeof found, byte > 32 && byte < 127 ? "'%c'" : "byte %02x", byte);
  return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: the header: found %s, expected %s", file->path, LENGTH + at, found,
                 expected);
}

static void skip_space(walk *w) {
  while (w->at < w->end && strchr(" \t\r\n", w->file->header[w->at]) != NULL && w->file->header[w->at] != '\0')
    w->at++;
}

static bool is_at(const walk *w, char letter) {
  return w->at < w->end && w->file->header[w->at] == letter;
}

static bl_status skip_string(walk *w) {
  if (!is_at(w, '"'))
    return refuse(w->file, w->at, w->end, "a name in quotes");
  for (w->at++; w->at < w->end && w->file->header[w->at] != '"'; w->at++)
    w->at += w->file->header[w->at] == '\\';
  if (w->at >= w->end)
    return refuse(w->file, w->end, w->end, "the end of a text");
  w->at++;
  return BL_OK;
}

/* Up to the comma or bracket after a value; jansson judges the value itself, which cannot nest deeper than DEPTH. */
static bl_status skip_value(walk *w) {
  int depth = 0;
  while (w->at < w->end && (depth > 0 || !(is_at(w, ',') || is_at(w, '}')))) {
    if (is_at(w, '"')) {
      BL_TRY(skip_string(w));
      continue;
    }
    depth += (is_at(w, '{') || is_at(w, '[')) - (is_at(w, '}') || is_at(w, ']'));
    if (depth > DEPTH || depth < 0)
      return refuse(w->file, w->at, w->end, "no deeper lists than an object of lists");
    w->at++;
  }
  return BL_OK;
}

static bl_status walk_begin(walk *w, const bl_safetensors *file, extent object) {
  *w = (walk){file, object.start, object.end, false};
  skip_space(w);
  if (!is_at(w, '{'))
    return refuse(file, w->at, w->end, "'{'");
  w->at++;
  return BL_OK;
}

/* \param [out] more  whether there was one. After the last one only spaces may follow. */
static bl_status walk_next(bool *more, extent *name, extent *value, walk *w) {
  skip_space(w);
  *more = !is_at(w, '}');
  if (!*more) {
    w->at++;
    skip_space(w);
    return w->at == w->end ? BL_OK : refuse(w->file, w->at, w->end, "nothing but spaces after the last '}'");
  }
  if (w->begun) {
    if (!is_at(w, ','))
      return refuse(w->file, w->at, w->end, "',' or '}'");
    w->at++;
    skip_space(w);
  }
  w->begun = true;
  name->start = w->at;
  BL_TRY(skip_string(w));
  name->end = w->at;
  skip_space(w);
  if (!is_at(w, ':'))
    return refuse(w->file, w->at, w->end, "':'");
  value->start = ++w->at;
  BL_TRY(skip_value(w));
  value->end = w->at;
  return BL_OK;
}

/* How many members an object has. */
static bl_status count_members(size_t *count, const bl_safetensors *file, extent object) {
  walk w;
  extent name, value;
  bool more = true;
  *count = 0;
  BL_TRY(walk_begin(&w, file, object));
  while (more) {
    BL_TRY(walk_next(&more, &name, &value, &w));
    *count += more;
  }
  return BL_OK;
}

/* \param [out] json  the caller's. */
static bl_status parse(json_t **json, const bl_safetensors *file, extent part) {
  json_error_t error;
  *json = json_loadb(file->header + part.start, part.end - part.start, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
  if (*json != NULL)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: the header is no JSON: %s", file->path,
                 LENGTH + part.start + (size_t)(error.position > 0 ? error.position : 0), error.text);
}

/* A text, decoded where it stands: it is never longer than its spelling, whose quotes leave room for the end. */
static bl_status take_text(const char **text, bl_safetensors *file, extent part) {
  json_t *json;
  BL_TRY(parse(&json, file, part));
  if (!json_is_string(json)) {
    json_decref(json);
    return refuse(file, part.start, part.end, "a text in quotes");
  }
  char *place = file->header + part.start;
  const size_t length = json_string_length(json);
  memcpy(place, json_string_value(json), length);
  place[length] = '\0';
  json_decref(json);
  *text = place;
  return BL_OK;
}

/* ---- Tensors -------------------------------------------------------------------------------------------------------- */

const char *bl_safetensors_shape_text(char *text, size_t size, const size_t *shape, int dimensions) {
  size_t used = (size_t)snprintf(text, size, "[");
  for (int d = 0; d < dimensions && used < size; d++)
    used += (size_t)snprintf(text + used, size - used, "%s%zu", d > 0 ? ", " : "", shape[d]);
  if (used < size)
    snprintf(text + used, size - used, "]");
  return text;
}

size_t bl_safetensors_count(const bl_safetensors_tensor *tensor) {
  size_t count = 1;
  for (int d = 0; d < tensor->dimensions; d++)
    count *= tensor->shape[d];
  return count;
}

static int type_of(const bl_safetensors_tensor *tensor) {
  int type = 0;
  while (type < TYPES && types[type].name != tensor->type)
    type++;
  return type;
}

static bl_status read_type(bl_safetensors_tensor *tensor, const bl_safetensors *file, const json_t *entry) {
  const char *name = json_string_value(json_object_get(entry, "dtype"));
  for (int i = 0; name != NULL && i < TYPES; i++)
    if (strcmp(name, types[i].name) == 0)
      tensor->type = types[i].name;
  if (tensor->type != NULL)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: dtype: found %s, expected F32, F16, BF16, F64, an integer type or BOOL",
                 file->path, tensor->name, name != NULL ? name : "none");
}

static bl_status read_shape(bl_safetensors_tensor *tensor, const bl_safetensors *file, const json_t *entry) {
  const json_t *list = json_object_get(entry, "shape");
  const size_t dimensions = json_array_size(list);
  size_t count = 1;
  if (!json_is_array(list) || dimensions > BL_SAFETENSORS_DIMENSIONS)
    return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: shape: found %s of %zu, expected a list of at most %d sizes", file->path,
                   tensor->name, json_is_array(list) ? "a list" : "no list", dimensions, BL_SAFETENSORS_DIMENSIONS);
  for (size_t d = 0; d < dimensions; d++) {
    const json_t *number = json_array_get(list, d);
    const json_int_t size = json_integer_value(number);
    if (!json_is_integer(number) || size < 0)
      return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: shape: found %s at place %zu, expected a whole number of 0 or more",
                     file->path, tensor->name, json_is_integer(number) ? "a negative size" : "no whole number", d);
    if (size > 0 && count > (file->size - file->start) / (uint64_t)size)
      return bl_fail(BL_ERROR_INPUT,
                     "%s: tensor %s: shape: found more elements than fit, expected at most the %zu bytes after the header",
                     file->path, tensor->name, file->size - file->start);
    tensor->shape[d] = (size_t)size;
    count *= (size_t)size;
  }
  tensor->dimensions = (int)dimensions;
  return BL_OK;
}

static bl_status read_offsets(bl_safetensors_tensor *tensor, const bl_safetensors *file, const json_t *entry) {
  const json_t *list = json_object_get(entry, "data_offsets");
  const json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
  const json_int_t begin = json_integer_value(first), end = json_integer_value(second);
  const size_t most = file->size - file->start;
  if (json_array_size(list) != 2 || !json_is_integer(first) || !json_is_integer(second))
    return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: data_offsets: found no two whole numbers, expected [begin, end]",
                   file->path, tensor->name);
  if (begin < 0 || end < begin || (uint64_t)end > most)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: tensor %s: data_offsets: found [%lld, %lld], expected them in order, from 0 to the %zu bytes after "
                   "the header",
                   file->path, tensor->name, (long long)begin, (long long)end, most);
  tensor->begin = (size_t)begin;
  tensor->end = (size_t)end;
  char shape[192];
  const size_t bytes = bl_safetensors_count(tensor) * types[type_of(tensor)].bytes;
  if (tensor->end - tensor->begin != bytes)
    return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: data_offsets: found %zu bytes, expected %zu of %s and shape %s",
                   file->path, tensor->name, tensor->end - tensor->begin, bytes, tensor->type,
                   bl_safetensors_shape_text(shape, sizeof shape, tensor->shape, tensor->dimensions));
  return BL_OK;
}

static bl_status read_entry(bl_safetensors_tensor *tensor, const bl_safetensors *file, const json_t *entry) {
  if (!json_is_object(entry) || json_object_size(entry) != 3)
    return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: found %s of %zu members, expected dtype, shape and data_offsets",
                   file->path, tensor->name, json_is_object(entry) ? "an object" : "no object", json_object_size(entry));
  BL_TRY(read_type(tensor, file, entry));
  BL_TRY(read_shape(tensor, file, entry));
  return read_offsets(tensor, file, entry);
}

static bl_status add_tensor(bl_safetensors *file, extent name, extent value) {
  bl_safetensors_tensor *tensor = &file->tensors[file->tensor_count];
  json_t *entry;
  if (value.end - value.start > ENTRY)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: tensor %s is described in %zu bytes, expected at most %d", file->path,
                   LENGTH + value.start, tensor->name, value.end - value.start, ENTRY);
  if (name.end - name.start > BL_SAFETENSORS_NAME)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: found a name of %zu bytes, expected at most %d", file->path,
                   LENGTH + name.start, name.end - name.start - 2, BL_SAFETENSORS_NAME - 2);
  BL_TRY(parse(&entry, file, value));
  const bl_status status = read_entry(tensor, file, entry);
  json_decref(entry);
  file->tensor_count += status == BL_OK;
  return status;
}

static bl_status read_texts(bl_safetensors *file, extent object) {
  walk w;
  extent name, value;
  size_t count;
  bool more = true;
  BL_TRY(count_members(&count, file, object));
  if (count > MOST_TEXTS || file->texts != NULL)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: __metadata__: found %s, expected at most %d texts, once", file->path,
                   LENGTH + object.start, file->texts != NULL ? "it twice" : "too many", MOST_TEXTS);
  BL_TRY(bl_allocate(&file->texts, count + 1, sizeof *file->texts));
  BL_TRY(walk_begin(&w, file, object));
  for (;;) {
    BL_TRY(walk_next(&more, &name, &value, &w));
    if (!more)
      return BL_OK;
    bl_safetensors_text *text = &file->texts[file->text_count++];
    BL_TRY(take_text(&text->key, file, name));
    BL_TRY(take_text(&text->value, file, value));
  }
}

/* ---- The header ----------------------------------------------------------------------------------------------------- */

static int compare_places(const void *left, const void *right) {
  const bl_safetensors_tensor *a = left, *b = right;
  if (a->begin != b->begin)
    return a->begin < b->begin ? -1 : 1;
  if (a->end != b->end)
    return a->end < b->end ? -1 : 1;
  return strcmp(a->name, b->name);
}

static int compare_names(const void *left, const void *right) {
  const bl_safetensors_tensor *const *a = left, *const *b = right;
  return strcmp((*a)->name, (*b)->name);
}

/* Numbers without gaps, from the end of the header to the end of the file; each name once. */
static bl_status check_whole(bl_safetensors *file) {
  size_t at = 0;
  qsort(file->tensors, file->tensor_count, sizeof *file->tensors, compare_places);
  for (size_t i = 0; i < file->tensor_count; i++) {
    const bl_safetensors_tensor *tensor = &file->tensors[i];
    if (tensor->begin != at)
      return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: data_offsets: found them to begin at %zu, expected %zu: %s",
                     file->path, tensor->name, tensor->begin, at,
                     tensor->begin < at ? "tensors overlap" : "bytes before it belong to no tensor");
    at = tensor->end;
    file->by_name[i] = tensor;
  }
  if (at != file->size - file->start)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: found %zu bytes after the last tensor, expected the end of the file",
                   file->path, file->start + at, file->size - file->start - at);
  qsort(file->by_name, file->tensor_count, sizeof *file->by_name, compare_names);
  for (size_t i = 1; i < file->tensor_count; i++)
    if (strcmp(file->by_name[i - 1]->name, file->by_name[i]->name) == 0)
      return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: found its name twice, expected it once", file->path,
                     file->by_name[i]->name);
  return BL_OK;
}

static bl_status read_members(bl_safetensors *file, extent whole) {
  walk w;
  extent name, value;
  bool more = true;
  BL_TRY(walk_begin(&w, file, whole));
  for (;;) {
    const char *text;
    BL_TRY(walk_next(&more, &name, &value, &w));
    if (!more)
      return check_whole(file);
    BL_TRY(take_text(&text, file, name));
    file->tensors[file->tensor_count].name = text;
    if (strcmp(text, "__metadata__") == 0)
      BL_TRY(read_texts(file, value));
    else
      BL_TRY(add_tensor(file, name, value));
  }
}

static bl_status read_header(bl_safetensors *file) {
  unsigned char bytes[LENGTH];
  uint64_t length = 0;
  size_t members;
  if (file->size < LENGTH)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte 0: found %zu bytes, expected the 8 of the header's length", file->path,
                   file->size);
  BL_TRY(bl_safetensors_bytes(bytes, file, LENGTH, 0));
  for (int i = LENGTH - 1; i >= 0; i--)
    length = length << 8 | bytes[i];
  const size_t most = file->size - LENGTH < LARGEST ? file->size - LENGTH : LARGEST;
  if (length < 2 || length > most)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: at byte 0: no safetensors: found %llu for the bytes of the header, expected 2 to %zu in a file of "
                   "%zu bytes",
                   file->path, (unsigned long long)length, most, file->size);
  const extent whole = {0, (size_t)length};
  file->start = LENGTH + whole.end;
  BL_TRY(bl_allocate(&file->header, whole.end + 1, 1));
  BL_TRY(bl_safetensors_bytes(file->header, file, whole.end, LENGTH));
  if (file->header[0] != '{')
    return refuse(file, 0, whole.end, "'{'");
  BL_TRY(count_members(&members, file, whole));
  if (members > MOST_TENSORS)
    return bl_fail(BL_ERROR_INPUT, "%s: found %zu tensors, expected at most %d", file->path, members, MOST_TENSORS);
  BL_TRY(bl_allocate(&file->tensors, members + 1, sizeof *file->tensors));
  BL_TRY(bl_allocate(&file->by_name, members + 1, sizeof *file->by_name));
  return read_members(file, whole);
}

bool bl_safetensors_meant(const char *path) {
  static const char ending[] = ".safetensors";
  const size_t length = strlen(path), tail = sizeof ending - 1;
  char bytes[LENGTH + 1] = "";
  if (length > tail && strcmp(path + length - tail, ending) == 0)
    return true;
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const ssize_t got = descriptor < 0 ? 0 : pread(descriptor, bytes, sizeof bytes, 0);
  if (descriptor >= 0)
    close(descriptor);
  return got == sizeof bytes && bytes[LENGTH] == '{';
}

bl_status bl_safetensors_open(bl_safetensors *file, const char *path) {
  struct stat what;
  *file = (bl_safetensors){.path = path, .descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file->descriptor < 0 || fstat(file->descriptor, &what) != 0) {
    const int reason = errno;
    bl_safetensors_close(file);
    return bl_fail(BL_ERROR_INPUT, "%s: %s", path, strerror(reason));
  }
  bl_status status = BL_OK;
  if (!S_ISREG(what.st_mode))
    status =
        bl_fail(BL_ERROR_INPUT, "%s: is %s, expected a file", path, S_ISDIR(what.st_mode) ? "a folder" : "no regular file");
  file->size = status == BL_OK ? (size_t)what.st_size : 0;
  if (status == BL_OK)
    status = read_header(file);
  if (status != BL_OK)
    bl_safetensors_close(file);
  return status;
}

void bl_safetensors_close(bl_safetensors *file) {
  if (file->descriptor >= 0)
    close(file->descriptor);
  file->descriptor = -1;
  bl_free(&file->texts);
  bl_free(&file->by_name);
  bl_free(&file->tensors);
  bl_free(&file->header);
  file->tensor_count = file->text_count = 0;
}

const bl_safetensors_tensor *bl_safetensors_find(const bl_safetensors *file, const char *name) {
  const bl_safetensors_tensor wanted = {.name = name}, *key = &wanted;
  if (file->tensor_count == 0)
    return NULL;
  const bl_safetensors_tensor *const *found =
      bsearch(&key, file->by_name, file->tensor_count, sizeof *file->by_name, compare_names);
  return found == NULL ? NULL : *found;
}

const char *bl_safetensors_text_of(const bl_safetensors *file, const char *key) {
  for (size_t i = 0; i < file->text_count; i++)
    if (strcmp(file->texts[i].key, key) == 0)
      return file->texts[i].value;
  return NULL;
}
