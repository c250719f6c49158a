#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "store/importer_format.h"
#include "store/listing.h"
#include "store/resize.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096, LISTED = 20 };

/* A picture to read. */
typedef struct item {
  const char *name; /* borrowed from the listing of its class */
  int32_t class;    /* −1 for none */
} item;

/* Pictures that cannot be used for one reason, of which the first are listed. */
typedef struct trouble {
  size_t count;
  char first[BL_MESSAGE_SIZE];
} trouble;

typedef struct reader {
  const bl_options *options;
  const char *folder;
  bl_listing classes;  /* names of sub-folders */
  bl_listing *members; /* (member_count) pictures of each class, or of the folder itself */
  size_t member_count;
  size_t others, deeper; /* entries that are no pictures, folders in classes */
  char first_other[PATH_SIZE], first_deeper[PATH_SIZE];
  item *items; /* (count) */
  size_t count;
  size_t used, turned, from_inks; /* pictures in the data set so far; of them turned by EXIF, and converted from CMYK */
  trouble bad, other_size;
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

/* ---- What there is -----------------------------------------------------------------------------------------------------
 */

/* "FOLDER/CLASS/NAME"; a class or a name of "" is left out. */
static bl_status join_path(char path[PATH_SIZE], const reader *r, const char *class, const char *name) {
  if (snprintf(path, PATH_SIZE, "%s%s%s%s%s", r->folder, class[0] == '\0' ? "" : "/", class, name[0] == '\0' ? "" : "/",
               name) >= PATH_SIZE)
    return bl_fail(BL_ERROR_INPUT, "the name of %s in folder %s is too long", name, class);
  return BL_OK;
}

static const char *class_of(const reader *r, int32_t class) {
  return class >= 0 ? r->classes.names[class] : "";
}

/* Count what a listing has of a kind that is not read; the first of all is kept. */
static bl_status count_unread(size_t *count, char first[PATH_SIZE], const bl_listing *unread, const reader *r,
                              const char *class) {
  if (*count == 0 && unread->count > 0)
    BL_TRY(join_path(first, r, class, unread->names[0]));
  *count += unread->count;
  return BL_OK;
}

/* The pictures of one class. */
static bl_status list_class(reader *r, size_t class) {
  const char *name = r->classes.names[class];
  char path[PATH_SIZE];
  bl_listing deeper = {0}, others = {0};
  if (strlen(name) >= BL_DATASET_NAME)
    return bl_fail(BL_ERROR_INPUT, "%s: the name of class folder %s is longer than %d bytes", r->folder, name,
                   BL_DATASET_NAME - 1);
  BL_TRY(join_path(path, r, name, ""));
  BL_TRY(bl_listing_read(&deeper, &r->members[class], &others, path));
  bl_status status = count_unread(&r->deeper, r->first_deeper, &deeper, r, name);
  if (status == BL_OK)
    status = count_unread(&r->others, r->first_other, &others, r, name);
  if (status == BL_OK && r->members[class].count == 0)
    status =
        bl_fail(BL_ERROR_INPUT,
                "%s: has no file that ends in .png, .jpg or .jpeg%s%s%s; each sub-folder of import.images is a class%s",
                path, deeper.count > 0 ? ", but folders, as " : "", deeper.count > 0 ? deeper.names[0] : "",
                deeper.count == 0 && others.count > 0 ? ", but other files" : "",
                deeper.count > 0 ? ": name the folder whose sub-folders have the pictures" : "; remove it if it is none");
  bl_listing_destroy(&deeper);
  bl_listing_destroy(&others);
  return status;
}

/* What was left out, for people. */
static void warn_unread(const reader *r) {
  char name[512];
  bl_text_clip(name, sizeof name, r->first_other, strlen(r->first_other));
  if (r->others > 0)
    bl_warn("%s: %zu file%s not end in .png, .jpg or .jpeg and %s skipped, the first: %s", r->folder, r->others,
            r->others == 1 ? " does" : "s do", r->others == 1 ? "was" : "were", name);
  bl_text_clip(name, sizeof name, r->first_deeper, strlen(r->first_deeper));
  if (r->deeper > 0)
    bl_warn(
        "%s: %zu folder%s inside of class folders %s not looked into, the first: %s; only sub-folders of "
        "import.images are classes",
        r->folder, r->deeper, r->deeper == 1 ? "" : "s", r->deeper == 1 ? "was" : "were", name);
}

/* Which pictures there are: \a top holds those of the folder itself, which becomes the only member where there are no
 * classes. */
static bl_status list_members(reader *r, bl_listing *top) {
  r->member_count = r->classes.count > 0 ? r->classes.count : 1;
  BL_TRY(bl_allocate(&r->members, r->member_count, sizeof *r->members));
  if (r->classes.count == 0) {
    r->members[0] = *top;
    *top = (bl_listing){0};
    return BL_OK;
  }
  if (top->count > 0)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: has %zu pictures beside %zu sub-folders (%s beside %s); expected pictures in sub-folders, one for "
                   "each class, or pictures alone",
                   r->folder, top->count, r->classes.count, top->names[0], r->classes.names[0]);
  for (size_t i = 0; i < r->classes.count; i++)
    BL_TRY(list_class(r, i));
  return BL_OK;
}

