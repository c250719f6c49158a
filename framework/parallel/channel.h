/** \file
 * A channel: a directed link between two roles with a communicator of its own, so that no message can match a wrong
 * receive.
 *
 * Messages are non-blocking in both directions and receives are posted early, so a rank that holds both ends sends to
 * itself without deadlock. Waiting sleeps between looks, so that a rank that waits for long leaves its core to others.
 * A message is known by its source and its tag (the number of its micro-batch); several arrays may share both, and then
 * match in the order of posting.
 *
 *     critic:    receive(x, 7) … other work … wait(7) … use x
 *     generator: compute x … send(x, 7) … other work … finish() … reuse x
 */
#ifndef BEELINE_PARALLEL_CHANNEL_H
#define BEELINE_PARALLEL_CHANNEL_H

#include "base/status.h"

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bl_channel bl_channel;

/** A channel over \a comm (borrowed; nobody else may use it). Not collective.
 * \param [out] channel  the caller's; release with bl_channel_destroy. \param [in] name  what it carries, "trajectories";
 * borrowed. */
bl_status bl_channel_create(bl_channel **channel, MPI_Comm comm, const char *name);

/** Release *\a channel (NULL is allowed) and set it to NULL. Not collective.
 * Nothing should be under way (bl_channel_finish). After an error it may: unmatched receives are withdrawn, so that this
 * rank does not wait for one that gave up. */
void bl_channel_destroy(bl_channel **channel);

/** Begin to send \a count floats to rank \a destination. Not collective. \a values must stay unchanged until
 * bl_channel_finish.
 * Returns BL_ERROR_LIBRARY when \a count or \a tag is above what MPI takes (2^31 − 1; 32767 or more). */
bl_status bl_channel_send(bl_channel *channel, const float *values, size_t count, int tag, int destination);

/** Begin to receive \a count floats from rank \a source. Not collective. \a values are valid after bl_channel_wait.
 * Errors as for bl_channel_send. */
bl_status bl_channel_receive(bl_channel *channel, float *values, size_t count, int tag, int source);

/** Wait for the receives with that tag from that source; returns at once when there are none. Not collective.
 * Returns BL_ERROR_LIBRARY when a message is shorter than was announced. */
bl_status bl_channel_wait(bl_channel *channel, int tag, int source);

/** Wait for everything under way. Not collective. Errors as for bl_channel_wait. */
bl_status bl_channel_finish(bl_channel *channel);

/** Let messages advance. Not collective. For calls between pieces of long work: MPI moves large messages only inside its
 * calls. Errors as for bl_channel_wait. */
bl_status bl_channel_advance(bl_channel *channel);

/** Bytes sent to other ranks since creation. Not collective. */
uint64_t bl_channel_bytes(const bl_channel *channel);

/** Seconds spent waiting since creation. Not collective. */
double bl_channel_waited(const bl_channel *channel);

#endif
