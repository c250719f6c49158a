#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "store/importer_format.h"
#include "store/listing.h"
#include "store/resize.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096, LARGEST_SIDE = 16384 };

/* A picture to read. */
typedef struct item {
  const char *name; /* borrowed from the listing of its class */
  int32_t class;    /* −1 for none */
} item;

typedef struct reader {
  const bl_options *options;
  const char *folder;
  bl_listing classes;  /* names of sub-folders */
  bl_listing *members; /* (classes.count, at least 1) pictures of each class, or of the folder itself */
  size_t member_count;
  item *items; /* (count) */
  size_t count;
  bool colour;           /* whether any picture has colours */
  char first[PATH_SIZE]; /* path of the picture that all sizes are compared with */
} reader;

static void destroy(reader *r) {
  for (size_t i = 0; r->members != NULL && i < r->member_count; i++)
    bl_listing_destroy(&r->members[i]);
  bl_free(&r->members);
  bl_free(&r->items);
  bl_listing_destroy(&r->classes);
}

static bl_status item_path(char path[PATH_SIZE], const reader *r, const item *i) {
  const char *class = i->class >= 0 ? r->classes.names[i->class] : ".";
  const int length = i->class >= 0 ? snprintf(path, PATH_SIZE, "%s/%s/%s", r->folder, class, i->name)
                                   : snprintf(path, PATH_SIZE, "%s/%s", r->folder, i->name);
  return length < PATH_SIZE ? BL_OK : bl_fail(BL_ERROR_INPUT, "the name of picture %s is too long", i->name);
}

/* Which pictures there are. */
static bl_status list(reader *r) {
  size_t skipped = 0, loose = 0;
  bl_listing top = {0};
  BL_TRY(bl_listing_read(&r->classes, &top, &skipped, r->folder));
  loose = top.count;
  r->member_count = r->classes.count > 0 ? r->classes.count : 1;
  bl_status status = bl_allocate(&r->members, r->member_count, sizeof *r->members);
  if (status != BL_OK || r->classes.count == 0) {
    if (status == BL_OK)
      r->members[0] = top;
    else
      bl_listing_destroy(&top);
  } else {
    bl_listing_destroy(&top);
    if (loose > 0)
      return bl_fail(BL_ERROR_INPUT,
                     "%s: has %zu pictures beside %zu sub-folders; expected pictures in sub-folders, one for "
                     "each class, or pictures alone",
                     r->folder, loose, r->classes.count);
    for (size_t i = 0; i < r->classes.count && status == BL_OK; i++) {
      char path[PATH_SIZE];
      bl_listing deeper = {0};
      if (strlen(r->classes.names[i]) >= BL_DATASET_NAME)
        return bl_fail(BL_ERROR_INPUT, "%s: the name of class folder %s is longer than %d letters", r->folder,
                       r->classes.names[i], BL_DATASET_NAME - 1);
      if (snprintf(path, sizeof path, "%s/%s", r->folder, r->classes.names[i]) >= PATH_SIZE)
        return bl_fail(BL_ERROR_INPUT, "the name of folder %s is too long", r->classes.names[i]);
      status = bl_listing_read(&deeper, &r->members[i], &skipped, path);
      skipped += deeper.count;
      bl_listing_destroy(&deeper);
      if (status == BL_OK && r->members[i].count == 0)
        status =
            bl_fail(BL_ERROR_INPUT,
                    "%s: has no file that ends in .png, .jpg or .jpeg; each sub-folder of import.images is a class", path);
    }
  }
  if (status == BL_OK && skipped > 0)
    bl_warn("%s: %zu entries that do not end in .png, .jpg or .jpeg were skipped", r->folder, skipped);
  return status;
}

/* Choose the pictures, class by class; a limit is spread over the classes. */
static bl_status choose(reader *r) {
  size_t total = 0, quota = 0, taken = 0;
  for (size_t c = 0; c < r->member_count; c++)
    total += r->members[c].count;
  if (total == 0)
    return bl_fail(BL_ERROR_INPUT, "%s: has no file that ends in .png, .jpg or .jpeg", r->folder);
  const size_t limit = r->options->import.limit > 0 ? (size_t)r->options->import.limit : total;
  r->count = limit < total ? limit : total;
  BL_TRY(bl_allocate(&r->items, r->count, sizeof *r->items));
  /* The smallest quota per class that reaches the limit; its last step goes to the first classes only. */
  size_t below = 0;
  while (taken < r->count) {
    quota++;
    below = taken;
    taken = 0;
    for (size_t c = 0; c < r->member_count; c++)
      taken += r->members[c].count < quota ? r->members[c].count : quota;
  }
  size_t extra = r->count - below, next = 0;
  for (size_t c = 0; c < r->member_count; c++) {
    const bool one_more = r->members[c].count >= quota && extra > 0;
    const size_t most = one_more ? quota : quota - 1;
    extra -= one_more;
    for (size_t i = 0; i < r->members[c].count && i < most; i++)
      r->items[next++] = (item){r->members[c].names[i], r->classes.count > 0 ? (int32_t)c : -1};
  }
  return BL_OK;
}

