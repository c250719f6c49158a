/* Files whose checksums fit although what they say was changed: a seed is opened by netCDF and edited. Bytes of the input:
 * which seed (of the folder BEELINE_SEEDS), then edits of a few bytes each. HDF5 guards its metadata by checksums, so that
 * changed bytes hardly ever reach our readers of netCDF-4; edits do. */
#include "fuzz/readers.h"

#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 7, LARGEST = 1 << 16, NAME = NC_MAX_NAME + 1 };
static const char *const names[SEEDS] = {"images.nc",  "points.nc",    "model.nc",  "record.nc",
                                         "moments.nc", "reference.nc", "record4.nc"};

static uint8_t *seeds[SEEDS];
static size_t sizes[SEEDS];

static void load(void) {
  const char *folder = getenv("BEELINE_SEEDS");
  char path[512];
  for (int i = 0; i < SEEDS; i++) {
    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : ".", names[i]);
    FILE *file = fopen(path, "rb");
    seeds[i] = malloc(LARGEST);
    if (file == NULL || seeds[i] == NULL) {
      fprintf(stderr, "%s is missing: set BEELINE_SEEDS to the folder that the program seeds wrote\n", path);
      exit(99);
    }
    sizes[i] = fread(seeds[i], 1, LARGEST, file);
    fclose(file);
  }
}

static unsigned next(const uint8_t **data, size_t *size) {
  size_t taken;
  const uint8_t *byte = fuzz_take(&taken, data, size, 1);
  return taken == 1 ? *byte : 0;
}

static const nc_type types[] = {NC_CHAR, NC_BYTE, NC_INT, NC_INT64, NC_FLOAT, NC_DOUBLE, NC_STRING, NC_UBYTE};

/* An attribute with another type or length. */
static void put_attribute(int group, int variable, const char *name, nc_type type, size_t length, int value) {
  const char *texts[256];
  unsigned char bytes[256 * 8];
  for (int i = 0; i < 256; i++)
    texts[i] = i % 2 == 0 ? "mlp" : "a\033[2Jb\n";
  memset(bytes, value, sizeof bytes);
  if (type == NC_DOUBLE || type == NC_FLOAT)
    memset(bytes, value % 2 == 0 ? 0x40 : 0xff, sizeof bytes);
  if (type == NC_STRING)
    nc_put_att_string(group, variable, name, length, texts);
  else
    nc_put_att(group, variable, name, type, length, bytes);
}

static int dimension_of(int root, unsigned index) {
  int count = 0, all[64];
  if (nc_inq_dimids(root, &count, NULL, 1) != NC_NOERR || count < 1 || count > 64)
    return 0;
  nc_inq_dimids(root, &count, all, 1);
  return all[index % (unsigned)count];
}

/* Another variable of the same name. */
static void replace_variable(int root, int group, int variable, nc_type type, int rank, const uint8_t **data,
                             size_t *size) {
  char name[NAME] = "", aside[32];
  int dimensions[8], made;
  static int number;
  snprintf(aside, sizeof aside, "aside%d", number++);
  for (int d = 0; d < rank; d++)
    dimensions[d] = dimension_of(root, next(data, size));
  if (nc_inq_varname(group, variable, name) != NC_NOERR || nc_rename_var(group, variable, aside) != NC_NOERR)
    return;
  if (nc_def_var(group, name, type, rank, dimensions, &made) == NC_NOERR && type == NC_CHAR)
    nc_put_att_text(group, made, "units", 1, "1");
}

/* A dimension that replaced variables may take; renaming one that is in use breaks netCDF 4.9.0 (rec_reattach_scales). */
static void add_dimension(int root, size_t length) {
  char name[32];
  static int number;
  int made;
  snprintf(name, sizeof name, "added%d", number++);
  nc_def_dim(root, name, length, &made);
}

static void edit(int root, const uint8_t **data, size_t *size) {
  int group = root, groups[64], count = 0, variables = 0, attributes = 0;
  char name[NAME] = "";
  const unsigned what = next(data, size), which = next(data, size), third = next(data, size), fourth = next(data, size);
  const nc_type type = types[third % (sizeof types / sizeof types[0])];
  if ((what & 8) != 0 && nc_inq_grps(root, &count, NULL) == NC_NOERR && count > 0 && count <= 64 &&
      nc_inq_grps(root, &count, groups) == NC_NOERR)
    group = groups[(unsigned)(what >> 4) % (unsigned)count];
  nc_inq_nvars(group, &variables);
  const int variable = variables > 0 ? (int)(which % (unsigned)variables) : 0;
  const bool global = (what & 128) != 0 || variables == 0;
  const int owner = global ? NC_GLOBAL : variable;
  if (global)
    nc_inq_natts(group, &attributes);
  else
    nc_inq_varnatts(group, owner, &attributes);
  if (attributes > 0)
    nc_inq_attname(group, owner, (int)(third / 8 % (unsigned)attributes), name);
  nc_redef(root);
  switch (what & 7) {
    case 0:
    case 1:
      if (name[0] != '\0') {
        nc_inq_attname(group, owner, (int)(which % (unsigned)attributes), name);
        put_attribute(group, owner, name, type, fourth, (int)(third >> 3));
      }
      break;
    case 2:
      if (name[0] != '\0')
        nc_del_att(group, owner, name);
      break;
    case 3:
    case 4:
      if (variables > 0)
        replace_variable(root, group, variable, type, (int)(fourth % 6), data, size);
      break;
    case 5:
      add_dimension(root, (size_t)third << (fourth % 48));
      break;
    default:
      if (variables > 0) {
        size_t index[8] = {third % 4, fourth % 4};
        const double value = (third & 1) != 0 ? -1e30 : (double)fourth;
        nc_enddef(root);
        nc_put_var1_double(group, variable, index, &value);
      }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (seeds[0] == NULL)
    load();
  const unsigned seed = next(&data, &size) % SEEDS;
  const char *path = fuzz_file_in_folder("checkpoint-000001.nc", seeds[seed], sizes[seed]);
  int ncid;
  if (nc_open(path, NC_WRITE, &ncid) != NC_NOERR)
    return 0;
  nc_set_fill(ncid, NC_NOFILL, NULL); /* one number put into a variable of terabytes must not fill them */
  nc_redef(ncid);
  nc_del_att(ncid, NC_GLOBAL, "seal");
  for (int edits = 0; size > 0 && edits < 8; edits++)
    edit(ncid, &data, &size);
  nc_close(ncid);
  fuzz_read_dataset(path);
  fuzz_read_model(path);
  fuzz_read_moments(path);
  fuzz_read_reference(path);
  fuzz_inspect(path);
  fuzz_read_record(path);
  return 0;
}