static bl_status list(reader *r) {
  bl_listing top = {0}, others = {0};
  BL_TRY(bl_listing_read(&r->classes, &top, &others, r->folder));
  bl_status status = count_unread(&r->others, r->first_other, &others, r, "");
  if (status == BL_OK)
    status = list_members(r, &top);
  bl_listing_destroy(&top);
  bl_listing_destroy(&others);
  if (status == BL_OK)
    warn_unread(r);
  return status;
}

/* Choose the pictures, class by class; a limit is spread over the classes. */
static bl_status choose(reader *r) {
  size_t total = 0, quota = 0, taken = 0;
  for (size_t c = 0; c < r->member_count; c++)
    total += r->members[c].count;
  if (total == 0)
    return bl_fail(BL_ERROR_INPUT, "%s: has no file that ends in .png, .jpg or .jpeg%s%s", r->folder,
                   r->others > 0 ? ", but other files, as " : "", r->others > 0 ? r->first_other : "");
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

/* ---- Reading -----------------------------------------------------------------------------------------------------------
 */

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

/* Names of files are of any bytes. */
static void warn_of(const char *message) {
  char text[BL_MESSAGE_SIZE];
  bl_text_clip(text, sizeof text, message, strlen(message));
  bl_warn("%s", text);
}

/* Keep the recorded message as one of the trouble's, and go on. The first is said as soon as there is a second, or with the
 * refusal at the end. */
static void note(trouble *t, bool refused) {
  t->count++;
  if (t->count == 1)
    snprintf(t->first, sizeof t->first, "%s", bl_status_message());
  if (t->count == 2 && refused)
    warn_of(t->first);
  if (t->count <= LISTED && (t->count > 1 || !refused))
    warn_of(bl_status_message());
  bl_status_clear();
}

/* Put a picture that was read into the data set. */
static bl_status use(bl_dataset *dataset, reader *r, bl_picture *picture, const item *i, const char *path) {
  r->colour = r->colour || picture->channels == 3;
  if (r->options->import.grey)
    bl_picture_grey(picture);
  if (r->options->import.resize > 0)
    BL_TRY(bl_picture_resize(picture, r->options->import.resize));
  if (dataset->pixels == NULL)
    BL_TRY(prepare(dataset, r, picture, path));
  if (picture->height != dataset->height || picture->width != dataset->width) {
    (void)bl_fail(BL_ERROR_INPUT, "%s: is %d x %d pixels (height x width), but %s is %d x %d; set import.resize", path,
                  picture->height, picture->width, r->first, dataset->height, dataset->width);
    note(&r->other_size, true);
    return BL_OK;
  }
  store(dataset, r->used, picture);
  if (dataset->labels != NULL)
    dataset->labels[r->used] = i->class;
  r->used++;
  r->turned += picture->turned;
  r->from_inks += picture->from_inks;
  return BL_OK;
}

static bl_status read_item(bl_dataset *dataset, reader *r, const item *i) {
  char path[PATH_SIZE];
  bl_picture picture;
  BL_TRY(join_path(path, r, class_of(r, i->class), i->name));
  bl_status status = bl_picture_read(&picture, path);
  if (status == BL_ERROR_INPUT) {
    note(&r->bad, !r->options->import.skip_bad);
    return BL_OK;
  }
  if (status == BL_OK)
    status = use(dataset, r, &picture, i, path);
  bl_picture_destroy(&picture);
  return status;
}

/* Refuse what was noted. One picture is refused by its own message, more by their number, after they were listed. */
static bl_status refuse_trouble(const reader *r) {
  const bool skips = r->options->import.skip_bad;
  if (r->bad.count > 1 && r->used + r->other_size.count == 0)
    return bl_fail(BL_ERROR_INPUT, "%s: none of %zu pictures can be read; the first: %s", r->folder, r->bad.count,
                   r->bad.first);
  if (r->bad.count == 1 && r->count == 1)
    return bl_fail(BL_ERROR_INPUT, "%s", r->bad.first);
  if (r->bad.count == 1 && !skips)
    return bl_fail(BL_ERROR_INPUT, "%s; mend or remove it, or set import.skip_bad to leave it out", r->bad.first);
  if (r->bad.count > 0 && !skips)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: %zu of %zu pictures cannot be read, %s; mend or remove them, or set import.skip_bad to leave them "
                   "out; the first: %s",
                   r->folder, r->bad.count, r->count,
                   r->bad.count > LISTED ? "the first 20 are listed above" : "listed above", r->bad.first);
  if (r->other_size.count == 1)
    return bl_fail(BL_ERROR_INPUT, "%s", r->other_size.first);
  if (r->other_size.count > 1)
    return bl_fail(BL_ERROR_INPUT, "%s: %zu of %zu pictures have another size than the first, %s; set import.resize; %s",
                   r->folder, r->other_size.count, r->count,
                   r->other_size.count > LISTED ? "20 are listed above" : "listed above", r->other_size.first);
  return BL_OK;
}

