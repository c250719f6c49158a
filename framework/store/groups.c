/* Links are visited by HDF5 itself, in the interface of version 1.8, which all later versions have. What an object says of
 * the number of its links is not believed: its address tells whether it was there before. */
#define H5_USE_18_API
#include "store/groups.h"

#include "base/memory.h"

#include <hdf5.h>
#include <stdbool.h>
#include <string.h>

enum { MOST_GROUPS = 4096, MOST_LEVELS = 32 };

typedef struct walk {
  const char *path;
  bl_status status;
  int count;
  haddr_t seen[MOST_GROUPS]; /* (count) addresses of groups */
} walk;

static const char *const advice = "delete the link (in h5py: del file[\"NAME\"])";

static bool was_seen(const walk *w, haddr_t address) {
  int i = 0;
  while (i < w->count && w->seen[i] != address)
    i++;
  return i < w->count;
}

static int levels_of(const char *name) {
  int levels = 1;
  for (; *name != '\0'; name++)
    levels += *name == '/';
  return levels;
}

static bl_status check_group(walk *w, const char *name, haddr_t address) {
  if (was_seen(w, address))
    return bl_fail(
        BL_ERROR_INPUT,
        "%s: group /%s is a second name of a group that contains it or stands elsewhere in the file, which netCDF "
        "would follow for ever: %s",
        w->path, name, advice);
  if (levels_of(name) > MOST_LEVELS)
    return bl_fail(BL_ERROR_INPUT, "%s: group /%.80s...: groups in groups, expected at most %d levels", w->path, name,
                   MOST_LEVELS);
  if (w->count == MOST_GROUPS)
    return bl_fail(BL_ERROR_INPUT, "%s: group /%s: expected at most %d groups in a file", w->path, name, MOST_GROUPS);
  w->seen[w->count++] = address;
  return BL_OK;
}

static bl_status check_link(walk *w, const char *name, H5L_type_t type, const H5O_info_t *object) {
  if (type >= (H5L_type_t)H5L_TYPE_UD_MIN)
    return bl_fail(BL_ERROR_INPUT, "%s: /%s is a link to another file, expected all in one: %s", w->path, name, advice);
  if (object == NULL || object->type != H5O_TYPE_GROUP)
    return BL_OK;
  if (type == H5L_TYPE_SOFT)
    return bl_fail(BL_ERROR_INPUT, "%s: group /%s is a symbolic link to a group, which netCDF might follow for ever: %s",
                   w->path, name, advice);
  return check_group(w, name, object->addr);
}

/* For H5Lvisit: above 0 ends the walk. A link that leads nowhere is netCDF's to judge. */
static herr_t visit(hid_t root, const char *name, const H5L_info_t *link, void *data) {
  walk *w = data;
  H5O_info_t object;
  const bool local = link->type == H5L_TYPE_HARD || link->type == H5L_TYPE_SOFT;
  const bool found = local && H5Oget_info_by_name(root, name, &object, H5P_DEFAULT) >= 0;
  w->status = check_link(w, name, link->type, found ? &object : NULL);
  return w->status != BL_OK;
}

static bl_status check_links(walk *w, hid_t file) {
  H5O_info_t root;
  if (H5Oget_info_by_name(file, "/", &root, H5P_DEFAULT) >= 0)
    w->seen[w->count++] = root.addr;
  const bool whole = w->count == 1 && H5Lvisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, visit, w) >= 0;
  if (w->status == BL_OK && !whole)
    return bl_fail(BL_ERROR_INPUT, "%s: damaged or cut off: HDF5 cannot list what is in it", w->path);
  return w->status;
}

/* As netCDF opens it, since a file may be open in a process in one way only. */
static hid_t open_file(const char *path) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0)
    return -1;
  H5Pset_fclose_degree(access, H5F_CLOSE_SEMI);
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
  H5Pclose(access);
  return file;
}

static bl_status check_quietly(walk *w) {
  const hid_t file = open_file(w->path);
  if (file < 0)
    return BL_OK;
  const bl_status status = check_links(w, file);
  H5Fclose(file);
  return status;
}

bl_status bl_groups_check(const char *path) {
  H5E_auto2_t print;
  void *to;
  walk *w;
  BL_TRY(bl_allocate(&w, 1, sizeof *w));
  w->path = path;
  H5Eget_auto2(H5E_DEFAULT, &print, &to);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  const bl_status status = check_quietly(w);
  H5Eset_auto2(H5E_DEFAULT, print, to);
  bl_free(&w);
  return status;
}

void bl_groups_leave_open(void) {
  (void)H5dont_atexit();
}
