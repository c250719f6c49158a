/** \file
 * Files that appear whole or not at all: written under a temporary name in the same folder, synced, renamed.
 *
 * Whatever fails on the way, a file of that name that was there before stays as it was. The temporary name is
 * "PATH.HOST-PID.partial"; it is removed on every failure, and only a killed process leaves it behind. A symbolic link
 * stays one: the file that it leads to is written. A file that is replaced hands its permissions on. Only regular files are
 * replaced.
 */
#ifndef BEELINE_STORE_OUTPUT_H
#define BEELINE_STORE_OUTPUT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/** A run of bytes; borrowed. */
typedef struct bl_bytes {
  const void *data;
  size_t size;
} bl_bytes;

/** A file, or a folder of files, that a command reads; borrowed. */
typedef struct bl_input_file {
  const char *name; /**< for messages: "model.file" */
  const char *path;
} bl_input_file;

/** Whether a file \a path could be written: it is a regular file that is not protected, or there is none, and in its folder
 * (or, when that is missing, the nearest one above that exists) a trial file can be made, which is removed at once. For
 * programs, before they start to work. Not collective. Returns BL_ERROR_USAGE saying what is there instead, or which folder
 * refuses and why; BL_ERROR_STORAGE where the disk is full. */
bl_status bl_output_check(const char *path);

/** Whether writing \a path would replace one of the files that a command reads, or one in a folder that it reads (but for
 * those whose names end in .nc): compared by device and inode, so that other spellings, symbolic and hard links count, and
 * files that are not there yet by their folder and name. Not collective. Returns BL_ERROR_USAGE with both names. */
bl_status bl_output_apart(const char *path, const bl_input_file *inputs, int count);

/** Replace the file \a path by the \a count \a pieces in a row; missing folders above it are made. Not collective.
 * Returns BL_ERROR_STORAGE with the bytes needed and those free when the disk is full, and where it is lost or a limit is
 * met; BL_ERROR_SYSTEM for other reasons. */
bl_status bl_output_write(const char *path, const bl_bytes *pieces, int count);

/** For libraries that write files themselves: make missing folders above \a path and name the temporary file. Not
 * collective. \param [out] temporary (size) caller's, a name in the same folder. */
bl_status bl_output_begin(char *temporary, size_t size, const char *path);

/** Sync the finished file \a temporary and give it the name \a path; it is removed when that fails. Not collective. */
bl_status bl_output_finish(const char *temporary, const char *path);

/** Make the folder \a folder and those above it, as mkdir -p does. Not collective. \param [in,out] folder  ends with the
 * one that cannot be made, on failure. \param [out] made  how many of the last ones were not there. Returns 0 or errno. */
int bl_output_make_folders(char *folder, int *made);

/** What a refusal before work starts with this errno is: BL_ERROR_STORAGE where the disk or a quota is full, which may be
 * well again when the job is started anew, else BL_ERROR_USAGE. Not collective. */
bl_status bl_output_refusal(int reason);

/** What a failure to write with this errno is: BL_ERROR_STORAGE where the disk is full or lost, which may be well again
 * when the job is started anew, else BL_ERROR_SYSTEM. Not collective. */
bl_status bl_output_status(int reason);

/** Why a file \a path cannot be written: the text of the errno \a reason, and of a full disk whether bytes, inodes or a
 * quota are used up. Not collective. \param [out] text  (size) caller's. */
void bl_output_explain(char *text, size_t size, const char *path, int reason);

/** Remove from \a folder the temporary files of processes of this host that are dead, where their names begin with one of
 * \a beginnings, which NULL ends. Not collective. */
void bl_output_sweep(const char *folder, const char *const *beginnings);

/** Whether \a name begins with one of \a beginnings, which NULL ends. Not collective. */
bool bl_output_begins(const char *name, const char *const *beginnings);

#endif
