/** \file
 * Groups of an HDF5 file, looked at before netCDF opens it: the library follows every link to a group, and never ends where
 * groups contain each other (netCDF 4.9). */
#ifndef BEELINE_STORE_GROUPS_H
#define BEELINE_STORE_GROUPS_H

#include "base/status.h"

/** Check that the groups of an HDF5 file are a tree of at most 32 levels and 4096 groups, without links to other files.
 * Each group is visited once, and no values are read. A file that HDF5 cannot open at all passes, since netCDF says why.
 * Not collective. Returns BL_ERROR_INPUT with the link that makes it none. */
bl_status bl_groups_check(const char *path);

/** Let HDF5 do nothing at the end of the process: it would write what is open, which are files in memory only, and crashes
 * where one could not be closed for want of memory (1.10.8, H5F__close_cb). Not collective; before other calls of HDF5. */
void bl_groups_leave_open(void);

#endif
