#include "parallel/arrow.h"

#include "base/clock.h"
#include "base/memory.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "parallel/watchdog.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

typedef struct message {
  MPI_Request request;
  int count;
  int peer;
  int tag;
} message;

/* Messages under way, in one direction. */
typedef struct traffic {
  message *messages; /* (room) */
  int count, room;
  bool receives;
} traffic;

struct bl_arrow {
  const char *name;
  MPI_Comm comm;
  int rank;
  int largest_tag;
  traffic sends, receives;
  uint64_t bytes_sent;
  double waited;
};

bl_status bl_arrow_create(bl_arrow **arrow, MPI_Comm comm, const char *name) {
  *arrow = NULL;
  bl_arrow *a = NULL;
  int rank, found, *largest_tag;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_get_attr(comm, MPI_TAG_UB, &largest_tag, &found)));
  BL_TRY(bl_allocate(&a, 1, sizeof *a));
  a->comm = comm;
  a->name = name;
  a->rank = rank;
  a->largest_tag = found ? *largest_tag : 32767; /* what the standard promises */
  a->receives.receives = true;
  *arrow = a;
  return BL_OK;
}

void bl_arrow_destroy(bl_arrow **arrow) {
  if (*arrow == NULL)
    return;
  traffic *receives = &(*arrow)->receives;
  for (int i = 0; i < receives->count; i++) {
    MPI_Cancel(&receives->messages[i].request);
    MPI_Wait(&receives->messages[i].request, MPI_STATUS_IGNORE);
  }
  traffic *sends = &(*arrow)->sends;
  for (int i = 0; i < sends->count; i++)
    MPI_Request_free(&sends->messages[i].request);
  bl_free(&receives->messages);
  bl_free(&sends->messages);
  bl_free(arrow);
}

/* Room for one more message at the end of the queue. */
static bl_status make_room(traffic *queue) {
  if (queue->count < queue->room)
    return BL_OK;
  const int room = queue->room > 0 ? 2 * queue->room : 16;
  message *messages = NULL;
  BL_TRY(bl_allocate(&messages, (size_t)room, sizeof *messages));
  if (queue->count > 0)
    memcpy(messages, queue->messages, (size_t)queue->count * sizeof *messages);
  bl_free(&queue->messages);
  queue->messages = messages;
  queue->room = room;
  return BL_OK;
}

static bl_status post(bl_arrow *arrow, traffic *queue, float *values, size_t count, int tag, int peer) {
  if (count > INT_MAX)
    return bl_fail(BL_ERROR_LIBRARY, "a message of %zu numbers, but MPI takes at most %d; use a smaller micro-batch", count,
                   INT_MAX);
  if (tag < 0 || tag > arrow->largest_tag)
    return bl_fail(BL_ERROR_LIBRARY, "message tag %d, but this MPI takes tags from 0 to %d", tag, arrow->largest_tag);
  BL_TRY(make_room(queue));
  message *m = &queue->messages[queue->count];
  *m = (message){MPI_REQUEST_NULL, (int)count, peer, tag};
  if (queue->receives)
    BL_TRY(BL_MPI(MPI_Irecv(values, m->count, MPI_FLOAT, peer, tag, arrow->comm, &m->request)));
  else
    BL_TRY(BL_MPI(MPI_Isend(values, m->count, MPI_FLOAT, peer, tag, arrow->comm, &m->request)));
  queue->count++;
  if (!queue->receives && peer != arrow->rank)
    arrow->bytes_sent += count * sizeof *values;
  return BL_OK;
}

bl_status bl_arrow_receive(bl_arrow *arrow, float *values, size_t count, int tag, int source) {
  return post(arrow, &arrow->receives, values, count, tag, source);
}

bl_status bl_arrow_send(bl_arrow *arrow, const float *values, size_t count, int tag, int destination) {
  return post(arrow, &arrow->sends, (float *)values, count, tag, destination);
}

/* Take the messages that are complete out of the queue, keep the order of the others. */
static bl_status advance(traffic *queue) {
  int kept = 0;
  bl_status status = BL_OK;
  for (int i = 0; i < queue->count; i++) {
    message *m = &queue->messages[i];
    MPI_Status received;
    int complete = 0, count = m->count;
    if (status == BL_OK)
      status = BL_MPI(MPI_Test(&m->request, &complete, &received));
    if (status == BL_OK && complete && queue->receives) {
      status = BL_MPI(MPI_Get_count(&received, MPI_FLOAT, &count));
      if (status == BL_OK && count != m->count)
        status = bl_fail(BL_ERROR_LIBRARY, "message %d from rank %d has %d numbers, expected %d", m->tag, m->peer, count,
                         m->count);
    }
    if (!complete)
      queue->messages[kept++] = *m;
  }
  queue->count = kept;
  return status;
}

bl_status bl_arrow_advance(bl_arrow *arrow) {
  BL_TRY(advance(&arrow->receives));
  return advance(&arrow->sends);
}

static bool under_way(const traffic *receives, int tag, int source) {
  for (int i = 0; i < receives->count; i++)
    if (receives->messages[i].tag == tag && receives->messages[i].peer == source)
      return true;
  return false;
}

bl_status bl_arrow_wait(bl_arrow *arrow, int tag, int source) {
  const double since = bl_clock_seconds();
  bl_watchdog_wait(arrow->name, tag, source);
  bl_status status = bl_arrow_advance(arrow);
  while (status == BL_OK && under_way(&arrow->receives, tag, source)) {
    bl_wait_pause(since);
    status = bl_arrow_advance(arrow);
  }
  bl_watchdog_go_on();
  arrow->waited += bl_clock_seconds() - since;
  return status;
}

bl_status bl_arrow_finish(bl_arrow *arrow) {
  const double since = bl_clock_seconds();
  bl_status status = bl_arrow_advance(arrow);
  while (status == BL_OK && arrow->sends.count + arrow->receives.count > 0) {
    const message *m = arrow->receives.count > 0 ? arrow->receives.messages : arrow->sends.messages;
    bl_watchdog_wait(arrow->name, m->tag, m->peer);
    bl_wait_pause(since);
    status = bl_arrow_advance(arrow);
  }
  bl_watchdog_go_on();
  arrow->waited += bl_clock_seconds() - since;
  return status;
}

uint64_t bl_arrow_bytes(const bl_arrow *arrow) {
  return arrow->bytes_sent;
}

double bl_arrow_waited(const bl_arrow *arrow) {
  return arrow->waited;
}
