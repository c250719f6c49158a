/** \file
 * What a command reads and what it writes: declared by each program, checked in one place. An output never replaces an
 * input, nor a result that a running process still writes. */
#ifndef BEELINE_PROGRAMS_FILES_H
#define BEELINE_PROGRAMS_FILES_H

#include "programs/program.h"
#include "store/lock.h"
#include "store/output.h"

enum { BL_FILES_INPUTS = 320 };

/** Files that a command reads. */
typedef struct bl_inputs {
  int count;
  bl_input_file files[BL_FILES_INPUTS];
  char paths[16][4096]; /**< of the keys */
  int path_count;
} bl_inputs;

/** Whether \a key begins with one of \a reads, which NULL ends: "data." or "model.file". Not collective. */
bool bl_files_reads(const char *const *reads, const char *key);

/** Add the configuration's file and the files that keys of \a reads name. Not collective. \param [in,out] inputs  all zero
 * at first; borrows from \a options. */
void bl_files_add(bl_inputs *inputs, const bl_options *options, const char *const *reads);

/** What the invocation reads: its configuration, its arguments and the files that keys of \a reads name. Not collective.
 * \param [out] inputs  the caller's; bl_free; borrows from the invocation. Returns BL_ERROR_SYSTEM without memory. */
bl_status bl_files_of(bl_inputs **inputs, const bl_invocation *invocation, const char *const *reads);

/** Whether all \a outputs can be written and none would replace an input (bl_output_check, bl_output_apart). Not
 * collective. Returns BL_ERROR_USAGE. */
bl_status bl_files_check(const char *const *outputs, int count, const bl_inputs *inputs);

/** For a command with files as outputs: check them, and keep other commands from writing the first one, which counts as a
 * result of a run in its folder where it is named like one. Tells when it is there and will be replaced, but not when the
 * invocation resumes. Not collective (the root rank). \param [out] lock  the
 * caller's; bl_lock_release. Returns BL_ERROR_USAGE, also when another process writes it. */
bl_status bl_files_claim(bl_lock **lock, const bl_invocation *invocation, const char *const *reads,
                         const char *const *outputs, int count);

/** For a command with a folder as output: check what runs write there, and what they wrote, against what is read. Not
 * collective. Returns BL_ERROR_USAGE. */
bl_status bl_files_check_folder(const bl_invocation *invocation, const char *const *reads, const char *folder);

#endif
