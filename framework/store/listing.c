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

typedef enum kind { FOLDER, PICTURE, OTHER } kind;

static bool ends_in(const char *name, const char *end) {
  const size_t length = strlen(name), tail = strlen(end);
  return length > tail && strcasecmp(name + length - tail, end) == 0;
}

/* Names that look like pictures are not asked what they are: reading tells, and asking is slow for a million of them. */
static kind kind_of(const char *folder, const char *name) {
  char path[4096];
  struct stat what;
  if (ends_in(name, ".png") || ends_in(name, ".jpg") || ends_in(name, ".jpeg"))
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

bl_status bl_listing_read(bl_listing *folders, bl_listing *pictures, size_t *skipped, const char *folder) {
  const struct dirent *entry;
  bl_status status = BL_OK;
  memset(folders, 0, sizeof *folders);
  memset(pictures, 0, sizeof *pictures);
  DIR *stream = opendir(folder);
  if (stream == NULL)
    return bl_fail(BL_ERROR_INPUT, "%s: cannot be listed: %s", folder, strerror(errno));
  while (status == BL_OK && (entry = readdir(stream)) != NULL) {
    if (entry->d_name[0] == '.')
      continue;
    const kind what = kind_of(folder, entry->d_name);
    if (what == OTHER)
      (*skipped)++;
    else
      status = append(what == FOLDER ? folders : pictures, entry->d_name);
  }
  closedir(stream);
  if (status == BL_OK)
    status = sort(folders);
  if (status == BL_OK)
    status = sort(pictures);
  if (status != BL_OK) {
    bl_listing_destroy(folders);
    bl_listing_destroy(pictures);
  }
  return status;
}

void bl_listing_destroy(bl_listing *listing) {
  bl_free(&listing->names);
  bl_free(&listing->text);
  memset(listing, 0, sizeof *listing);
}