/* What was done to pictures, for people. */
static void tell(const reader *r) {
  if (r->bad.count > 0)
    bl_warn("%s: %zu of %zu pictures cannot be read and were left out (import.skip_bad)%s", r->folder, r->bad.count,
            r->count, r->bad.count > LISTED ? "; the first 20 are listed above" : "");
  if (r->turned > 0)
    bl_log("%s: %zu picture%s turned as EXIF orientation says", r->folder, r->turned, r->turned == 1 ? " was" : "s were");
  if (r->from_inks > 0)
    bl_warn("%s: %zu picture%s converted from CMYK to RGB without colour profiles: colours are near, not exact", r->folder,
            r->from_inks, r->from_inks == 1 ? " was" : "s were");
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
  BL_GOTO(list(&r));
  BL_GOTO(choose(&r));
  BL_GOTO(bl_progress_start(&progress, "read pictures", 0, (long)r.count));
  for (size_t i = 0; i < r.count; i++) {
    BL_GOTO(read_item(dataset, &r, &r.items[i]));
    bl_progress_update(progress, (long)(i + 1), "%s", "");
  }
  BL_GOTO(refuse_trouble(&r));
  dataset->count = r.used;
  dataset->skipped = r.bad.count;
  if (!r.colour && !options->import.grey)
    drop_colours(dataset);
  tell(&r);
done:
  bl_progress_finish(&progress);
  destroy(&r);
  return status;
}
