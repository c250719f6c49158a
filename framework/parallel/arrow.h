/** \file
 * An arrow: a directed link between two roles with a communicator of its own, so that no message can match a wrong receive.
 *
 * Messages are non-blocking in both directions and receives are posted early, so a rank that holds both ends sends to
 * itself without deadlock. Waiting sleeps between looks, so that a rank that waits for long leaves its core to others.
 */
#ifndef BEELINE_PARALLEL_ARROW_H
#define BEELINE_PARALLEL_ARROW_H

#include "base/status.h"

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bl_arrow bl_arrow;

/** An arrow over \a comm (borrowed; nobody else may use it). Not collective.
 * \param [out] arrow  the caller's; release with bl_arrow_destroy. */
bl_status bl_arrow_create(bl_arrow **arrow, MPI_Comm comm);

/** Release *\a arrow, which must have nothing under way (bl_arrow_finish); NULL is allowed; sets it to NULL. Not
 * collective. */
void bl_arrow_destroy(bl_arrow **arrow);

/** Begin to send \a count floats to rank \a destination. Not collective. \a values must stay unchanged until
 * bl_arrow_finish. */
bl_status bl_arrow_send(bl_arrow *arrow, const float *values, size_t count, int tag, int destination);

/** Begin to receive \a count floats from rank \a source. Not collective. \a values are valid after bl_arrow_wait. */
bl_status bl_arrow_receive(bl_arrow *arrow, float *values, size_t count, int tag, int source);

/** Wait for the receive with that tag from that source. Not collective. */
bl_status bl_arrow_wait(bl_arrow *arrow, int tag, int source);

/** Wait for everything under way. Not collective. */
bl_status bl_arrow_finish(bl_arrow *arrow);

/** Bytes sent to other ranks and seconds spent waiting since creation. Not collective. */
uint64_t bl_arrow_bytes(const bl_arrow *arrow);
double bl_arrow_waited(const bl_arrow *arrow);

#endif
