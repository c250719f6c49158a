/** \file
 * An arrow: a directed link between two roles with a communicator of its own, so that no message can match a wrong receive.
 *
 * Messages are non-blocking in both directions and receives are posted early, so a rank that holds both ends sends to
 * itself without deadlock. Waiting sleeps between looks, so that a rank that waits for long leaves its core to others.
 * A message is known by its source and its tag (the number of its micro-batch); several arrays may share both, and then
 * match in the order of posting.
 *
 *     critic:    receive(x, 7) … other work … wait(7) … use x
 *     generator: compute x … send(x, 7) … other work … finish() … reuse x
 */
#ifndef BEELINE_PARALLEL_ARROW_H
#define BEELINE_PARALLEL_ARROW_H

#include "base/status.h"

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bl_arrow bl_arrow;

/** An arrow over \a comm (borrowed; nobody else may use it). Not collective.
 * \param [out] arrow  the caller's; release with bl_arrow_destroy. \param [in] name  what it carries, "trajectories";
 * borrowed. */
bl_status bl_arrow_create(bl_arrow **arrow, MPI_Comm comm, const char *name);

/** Release *\a arrow (NULL is allowed) and set it to NULL. Not collective.
 * Nothing should be under way (bl_arrow_finish). After an error it may: unmatched receives are withdrawn, so that this rank
 * does not wait for one that gave up. */
void bl_arrow_destroy(bl_arrow **arrow);

/** Begin to send \a count floats to rank \a destination. Not collective. \a values must stay unchanged until
 * bl_arrow_finish.
 * Returns BL_ERROR_LIBRARY when \a count or \a tag is above what MPI takes (2^31 − 1; 32767 or more). */
bl_status bl_arrow_send(bl_arrow *arrow, const float *values, size_t count, int tag, int destination);

/** Begin to receive \a count floats from rank \a source. Not collective. \a values are valid after bl_arrow_wait.
 * Errors as for bl_arrow_send. */
bl_status bl_arrow_receive(bl_arrow *arrow, float *values, size_t count, int tag, int source);

/** Wait for the receives with that tag from that source; returns at once when there are none. Not collective.
 * Returns BL_ERROR_LIBRARY when a message is shorter than was announced. */
bl_status bl_arrow_wait(bl_arrow *arrow, int tag, int source);

/** Wait for everything under way. Not collective. Errors as for bl_arrow_wait. */
bl_status bl_arrow_finish(bl_arrow *arrow);

/** Let messages advance. Not collective. For calls between pieces of long work: MPI moves large messages only inside its
 * calls. Errors as for bl_arrow_wait. */
bl_status bl_arrow_advance(bl_arrow *arrow);

/** Bytes sent to other ranks since creation. Not collective. */
uint64_t bl_arrow_bytes(const bl_arrow *arrow);

/** Seconds spent waiting since creation. Not collective. */
double bl_arrow_waited(const bl_arrow *arrow);

#endif
