/** \file
 * Text files that all ranks need: one rank reads for all, so that all see the same bytes and a shared file system sees one
 * reader. */
#ifndef BEELINE_STORE_SHARED_TEXT_H
#define BEELINE_STORE_SHARED_TEXT_H

#include "base/status.h"

#include <mpi.h>
#include <stddef.h>

/** The bytes of the configuration \a path, read by rank 0. Collective over \a comm. \param [out] text (size), the caller's;
 * bl_free. Errors are those of bl_options_read_file. */
bl_status bl_shared_text_read(char **text, size_t *size, const char *path, MPI_Comm comm);

#endif
