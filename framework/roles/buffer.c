#include "roles/buffer.h"

#include "base/memory.h"

bl_status bl_buffer_create(bl_buffer *buffer, const bl_world *world, const bl_sft_pg *method, int strata) {
  const size_t state = method->micro_batch * method->size;
  int slots = 0;
  *buffer = (bl_buffer){.world = world,
                        .strata = strata,
                        .batches = method->n_critic,
                        .state = state,
                        .trajectory = (size_t)(method->steps + 1) * state};
  BL_TRY(bl_allocate(&buffer->slot, (size_t)strata, sizeof *buffer->slot));
  for (int m = 0; m < strata; m++) {
    const bool mine = bl_buffer_generator(buffer, m) == world->rank || bl_buffer_critic(buffer, m) == world->rank;
    buffer->slot[m] = mine ? slots++ : -1;
  }
  return bl_allocate(&buffer->values, (size_t)slots * (size_t)buffer->batches * buffer->trajectory + 1,
                     sizeof *buffer->values);
}

void bl_buffer_destroy(bl_buffer *buffer) {
  bl_free(&buffer->slot);
  bl_free(&buffer->values);
}

float *bl_buffer_at(const bl_buffer *buffer, int batch, int stratum) {
  return buffer->values + ((size_t)buffer->slot[stratum] * (size_t)buffer->batches + (size_t)batch) * buffer->trajectory;
}

int bl_buffer_generator(const bl_buffer *buffer, int stratum) {
  const bl_group *generators = &buffer->world->generators;
  return bl_group_world_rank(buffer->world, generators, stratum % generators->size);
}

int bl_buffer_critic(const bl_buffer *buffer, int stratum) {
  const bl_group *critics = &buffer->world->critics;
  return bl_group_world_rank(buffer->world, critics, stratum % critics->size);
}
