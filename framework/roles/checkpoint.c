#include "roles/checkpoint.h"

#include "base/log.h"
#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <stdio.h>
#include <string.h>

enum { STATE_ARRAYS = 4, PARTS_MAX = 3 * STATE_ARRAYS, PATH_MAX_LENGTH = 4096 };

/* The whole arrays of one entry, and the parts of the file that they are. */
typedef struct entry_state {
  bl_aggregator_state arrays;
  char names[STATE_ARRAYS][32];
} entry_state;

static bool has_average(const bl_aggregator *aggregator) {
  return aggregator->average_decay > 0;
}

static bool has_first_moment(const bl_optimiser_settings *settings) {
  return settings->kind == BL_OPTIMISER_ADAM;
}

static void free_states(entry_state *states, int count) {
  for (int i = 0; i < count; i++) {
    bl_free(&states[i].arrays.values);
    bl_free(&states[i].arrays.average);
    bl_free(&states[i].arrays.first);
    bl_free(&states[i].arrays.second);
  }
}

/* Allocate the arrays that an entry has. */
static bl_status allocate_state(entry_state *state, const bl_checkpoint_entry *entry) {
  const bl_aggregator *aggregator = entry->aggregator;
  const size_t count = aggregator->table->count;
  BL_TRY(bl_allocate(&state->arrays.values, count, sizeof(float)));
  if (has_average(aggregator))
    BL_TRY(bl_allocate(&state->arrays.average, count, sizeof(float)));
  if (has_first_moment(&aggregator->settings))
    BL_TRY(bl_allocate(&state->arrays.first, count, sizeof(float)));
  return bl_allocate(&state->arrays.second, count, sizeof(float));
}

/* The parts of the file; returns how many. */
static int list_parts(bl_model_part *parts, entry_state *states, const bl_checkpoint_entry *entries, int count) {
  int listed = 0;
  for (int i = 0; i < count; i++) {
    float *arrays[STATE_ARRAYS] = {states[i].arrays.values, states[i].arrays.average, states[i].arrays.first,
                                   states[i].arrays.second};
    static const char *const suffixes[STATE_ARRAYS] = {"", "_average", "_first", "_second"};
    for (int j = 0; j < STATE_ARRAYS; j++) {
      if (!arrays[j])
        continue;
      const bool model_average = j == 1 && strcmp(entries[i].part, "model") == 0;
      snprintf(states[i].names[j], sizeof states[i].names[j], "%s%s", model_average ? "" : entries[i].part,
               model_average ? "average" : suffixes[j]);
      parts[listed++] = (bl_model_part){states[i].names[j], entries[i].aggregator->table, arrays[j]};
    }
  }
  return listed;
}

bl_status bl_checkpoint_save(const char *folder, bl_model_header *header, const bl_checkpoint_entry *entries, int count,
                             int keep, int milestones, const bl_provenance *provenance, const bl_world *world) {
  entry_state states[3] = {0};
  bl_model_part parts[PARTS_MAX];
  char path[PATH_MAX_LENGTH];
  bl_status status = BL_OK;
  for (int i = 0; i < count; i++) {
    BL_GOTO(bl_agree(allocate_state(&states[i], &entries[i]), world->comm));
    BL_GOTO(bl_aggregator_gather(&states[i].arrays, entries[i].aggregator, world));
    header->optimiser_steps[i] = states[i].arrays.steps;
  }
  const int listed = list_parts(parts, states, entries, count);
  if (world->rank == 0) {
    bl_checkpoint_path(path, sizeof path, folder, header->round);
    status = bl_model_write(path, header, parts, listed, provenance);
    if (status == BL_OK)
      status = bl_checkpoint_prune(folder, keep, milestones);
  }
  status = bl_agree(status, world->comm);
done:
  free_states(states, count);
  return status;
}

/* The arrays of a state, from rank 0 to all. */
static bl_status broadcast_state(bl_aggregator_state *arrays, size_t count, const bl_world *world) {
  float *const all[STATE_ARRAYS] = {arrays->values, arrays->average, arrays->first, arrays->second};
  for (int j = 0; j < STATE_ARRAYS; j++)
    if (all[j])
      BL_TRY(BL_MPI(MPI_Bcast(all[j], (int)count, MPI_FLOAT, 0, world->comm)));
  return BL_OK;
}

bl_status bl_checkpoint_resume(bl_model_header *header, const char *folder, const bl_checkpoint_entry *entries, int count,
                               const char *digest, const bl_world *world) {
  entry_state states[3] = {0};
  bl_model_part parts[PARTS_MAX];
  char path[PATH_MAX_LENGTH] = "";
  bl_model_header found = {0};
  bl_status status = BL_OK;
  for (int i = 0; i < count; i++)
    BL_GOTO(bl_agree(allocate_state(&states[i], &entries[i]), world->comm));
  const int listed = list_parts(parts, states, entries, count);
  if (world->rank == 0) {
    status = bl_checkpoint_find(path, sizeof path, folder);
    if (status == BL_OK && path[0] != '\0')
      status = bl_model_read_header(&found, path);
    if (status == BL_OK && path[0] != '\0' && strcmp(found.digest, digest) != 0)
      status = bl_fail(BL_ERROR_INPUT,
                       "%s: made with another configuration (digest %s, now %s): resume with the same one, or choose "
                       "another output folder",
                       path, found.digest, digest);
    if (status == BL_OK && path[0] != '\0')
      status = bl_model_read(path, parts, listed);
  }
  BL_GOTO(bl_agree(status, world->comm));
  BL_GOTO(BL_MPI_MET(MPI_Bcast(path, sizeof path, MPI_CHAR, 0, world->comm), world->comm));
  if (path[0] == '\0')
    goto done;
  BL_GOTO(BL_MPI(MPI_Bcast(&found, sizeof found, MPI_BYTE, 0, world->comm)));
  for (int i = 0; i < count; i++) {
    BL_GOTO(broadcast_state(&states[i].arrays, entries[i].aggregator->table->count, world));
    states[i].arrays.steps = found.optimiser_steps[i];
    bl_aggregator_set(entries[i].aggregator, &states[i].arrays);
  }
  *header = found;
  bl_log("resuming from %s", path);
done:
  free_states(states, count);
  return status;
}

bl_status bl_checkpoint_finish(const char *path, bl_model_header *header, const bl_aggregator *aggregator,
                               const bl_provenance *provenance, const bl_world *world) {
  float *values = NULL;
  bl_aggregator_state state = {0};
  bl_status status = bl_agree(bl_allocate(&values, aggregator->table->count, sizeof *values), world->comm);
  if (has_average(aggregator))
    state.average = values;
  else
    state.values = values;
  if (status == BL_OK)
    status = bl_aggregator_gather(&state, aggregator, world);
  if (status == BL_OK && world->rank == 0) {
    const bl_model_part part = {"model", aggregator->table, values};
    header->optimiser_steps[0] = state.steps;
    status = bl_model_write(path, header, &part, 1, provenance);
  }
  status = bl_agree(status, world->comm);
  bl_free(&values);
  return status;
}

bl_status bl_checkpoint_current(float *values, const bl_aggregator *aggregator, const bl_world *world) {
  bl_aggregator_state state = {0};
  if (has_average(aggregator))
    state.average = values;
  else
    state.values = values;
  return bl_aggregator_gather(&state, aggregator, world);
}
