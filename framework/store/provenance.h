/** \file
 * Where a file comes from: attributes that every netCDF file of Beeline carries. */
#ifndef BEELINE_STORE_PROVENANCE_H
#define BEELINE_STORE_PROVENANCE_H

#include "base/options.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/** What a run says about itself; borrowed strings. */
typedef struct bl_provenance {
  const char *title;
  const char *command;       /**< command line, for `history` */
  const char *configuration; /**< merged YAML */
  const char *digest;        /**< of the configuration */
  int64_t seed;
  int ranks;
  const char *roles;
  const char *algorithms; /**< choices made by measuring, as bl_algorithms_text; NULL or "": none */
  const char *inputs;     /**< content of the files that were read: "data.file 1a2b3c4d, model.file 5e6f7081"; or NULL */
  const char *machine;    /**< what computed it, as bl_provenance_machine; or NULL */
  double evaluations;     /**< of the network for each sample of the file, as counted; 0: none */
} bl_provenance;

/** Say what a program can say about itself: everything but ranks and roles. Not collective. \param [out] provenance borrows
 * from \a options and \a command. \param [out] command (size) caller's; the command line, cut where it is too long. */
void bl_provenance_describe(bl_provenance *provenance, char *command, size_t size, const bl_options *options, int argc,
                            char *const *argv);

enum { BL_PROVENANCE_MACHINE = 160 };

/** What the bits of results depend on beside configuration and inputs: processor and instruction set, threads, version of
 * oneDNN. Not collective. \param [out] text  caller's. */
void bl_provenance_machine(char text[BL_PROVENANCE_MACHINE]);

/** Write the global attributes into the open netCDF file \a ncid in define mode: Conventions, title, source (version and
 * git commit), history, configuration, digest, seed, ranks, roles, algorithms,
 * inputs, machine, network_evaluations, library versions. Not collective. */
bl_status bl_provenance_write(int ncid, const char *path, const bl_provenance *provenance);

#endif
