#include "parallel/world.h"

#include "parallel/mpi_check.h"

#include <stdio.h>
#include <string.h>

/* A split that fits, for messages. */
static void suggest(char *text, size_t size, int ranks) {
  if (ranks < 4)
    snprintf(text, size, "1:1:1 or all");
  else
    snprintf(text, size, "%d:1:1 or all", ranks - 2);
}

static bl_status split_check(bl_split split, int ranks) {
  const int counts[3] = {split.generators, split.critics, split.aggregators};
  const char *const names[3] = {"generators", "critics", "aggregators"};
  char fitting[48];
  suggest(fitting, sizeof fitting, ranks);
  for (int role = 0; role < 3; role++) {
    const int least = role == 1 ? 0 : 1;
    if (counts[role] < least || counts[role] > ranks)
      return bl_fail(BL_ERROR_USAGE, "roles %d:%d:%d do not fit: %d %s on %d rank%s, expected %d to %d (for example %s)",
                     counts[0], counts[1], counts[2], counts[role], names[role], ranks, ranks == 1 ? "" : "s", least, ranks,
                     fitting);
  }
  /* Counts are at most `ranks`, so the sum cannot overflow before it passes the test. */
  if ((long)counts[0] + counts[1] + counts[2] < ranks)
    return bl_fail(BL_ERROR_USAGE,
                   "roles %d:%d:%d leave %d of %d ranks without a role; the counts must add up to %d or more"
                   " (for example %s)",
                   counts[0], counts[1], counts[2], ranks - counts[0] - counts[1] - counts[2], ranks, ranks, fitting);
  return BL_OK;
}

bl_status bl_split_parse(bl_split *split, const char *text, int ranks) {
  bl_split read = {ranks, ranks, ranks};
  if (strcmp(text, "all") != 0) {
    /* At most nine digits each, so that no count overflows. */
    int length = 0;
    if (strspn(text, "0123456789:") != strlen(text) ||
        sscanf(text, "%9d:%9d:%9d%n", &read.generators, &read.critics, &read.aggregators, &length) != 3 ||
        text[length] != '\0') {
      char fitting[48];
      suggest(fitting, sizeof fitting, ranks);
      return bl_fail(
          BL_ERROR_USAGE,
          "roles \"%.60s\" are not generators:critics:aggregators, nor \"all\" or \"auto\" (for example %s on %d rank%s)",
          text, fitting, ranks, ranks == 1 ? "" : "s");
    }
  }
  BL_TRY(split_check(read, ranks));
  *split = read;
  return BL_OK;
}

/* Member of a group of `size` ranks that starts at `first` which this rank is, −1 when it is none. */
static int member_of(const bl_world *world, int first, int size) {
  const int member = (world->rank - first + world->size) % world->size;
  return member < size ? member : -1;
}

static bl_status group_create(bl_group *group, const bl_world *world, int first, int size) {
  group->first = first % world->size;
  group->size = size;
  group->rank = member_of(world, group->first, size);
  return BL_MPI(MPI_Comm_split(world->comm, group->rank >= 0 ? 0 : MPI_UNDEFINED, group->rank, &group->comm));
}

static bool in_union(const bl_world *world) {
  return world->generators.rank >= 0 || world->aggregators.rank >= 0;
}

int bl_split_idle(bl_split split, int ranks, int micro_batches) {
  int idle = 0;
  for (int rank = 0; rank < ranks; rank++) {
    const int critic = (rank - split.generators % ranks + ranks) % ranks; /* which one this rank is, if there are so many */
    const bool computes = rank < split.generators || critic < split.critics;
    const bool busy =
        (rank < split.generators && rank < micro_batches) || (critic < split.critics && critic < micro_batches);
    idle += computes && !busy;
  }
  return idle;
}

bl_status bl_world_create(bl_world *world, MPI_Comm comm, bl_split split) {
  memset(world, 0, sizeof *world);
  MPI_Comm *const owned[] = {
      &world->comm,          &world->generators.comm, &world->critics.comm,    &world->aggregators.comm,
      &world->gradient_comm, &world->parameter_comm,  &world->trajectory_comm, &world->advantage_comm};
  for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
    *owned[i] = MPI_COMM_NULL;
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &world->size)));
  BL_TRY(split_check(split, world->size));
  BL_TRY(BL_MPI(MPI_Comm_dup(comm, &world->comm)));
  bl_status status = BL_OK;
  BL_GOTO(BL_MPI(MPI_Comm_rank(world->comm, &world->rank)));
  BL_GOTO(group_create(&world->generators, world, 0, split.generators));
  BL_GOTO(group_create(&world->critics, world, split.generators, split.critics));
  BL_GOTO(group_create(&world->aggregators, world, split.generators + split.critics, split.aggregators));
  const int colour = in_union(world) ? 0 : MPI_UNDEFINED;
  BL_GOTO(BL_MPI(MPI_Comm_split(world->comm, colour, world->rank, &world->gradient_comm)));
  if (world->gradient_comm != MPI_COMM_NULL)
    BL_GOTO(BL_MPI(MPI_Comm_dup(world->gradient_comm, &world->parameter_comm)));
  BL_GOTO(BL_MPI(MPI_Comm_dup(world->comm, &world->trajectory_comm)));
  BL_GOTO(BL_MPI(MPI_Comm_dup(world->comm, &world->advantage_comm)));
done:
  if (status != BL_OK)
    bl_world_destroy(world);
  return status;
}

void bl_world_destroy(bl_world *world) {
  MPI_Comm *const owned[] = {
      &world->advantage_comm,   &world->trajectory_comm, &world->parameter_comm,  &world->gradient_comm,
      &world->aggregators.comm, &world->critics.comm,    &world->generators.comm, &world->comm};
  for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
    if (*owned[i] != MPI_COMM_NULL)
      MPI_Comm_free(owned[i]);
}

int bl_group_world_rank(const bl_world *world, const bl_group *group, int member) {
  return (group->first + member) % world->size;
}