/* Store the picture as sample \a index, channels first, grey as three equal channels. */
static void store(bl_dataset *dataset, size_t index, const bl_picture *picture) {
  const size_t plane = (size_t)picture->height * (size_t)picture->width;
  for (size_t c = 0; c < (size_t)dataset->channels; c++) {
    uint8_t *target = dataset->pixels + (index * (size_t)dataset->channels + c) * plane;
    const uint8_t *source = picture->pixels + (picture->channels == 3 ? c : 0);
    for (size_t i = 0; i < plane; i++)
      target[i] = source[i * (size_t)picture->channels];
  }
}

static bl_status prepare(bl_dataset *dataset, reader *r, const bl_picture *picture, const char *path) {
  dataset->count = r->count;
  dataset->channels = r->options->import.grey ? 1 : 3;
  dataset->height = picture->height;
  dataset->width = picture->width;
  memcpy(r->first, path, strlen(path) + 1);
  BL_TRY(bl_allocate(&dataset->pixels, r->count * bl_dataset_sample_size(dataset), 1));
  if (r->classes.count == 0)
    return BL_OK;
  BL_TRY(bl_allocate(&dataset->labels, r->count, sizeof *dataset->labels));
  BL_TRY(bl_allocate(&dataset->class_names, r->classes.count, sizeof *dataset->class_names));
  dataset->classes = (int)r->classes.count;
  for (size_t c = 0; c < r->classes.count; c++)
    memcpy(dataset->class_names[c], r->classes.names[c], strlen(r->classes.names[c]));
  return BL_OK;
}

static bl_status read_item(bl_dataset *dataset, reader *r, size_t index) {
  char path[PATH_SIZE];
  bl_picture picture;
  BL_TRY(item_path(path, r, &r->items[index]));
  BL_TRY(bl_picture_read(&picture, path));
  bl_status status = BL_OK;
  r->colour = r->colour || picture.channels == 3;
  if (r->options->import.grey)
    bl_picture_grey(&picture);
  if (r->options->import.resize > 0)
    BL_GOTO(bl_picture_resize(&picture, r->options->import.resize));
  if (index == 0)
    BL_GOTO(prepare(dataset, r, &picture, path));
  if (picture.height != dataset->height || picture.width != dataset->width)
    BL_GOTO(bl_fail(BL_ERROR_INPUT, "%s: is %d x %d pixels (height x width), but %s is %d x %d; set import.resize", path,
                    picture.height, picture.width, r->first, dataset->height, dataset->width));
  store(dataset, index, &picture);
  if (dataset->labels != NULL)
    dataset->labels[index] = r->items[index].class;
done:
  bl_picture_destroy(&picture);
  return status;
}

/* Where no picture has colours, one channel is enough. */
static void drop_colours(bl_dataset *dataset) {
  const size_t plane = (size_t)dataset->height * (size_t)dataset->width;
  for (size_t i = 1; i < dataset->count; i++)
    memmove(dataset->pixels + i * plane, dataset->pixels + 3 * i * plane, plane);
  dataset->channels = 1;
}

bl_status bl_import_folder(bl_dataset *dataset, const bl_options *options) {
  reader r = {.options = options, .folder = options->import.images};
  bl_progress *progress = NULL;
  bl_status status;
  if (options->import.resize < 0 || options->import.resize > LARGEST_SIDE)
    return bl_options_reject(options, "import.resize", "0 (no change) to %d", LARGEST_SIDE);
  BL_GOTO(list(&r));
  BL_GOTO(choose(&r));
  BL_GOTO(bl_progress_start(&progress, "read pictures", 0, (long)r.count));
  for (size_t i = 0; i < r.count; i++) {
    BL_GOTO(read_item(dataset, &r, i));
    bl_progress_update(progress, (long)(i + 1), "%s", "");
  }
  if (!r.colour && !options->import.grey)
    drop_colours(dataset);
done:
  bl_progress_finish(&progress);
  destroy(&r);
  return status;
}
