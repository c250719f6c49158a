/** \file
 * Whether what stands in an output is of this very command: its configuration key by key, its inputs by what they hold, so
 * that a file that was moved is the same file, and the machine, which may change roundings. */
#ifndef BEELINE_PROGRAMS_IDENTITY_H
#define BEELINE_PROGRAMS_IDENTITY_H

#include "base/options.h"

#include <mpi.h>
#include <stdbool.h>

enum { BL_IDENTITY_INPUTS = 512, BL_IDENTITY_MACHINE = 1024 };

/** What this command is. */
typedef struct bl_identity {
  const bl_options *options;         /**< borrowed, as the following */
  const char *const *reads;          /**< beginnings of the keys of files that are read; NULL ends them */
  bool extends;                      /**< whether more learner.rounds are the same run, only longer */
  char inputs[BL_IDENTITY_INPUTS];   /**< "data.file 1a2b3c4d, model.file 5e6f7081" */
  char machine[BL_IDENTITY_MACHINE]; /**< bl_provenance_machine; after a resume elsewhere with what was before */
} bl_identity;

/** Look at the inputs and the machine. Not collective (the root rank). \param [out] identity  borrows from the options.
 * Files that cannot be read are left out: who reads them says why. */
void bl_identity_create(bl_identity *identity, const bl_options *options, const char *const *reads, bool extends);

/** Whether the netCDF file \a path was made by this command. Not collective. \param [out] longer  whether it has fewer
 * learner.rounds, where that may be; NULL: it may not. Returns BL_ERROR_INPUT naming the keys that differ, with both
 * values, and files with other content, or the errors of bl_container_open. */
bl_status bl_identity_check(bool *longer, const bl_identity *identity, const char *path);

/** When work goes on from \a path, done up to \a round: warn where it was computed by another machine, and take down both.
 * Not collective. */
void bl_identity_go_on(bl_identity *identity, const char *path, int64_t round);

/** Warn where ranks compute on other machines than rank 0, which changes roundings. Collective over \a comm. */
bl_status bl_identity_tell_machines(MPI_Comm comm);

#endif
