#include "parallel/channel.h"

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

struct bl_channel {
  const char *name;
  MPI_Comm comm;
  int rank;
  int largest_tag;
  traffic sends, receives;
  uint64_t bytes_sent;
  double waited;
};

bl_status bl_channel_create(bl_channel **channel, MPI_Comm comm, const char *name) {
  *channel = NULL;
  bl_channel *a = NULL;
  int rank, found, *largest_tag;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_get_attr(comm, MPI_TAG_UB, &largest_tag, &found)));
  BL_TRY(bl_allocate(&a, 1, sizeof *a));
  a->comm = comm;
  a->name = name;
  a->rank = rank;
  a->largest_tag = found ? *largest_tag : 32767; /* what the standard promises */
  a->receives.receives = true;
  *channel = a;
  return BL_OK;
}

void bl_channel_destroy(bl_channel **channel) {
  if (*channel == NULL)
    return;
  traffic *receives = &(*channel)->receives;
  for (int i = 0; i < receives->count; i++) {
    MPI_Cancel(&receives->messages[i].request);
    MPI_Wait(&receives->messages[i].request, MPI_STATUS_IGNORE);
  }
  traffic *sends = &(*channel)->sends;
  for (int i = 0; i < sends->count; i++)
    MPI_Request_free(&sends->messages[i].request);
  bl_free(&receives->messages);
  bl_free(&sends->messages);
  bl_free(channel);
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

static bl_status post(bl_channel *channel, traffic *queue, float *values, size_t count, int tag, int peer) {
  if (count > INT_MAX)
    return bl_fail(BL_ERROR_LIBRARY, "a message of %zu numbers, but MPI takes at most %d; use a smaller micro-batch", count,
                   INT_MAX);
  if (tag < 0 || tag > channel->largest_tag)
    return bl_fail(BL_ERROR_LIBRARY, "message tag %d, but this MPI takes tags from 0 to %d", tag, channel->largest_tag);
  BL_TRY(make_room(queue));
  message *m = &queue->messages[queue->count];
  *m = (message){MPI_REQUEST_NULL, (int)count, peer, tag};
  if (queue->receives)
    BL_TRY(BL_MPI(MPI_Irecv(values, m->count, MPI_FLOAT, peer, tag, channel->comm, &m->request)));
  else
    BL_TRY(BL_MPI(MPI_Isend(values, m->count, MPI_FLOAT, peer, tag, channel->comm, &m->request)));
  queue->count++;
  if (!queue->receives && peer != channel->rank)
    channel->bytes_sent += count * sizeof *values;
  return BL_OK;
}

bl_status bl_channel_receive(bl_channel *channel, float *values, size_t count, int tag, int source) {
  return post(channel, &channel->receives, values, count, tag, source);
}

bl_status bl_channel_send(bl_channel *channel, const float *values, size_t count, int tag, int destination) {
  return post(channel, &channel->sends, (float *)values, count, tag, destination);
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

bl_status bl_channel_advance(bl_channel *channel) {
  BL_TRY(advance(&channel->receives));
  return advance(&channel->sends);
}

static bool under_way(const traffic *receives, int tag, int source) {
  for (int i = 0; i < receives->count; i++)
    if (receives->messages[i].tag == tag && receives->messages[i].peer == source)
      return true;
  return false;
}

bl_status bl_channel_wait(bl_channel *channel, int tag, int source) {
  const double since = bl_clock_seconds();
  bl_watchdog_wait(channel->name, tag, source);
  bl_status status = bl_channel_advance(channel);
  while (status == BL_OK && under_way(&channel->receives, tag, source)) {
    bl_wait_pause(since);
    status = bl_channel_advance(channel);
  }
  bl_watchdog_go_on();
  channel->waited += bl_clock_seconds() - since;
  return status;
}

bl_status bl_channel_finish(bl_channel *channel) {
  const double since = bl_clock_seconds();
  bl_status status = bl_channel_advance(channel);
  while (status == BL_OK && channel->sends.count + channel->receives.count > 0) {
    const message *m = channel->receives.count > 0 ? channel->receives.messages : channel->sends.messages;
    bl_watchdog_wait(channel->name, m->tag, m->peer);
    bl_wait_pause(since);
    status = bl_channel_advance(channel);
  }
  bl_watchdog_go_on();
  channel->waited += bl_clock_seconds() - since;
  return status;
}

uint64_t bl_channel_bytes(const bl_channel *channel) {
  return channel->bytes_sent;
}

double bl_channel_waited(const bl_channel *channel) {
  return channel->waited;
}
