/** \file
 * One folder, one run: a file beside the results says who writes there.
 *
 * It names host, process, job and since when, as text, and is there as long as its owner is. The kernel's lock on it
 * (flock) excludes others at once; where a file system grants none, or grants it on one host only, what the file says
 * decides: a process of this machine is looked up, with its time of start, so that numbers that come again and reboots do
 * no harm; one of another host shows that it lives by the time of change of the file, which a thread of the owner renews.
 * What a dead one left is taken over, and temporary files that it was writing beside the lock are deleted
 * (store/output.h).
 */
#ifndef BEELINE_STORE_LOCK_H
#define BEELINE_STORE_LOCK_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct bl_lock bl_lock;

/** Take the lock file \a path; missing folders above it are made. Waits 5 seconds for the end of an owner that lives, and
 * up to 20 where only time tells whether an owner on another host lives. Not collective (the root rank). \param [out] lock
 * the caller's; bl_lock_release. Returns BL_ERROR_USAGE naming the owner when another process has it, or the reason when it
 * cannot be written. */
bl_status bl_lock_take(bl_lock **lock, const char *path);

/** Whether what the lock protects is still there and still ours, to be asked before something is written; a lock file that
 * was deleted is put back with a warning. Not collective. NULL is allowed. Returns BL_ERROR_SYSTEM when the folder was
 * removed or renamed, or another process has taken it over. */
bl_status bl_lock_check(bl_lock *lock);

/** Delete the lock file, and folders that bl_lock_take made and that are still empty; set *\a lock to NULL; NULL is
 * allowed. Not collective. */
void bl_lock_release(bl_lock **lock);

/** Whether a process that may live has the lock file \a path, without taking it or waiting. Not collective.
 * \param [out] owner  (size) caller's; who it is, for messages. */
bool bl_lock_is_taken(char *owner, size_t size, const char *path);

#endif
