/** \file
 * What all netCDF files of Beeline have in common: how they are made, given a checksum, opened and refused.
 *
 * A file is built in memory (nc_open_memio) and written in one go (store/output.h): so a full disk is an ordinary error of
 * write(2) that comes before the old file is touched, and the HDF5 library never meets it. After the netCDF-4 content stand
 * 24 more bytes, the checksum: "\nbeeline-crc32=XXXXXXXX\n", the CRC-32 of all bytes before it. Other netCDF readers ignore
 * it; with it, a changed or missing byte anywhere is noticed before anything is believed.
 */
#ifndef BEELINE_STORE_CONTAINER_H
#define BEELINE_STORE_CONTAINER_H

#include "store/provenance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Values of the global attribute `content`. */
#define BL_CONTENT_DATASET "data set"
#define BL_CONTENT_MODEL   "model"
#define BL_CONTENT_RECORD  "record"

/** BL_OK when the netCDF call's result \a code is NC_NOERR, else \a status with "PATH: WHAT: reason". Not collective. */
bl_status bl_container_result(bl_status status, int code, const char *path, const char *what);

/** Return from the calling function with BL_ERROR_LIBRARY unless the netCDF call succeeds (used while writing). */
#define BL_NETCDF(call, path) BL_TRY(bl_container_result(BL_ERROR_LIBRARY, (call), (path), #call))

/** Begin a file in memory, in define mode, with its provenance and \a content. Not collective.
 * \param [out] ncid  the caller's; hand it to bl_container_write or bl_container_abandon. */
bl_status bl_container_create(int *ncid, const char *path, const char *content, const bl_provenance *provenance);

/** Define a variable with the two attributes that every variable has. Not collective. \param [out] variable  its id.
 * \param [in] dimensions  (count) ids. */
bl_status bl_container_variable(int *variable, int ncid, const char *path, const char *name, int type, int count,
                                const int *dimensions, const char *units, const char *long_name);

/** Set a text attribute. Not collective. */
bl_status bl_container_text(int ncid, int variable, const char *path, const char *name, const char *text);

/** Close the file in memory, add the checksum and write it to \a path atomically; \a ncid is released in any case. Not
 * collective.
 */
bl_status bl_container_write(int ncid, const char *path);

/** Drop the file in memory; \a ncid below 0 is allowed. Not collective. */
void bl_container_abandon(int ncid);

/** Open a netCDF file for reading, after its checksum was checked. A file without the attribute `seal` (of another program,
 * or a record) needs none. Not collective. \param [out] ncid  caller's; nc_close. Returns BL_ERROR_INPUT with the reason:
 * missing, no regular file, not netCDF, cut off, damaged, changed. */
bl_status bl_container_open(int *ncid, const char *path);

/** CRC-32 of all bytes of a file, of whatever kind. Not collective. Returns BL_ERROR_INPUT with the reason. */
bl_status bl_container_checksum(uint32_t *crc, const char *path);

/** The global attribute \a name as text, "" when there is none or when it is no text. Not collective.
 * \param [out] text  (size) caller's; cut when it is longer. */
void bl_container_get_text(char *text, size_t size, int ncid, const char *name);

/** The same whole. Not collective. \param [out] text  the caller's; bl_free. */
bl_status bl_container_copy_text(char **text, int ncid, const char *name);

/** CRC-32 of the names and values of all variables of a netCDF file, in all groups: of what it holds, and not of when and
 * by which command it was made. Not collective. Returns the errors of bl_container_open. */
bl_status bl_container_content(uint32_t *crc, const char *path);

/** Let the HDF5 library take no locks, unless the environment says something else (HDF5_USE_FILE_LOCKING): its files are
 * written in memory here and replaced whole, and some file systems grant none. Not collective; before the first call of
 * netCDF, and of another thread. */
void bl_container_without_locks(void);

/** How many numbers the attribute \a name of \a variable (or NC_GLOBAL) holds; 0 when there is none, or of other types.
 * To be asked before netCDF reads them, which writes all of them. Not collective. */
size_t bl_container_numbers(int ncid, int variable, const char *name);

/** The global attribute \a name of the file \a path as text, "" when there is none. Not collective.
 * \param [out] text  the caller's; bl_free. Returns the errors of bl_container_open. */
bl_status bl_container_read_text(char **text, const char *path, const char *name);

/** Refuse a variable that is not of numbers or has another number of dimensions, before netCDF writes all that it holds to
 * memory made for fewer. Not collective. \param [out] variable  its id. \param [out] dimensions  (rank) caller's; NULL:
 * not asked for. Returns BL_ERROR_INPUT, also where there is none of that name. */
bl_status bl_container_find(int *variable, int *dimensions, int ncid, const char *path, const char *name, int rank);

/** One number of a variable without dimensions. Not collective. Returns BL_ERROR_INPUT. */
bl_status bl_container_get_number(double *value, int ncid, const char *path, const char *name);

/** The lengths of the dimensions of a variable. Not collective. \param [out] sizes (rank). \param [in] name  of the
 * variable. \param [in] expected  what \a rank and the netCDF \a type are, for people. Returns BL_ERROR_INPUT for others.
 */
bl_status bl_container_sizes(size_t *sizes, int ncid, int variable, const char *path, const char *name, int rank, int type,
                             const char *expected);

/** Refuse a variable whose declared size no file of \a path's length can hold (deflate shrinks at most by 1032), before
 * memory is asked for. Not collective. \param [out] bytes  product of \a sizes and \a element. Returns BL_ERROR_INPUT. */
bl_status bl_container_plausible(size_t *bytes, const char *path, const char *variable, const size_t *sizes, int count,
                                 size_t element);

#endif
