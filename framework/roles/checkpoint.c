#include "roles/checkpoint.h"

#include "base/log.h"
#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <stdio.h>
#include <string.h>

enum { PARTS_MAX = BL_MODEL_NETWORKS * BL_AGGREGATOR_ARRAYS, PATH_MAX_LENGTH = 4096 };

/* An array of an entry, and the part of the file that it is. */
typedef struct array {
  bl_aggregator *aggregator;
  bl_aggregator_array which;
  int entry;
  char name[32];
} array;

/* What the file holds; returns how many arrays. \param [out] largest  numbers of the largest one. */
static int list_arrays(array *arrays, bl_model_part *parts, size_t *largest, const bl_checkpoint_entry *entries,
                       int count) {
  static const char *const suffixes[BL_AGGREGATOR_ARRAYS] = {"", "_average", "_first", "_second"};
  int listed = 0;
  *largest = 0;
  for (int i = 0; i < count; i++) {
    bl_aggregator *aggregator = entries[i].aggregator;
    for (bl_aggregator_array which = 0; which < BL_AGGREGATOR_ARRAYS; which++) {
      if (!bl_aggregator_has(aggregator, which))
        continue;
      array *a = &arrays[listed];
      const bool model_average = which == BL_AGGREGATOR_AVERAGE && strcmp(entries[i].part, "model") == 0;
      *a = (array){.aggregator = aggregator, .which = which, .entry = i};
      snprintf(a->name, sizeof a->name, "%s%s", model_average ? "" : entries[i].part,
               model_average ? "average" : suffixes[which]);
      parts[listed++] = (bl_model_part){.name = a->name, .table = aggregator->table};
      if (aggregator->table->count > *largest)
        *largest = aggregator->table->count;
    }
  }
  return listed;
}

bl_status bl_checkpoint_save(const char *folder, bl_model_header *header, const bl_checkpoint_entry *entries, int count,
                             int keep, int milestones, const bl_provenance *provenance, const bl_world *world) {
  array arrays[PARTS_MAX];
  bl_model_part parts[PARTS_MAX];
  bl_model_file file = {.ncid = -1};
  char path[PATH_MAX_LENGTH];
  float *whole = NULL;
  size_t largest;
  bl_status status = BL_OK;
  const int listed = list_arrays(arrays, parts, &largest, entries, count);
  for (int i = 0; i < count; i++)
    BL_TRY(bl_aggregator_steps(&header->optimiser_steps[i], entries[i].aggregator, world));
  if (world->rank == 0) {
    bl_checkpoint_path(path, sizeof path, folder, header->round);
    status = bl_allocate(&whole, largest, sizeof *whole);
    if (status == BL_OK)
      status = bl_model_begin(&file, path, header, parts, listed, provenance);
  }
  BL_GOTO(bl_agree(status, world->comm));
  for (int i = 0; i < listed; i++) {
    parts[i].values = whole;
    BL_GOTO(bl_aggregator_gather(whole, arrays[i].aggregator, arrays[i].which, false, world));
    BL_GOTO(bl_agree(world->rank == 0 ? bl_model_put(&file, &parts[i]) : BL_OK, world->comm));
  }
  if (world->rank == 0) {
    status = bl_model_end(&file);
    if (status == BL_OK)
      status = bl_checkpoint_prune(folder, keep, milestones);
  }
  status = bl_agree(status, world->comm);
done:
  bl_model_abandon(&file);
  bl_free(&whole);
  return status;
}

bl_status bl_checkpoint_resume(bl_model_header *header, const char *path, const bl_checkpoint_entry *entries, int count,
                               const bl_world *world) {
  array arrays[PARTS_MAX];
  bl_model_part parts[PARTS_MAX];
  bl_model_file file = {.ncid = -1};
  bl_model_header found = {0};
  float *whole = NULL;
  size_t largest;
  bl_status status;
  const int listed = list_arrays(arrays, parts, &largest, entries, count);
  BL_GOTO(bl_agree(bl_allocate(&whole, largest, sizeof *whole), world->comm));
  BL_GOTO(bl_agree(world->rank == 0 ? bl_model_open(&file, &found, path) : BL_OK, world->comm));
  BL_GOTO(BL_MPI(MPI_Bcast(&found, sizeof found, MPI_BYTE, 0, world->comm)));
  for (int i = 0; i < listed; i++) {
    parts[i].values = whole;
    BL_GOTO(bl_agree(world->rank == 0 ? bl_model_get(&file, &parts[i]) : BL_OK, world->comm));
    BL_GOTO(BL_MPI(MPI_Bcast(whole, (int)parts[i].table->count, MPI_FLOAT, 0, world->comm)));
    bl_aggregator_restore(arrays[i].aggregator, arrays[i].which, whole, found.optimiser_steps[arrays[i].entry]);
  }
  *header = found;
  bl_log("resuming from %s", path);
done:
  bl_model_close(&file);
  bl_free(&whole);
  return status;
}

/* The array that the run samples with. */
static bl_aggregator_array current_array(const bl_aggregator *aggregator) {
  return bl_aggregator_has(aggregator, BL_AGGREGATOR_AVERAGE) ? BL_AGGREGATOR_AVERAGE : BL_AGGREGATOR_VALUES;
}

bl_status bl_checkpoint_finish(const char *path, bl_model_header *header, const bl_aggregator *aggregator,
                               const bl_provenance *provenance, const bl_world *world) {
  float *values = NULL;
  bl_status status = world->rank == 0 ? bl_allocate(&values, aggregator->table->count, sizeof *values) : BL_OK;
  BL_GOTO(bl_agree(status, world->comm));
  BL_GOTO(bl_aggregator_steps(&header->optimiser_steps[0], aggregator, world));
  BL_GOTO(bl_aggregator_gather(values, aggregator, current_array(aggregator), false, world));
  if (world->rank == 0)
    status = bl_model_write(path, header, &(bl_model_part){"model", aggregator->table, values}, 1, provenance);
  status = bl_agree(status, world->comm);
done:
  bl_free(&values);
  return status;
}

bl_status bl_checkpoint_current(float *values, const bl_aggregator *aggregator, const bl_world *world) {
  return bl_aggregator_gather(values, aggregator, current_array(aggregator), true, world);
}
