/** \file
 * Where a file comes from: attributes that every netCDF file of Beeline carries. */
#ifndef BEELINE_STORE_PROVENANCE_H
#define BEELINE_STORE_PROVENANCE_H

#include "base/options.h"
#include "base/status.h"

/** What a run says about itself; borrowed strings. */
typedef struct bl_provenance {
  const char *title;
  const char *command;       /**< command line, for `history` */
  const char *configuration; /**< merged YAML */
  const char *digest;        /**< of the configuration */
  int64_t seed;
  int ranks;
  const char *roles;
} bl_provenance;

/** Write the global attributes into the open netCDF file \a ncid in define mode: Conventions, title, source (version and
 * git commit), history, configuration, digest, seed, ranks, roles, library versions. Not collective. */
bl_status bl_provenance_write(int ncid, const char *path, const bl_provenance *provenance);

#endif
