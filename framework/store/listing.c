#include "store/listing.h"

#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef enum kind { FOLDER, PICTURE, OTHER, KINDS } kind;

static bool is_one_of(const char *name, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcasecmp(name, names[i]) == 0)
      return true;
  return false;
}

/* What macOS, Windows, NAS systems and file systems leave in folders. */
static bool is_clutter(const char *name) {
  static const char *const names[] = {"__MACOSX",     "Thumbs.db",  "ehthumbs.db", "desktop.ini",
                                      "@eaDir",       "lost+found", "Icon\r",      "System Volume Information",
                                      "$RECYCLE.BIN", "#recycle"};
  return name[0] == '.' || is_one_of(name, names, sizeof names / sizeof names[0]);
}

/* Formats that are not read are among them: reading names them, where skipping would leave pictures out. */
static bool ends_as_picture(const char *name) {
  static const char *const endings[] = {".png", ".jpg",  ".jpeg", ".jpe",  ".jfif", ".apng", ".gif", ".webp", ".bmp",
                                        ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2",  ".jxl", ".ppm",  ".pgm"};
  const char *dot = strrchr(name, '.');
  return dot != NULL && is_one_of(dot, endings, sizeof endings / sizeof endings[0]);
}

/* Names that look like pictures are not asked what they are: reading tells, and asking is slow for a million of them. */
static kind kind_of(const char *folder, const char *name) {
  char path[4096];
  struct stat what;
  if (ends_as_picture(name))
    return PICTURE;
  if (snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && stat(path, &what) == 0 &&
      S_ISDIR(what.st_mode))
    return FOLDER;
  return OTHER;
}

/* Append a name to the text, which doubles when it is full. */
static bl_status append(bl_listing *listing, const char *name) {
  const size_t length = strlen(name) + 1;
  size_t capacity = 4096;
  while (capacity < listing->bytes)
    capacity *= 2;
  if (listing->text == NULL || listing->bytes + length > capacity) {
    char *text;
    while (capacity < listing->bytes + length)
      capacity *= 2;
    BL_TRY(bl_allocate(&text, capacity, 1));
    if (listing->bytes > 0)
      memcpy(text, listing->text, listing->bytes);
    bl_free(&listing->text);
    listing->text = text;
  }
  memcpy(listing->text + listing->bytes, name, length);
  listing->bytes += length;
  listing->count++;
  return BL_OK;
}

static int by_bytes(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bl_status sort(bl_listing *listing) {
  BL_TRY(bl_allocate(&listing->names, listing->count, sizeof *listing->names));
  const char *name = listing->text;
  for (size_t i = 0; i < listing->count; i++) {
    listing->names[i] = name;
    name += strlen(name) + 1;
  }
  qsort(listing->names, listing->count, sizeof *listing->names, by_bytes);
  return BL_OK;
}

bl_status bl_listing_read(bl_listing *folders, bl_listing *pictures, bl_listing *others, const char *folder) {
  bl_listing *const all[] = {[FOLDER] = folders, [PICTURE] = pictures, [OTHER] = others};
  const struct dirent *entry;
  bl_status status = BL_OK;
  for (int i = 0; i < KINDS; i++)
    memset(all[i], 0, sizeof *all[i]);
  DIR *stream = opendir(folder);
  if (stream == NULL && errno == ENOTDIR)
    return bl_fail(BL_ERROR_INPUT, "%s: is a file, expected a folder of pictures; unpack an archive before", folder);
  if (stream == NULL)
    return bl_fail(BL_ERROR_INPUT, "%s: cannot be listed: %s", folder, strerror(errno));
  while (status == BL_OK && (entry = readdir(stream)) != NULL) {
    if (!is_clutter(entry->d_name))
      status = append(all[kind_of(folder, entry->d_name)], entry->d_name);
  }
  closedir(stream);
  for (int i = 0; i < KINDS && status == BL_OK; i++)
    status = sort(all[i]);
  for (int i = 0; i < KINDS && status != BL_OK; i++)
    bl_listing_destroy(all[i]);
  return status;
}

void bl_listing_destroy(bl_listing *listing) {
  bl_free(&listing->names);
  bl_free(&listing->text);
  memset(listing, 0, sizeof *listing);
}
