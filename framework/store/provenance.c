#include "store/provenance.h"

#include "base/clock.h"
#include "base/threads.h"
#include "base/version.h"
#include "engine/backend.h"
#include "store/container.h"

#include <mpi.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <zlib.h>

void bl_provenance_describe(bl_provenance *provenance, char *command, size_t size, const bl_options *options, int argc,
                            char *const *argv) {
  size_t used = 0;
  command[0] = '\0';
  for (int i = 0; i < argc && used < size; i++)
    used += (size_t)snprintf(command + used, size - used, "%s%s", i > 0 ? " " : "", argv[i]);
  *provenance = (bl_provenance){.title = options->title,
                                .command = command,
                                .configuration = bl_options_text(options),
                                .digest = bl_options_digest(options),
                                .seed = options->seed,
                                .ranks = 1,
                                .roles = "",
                                .algorithms = ""};
}

void bl_provenance_machine(char text[BL_PROVENANCE_MACHINE]) {
  char backend[64];
  struct utsname system = {0};
  uname(&system);
  const int threads = bl_threads_count();
  snprintf(text, BL_PROVENANCE_MACHINE, "%.32s with %s, %d thread%s a rank, %s", system.machine, bl_backend_instructions(),
           threads, threads == 1 ? "" : "s", bl_backend_describe(backend, sizeof backend));
}

/* "netCDF 4.9.0, Open MPI v4.1.4, oneDNN 2.6.3, zlib 1.2.13" */
static void describe_libraries(char *text, size_t size) {
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(mpi, &length);
  mpi[strcspn(mpi, ",\n")] = '\0';
  char netcdf[64], backend[64];
  snprintf(netcdf, sizeof netcdf, "%s", nc_inq_libvers());
  netcdf[strcspn(netcdf, " ")] = '\0';
  snprintf(text, size, "netCDF %s, %s, %s, zlib %s", netcdf, mpi, bl_backend_describe(backend, sizeof backend),
           zlibVersion());
}

static bl_status put_text(int ncid, const char *path, const char *name, const char *text) {
  return text != NULL && text[0] != '\0' ? bl_container_text(ncid, NC_GLOBAL, path, name, text) : BL_OK;
}

bl_status bl_provenance_write(int ncid, const char *path, const bl_provenance *provenance) {
  static const bl_provenance nothing = {0};
  char text[MPI_MAX_LIBRARY_VERSION_STRING + 256], now[32], history[4096];
  if (provenance == NULL)
    provenance = &nothing;
  BL_TRY(put_text(ncid, path, "Conventions", "CF-1.10"));
  BL_TRY(put_text(ncid, path, "title", provenance->title));
  snprintf(text, sizeof text, "Beeline %s, commit %s", bl_version, bl_commit);
  BL_TRY(put_text(ncid, path, "source", text));
  bl_clock_utc(now, sizeof now);
  snprintf(history, sizeof history, "%s: %s", now, provenance->command != NULL ? provenance->command : "");
  BL_TRY(put_text(ncid, path, "history", history));
  BL_TRY(put_text(ncid, path, "configuration", provenance->configuration));
  BL_TRY(put_text(ncid, path, "digest", provenance->digest));
  const long long seed = provenance->seed;
  BL_NETCDF(nc_put_att_longlong(ncid, NC_GLOBAL, "seed", NC_INT64, 1, &seed), path);
  BL_NETCDF(nc_put_att_int(ncid, NC_GLOBAL, "ranks", NC_INT, 1, &provenance->ranks), path);
  BL_TRY(put_text(ncid, path, "roles", provenance->roles));
  BL_TRY(put_text(ncid, path, "algorithms", provenance->algorithms));
  BL_TRY(put_text(ncid, path, "inputs", provenance->inputs));
  BL_TRY(put_text(ncid, path, "machine", provenance->machine));
  if (provenance->evaluations > 0.0)
    BL_NETCDF(nc_put_att_double(ncid, NC_GLOBAL, "network_evaluations", NC_DOUBLE, 1, &provenance->evaluations), path);
  describe_libraries(text, sizeof text);
  return put_text(ncid, path, "libraries", text);
}
