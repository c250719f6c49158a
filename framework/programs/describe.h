/** \file
 * What a program says about itself in the files that it writes. */
#ifndef BEELINE_PROGRAMS_DESCRIBE_H
#define BEELINE_PROGRAMS_DESCRIBE_H

#include "programs/program.h"
#include "store/provenance.h"

/** A provenance with the command line that it borrows. */
typedef struct bl_description {
  char command[1024];
  bl_provenance provenance; /**< borrows `command` and the options of the invocation */
} bl_description;

/** Fill in \a description. Collective over the invocation's ranks. \param [in] roles  borrowed; "" for programs without. */
bl_status bl_describe(bl_description *description, const bl_invocation *invocation, const char *roles);

#endif
