/* `beeline inspect`: what is in a file, for a person. */
#include "programs/inspect.h"

#include "base/memory.h"
#include "base/print.h"
#include "programs/program.h"
#include "store/container.h"
#include "store/safetensors.h"

#include <netcdf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: beeline inspect [--profile [--batch N]] FILE\n"
    "\n"
    "Show what is in a netCDF file of Beeline: of a data set its classes and figures; of a model or checkpoint the\n"
    "network, the diffusion and each group of parameters; of a record every column; and where the file comes from.\n"
    "The whole file is checked against its checksum before. The configuration of the run is in the attribute\n"
    "`configuration` (ncdump -h FILE).\n"
    "Of a safetensors file: each tensor with its type, shape, figures and checksum, and the metadata; of a folder of\n"
    "diffusers its configurations too.\n"
    "\n"
    "With --profile the model is run forward and backward instead, in micro-batches of N samples (16), and each layer is\n"
    "listed with its time (median of several), GFLOP/s, the bytes that it moves, its roofline (the time that its\n"
    "operations take at the measured peak of direct convolution, or its bytes at the measured bandwidth of memory,\n"
    "whichever is longer) and the gap between; then the sums by kind of layer and the largest gaps. What convolutions\n"
    "add to their results, as shortcuts, is part of their time. Bytes are an estimate, and Winograd's\n"
    "convolutions need fewer operations than are counted, so a gap can be negative.\n"
    "\n"
    "Examples:\n"
    "  beeline inspect experiments/digits/digits.nc\n"
    "  beeline inspect --profile --batch 64 experiments/digits/model.nc\n"
    "  beeline inspect unet/diffusion_pytorch_model.safetensors\n";

static const int default_batch = 16; /* of --profile */

/* ---- Files of a kind that has no summary of its own ------------------------------------------------------------------ */

static bl_status show_variable(int ncid, int variable, const char *path) {
  char name[NC_MAX_NAME + 1] = "", text[128] = "";
  int rank, dimensions[NC_MAX_VAR_DIMS];
  nc_type type;
  bl_summary summary = {0};
  double *values;
  size_t count, used = 0;
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_var(ncid, variable, name, &type, &rank, dimensions, NULL), path,
                             "a variable"));
  for (int d = 0; d < rank && used < sizeof text; d++) {
    size_t size = 0;
    nc_inq_dimlen(ncid, dimensions[d], &size);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%zu", d > 0 ? " x " : "", size);
  }
  bl_print("  %-24s %-20s", name, rank > 0 ? text : "one value");
  if (type == NC_CHAR || type > NC_UINT64) {
    bl_print("text\n");
    return BL_OK;
  }
  BL_TRY(bl_inspect_numbers(&values, &count, ncid, variable, path));
  bl_summary_add(&summary, values, count);
  bl_free(&values);
  if (summary.count > 0)
    bl_print("mean %.6g, from %.6g to %.6g", bl_summary_mean(&summary), summary.least, summary.most);
  bl_print("%s\n", summary.not_finite > 0 ? "  (some are not finite)" : "");
  return BL_OK;
}

static bl_status show_variables(int ncid, const char *path) {
  int count;
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_nvars(ncid, &count), path, "variables"));
  for (int variable = 0; variable < count; variable++)
    BL_TRY(show_variable(ncid, variable, path));
  return BL_OK;
}

/* ---- What all files have ----------------------------------------------------------------------------------------------
 */

static void show_text(int ncid, const char *attribute, const char *label) {
  char text[4096];
  bl_container_get_text(text, sizeof text, ncid, attribute);
  if (text[0] != '\0')
    bl_print("  %-18s %s\n", label, text);
}

static void show_integer(int ncid, const char *attribute, const char *label) {
  long long value;
  if (bl_container_numbers(ncid, NC_GLOBAL, attribute) == 1 &&
      nc_get_att_longlong(ncid, NC_GLOBAL, attribute, &value) == NC_NOERR)
    bl_print("  %-18s %lld\n", label, value);
}

static void show_number(int ncid, const char *attribute, const char *label) {
  double value;
  if (bl_container_numbers(ncid, NC_GLOBAL, attribute) == 1 &&
      nc_get_att_double(ncid, NC_GLOBAL, attribute, &value) == NC_NOERR)
    bl_print("  %-18s %g\n", label, value);
}

static void show_inputs(int ncid) {
  char text[512];
  bl_container_get_text(text, sizeof text, ncid, "inputs");
  if (text[0] != '\0')
    bl_print("  %-18s %s (checksums of what they hold)\n", "inputs", text);
}

static void show_provenance(int ncid) {
  bl_print("\n  where it comes from\n");
  show_text(ncid, "title", "title");
  show_text(ncid, "source", "made by");
  show_text(ncid, "history", "history");
  show_text(ncid, "digest", "configuration");
  show_integer(ncid, "seed", "seed");
  show_integer(ncid, "ranks", "ranks");
  show_text(ncid, "roles", "roles");
  show_number(ncid, "network_evaluations", "NFE of each sample");
  show_integer(ncid, "skipped_pictures", "pictures left out");
  show_inputs(ncid);
  show_text(ncid, "machine", "machine");
  show_text(ncid, "libraries", "libraries");
}

static bl_status show(int ncid, const char *path) {
  char content[64], source[64];
  struct stat what = {0};
  int variable;
  bl_container_get_text(content, sizeof content, ncid, "content");
  bl_container_get_text(source, sizeof source, ncid, "source");
  const bool samples =
      nc_inq_varid(ncid, "image", &variable) == NC_NOERR || nc_inq_varid(ncid, "point", &variable) == NC_NOERR;
  const bool ours = content[0] != '\0' && strncmp(source, "Beeline", 7) == 0;
  if (!ours && !samples)
    return bl_fail(
        BL_ERROR_INPUT,
        "%s: a netCDF file, but none of Beeline: its attribute source is \"%s\", expected \"Beeline ...\"; ncdump "
        "shows any netCDF file",
        path, source);
  stat(path, &what);
  bl_print("\n  %s: %s, %.1f kB\n\n", path, ours ? content : "data set of another program", (double)what.st_size / 1000.0);
  if (samples)
    BL_TRY(bl_inspect_dataset(path));
  else if (strcmp(content, BL_CONTENT_MODEL) == 0)
    BL_TRY(bl_inspect_model(ncid, path));
  else if (strcmp(content, BL_CONTENT_RECORD) == 0)
    BL_TRY(bl_inspect_record(ncid, path));
  else
    BL_TRY(show_variables(ncid, path));
  show_provenance(ncid);
  bl_print("\n");
  return BL_OK;
}

static bl_status inspect(const bl_invocation *invocation) {
  int ncid, rank;
  MPI_Comm_rank(invocation->comm, &rank);
  if (rank != 0)
    return BL_OK;
  if (invocation->profile)
    return bl_inspect_profile(invocation->arguments[0], invocation->batch > 0 ? invocation->batch : default_batch);
  struct stat what;
  if (stat(invocation->arguments[0], &what) == 0 && S_ISDIR(what.st_mode))
    return bl_inspect_folder(invocation->arguments[0]);
  if (bl_safetensors_meant(invocation->arguments[0]))
    return bl_inspect_safetensors(invocation->arguments[0]);
  BL_TRY(bl_container_open(&ncid, invocation->arguments[0]));
  const bl_status status = show(ncid, invocation->arguments[0]);
  nc_close(ncid);
  return status;
}

const bl_program bl_program_inspect = {
    .name = "inspect", .summary = "show what is in a file", .help = help, .takes_argument = true, .run = inspect};
