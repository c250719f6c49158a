#include "roles/buffer.h"

#include "base/memory.h"

bl_status bl_buffer_create(bl_buffer *buffer, const bl_world *world, const bl_policy_method *method, int slots) {
  const size_t state = method->micro_batch * method->size;
  int held = 0;
  *buffer = (bl_buffer){.world = world,
                        .slots = slots,
                        .batches = method->n_critic,
                        .state = state,
                        .trajectory = (size_t)(method->steps + 1) * state};
  BL_TRY(bl_allocate(&buffer->place, (size_t)slots, sizeof *buffer->place));
  for (int m = 0; m < slots; m++) {
    const bool mine = bl_buffer_generator(buffer, m) == world->rank || bl_buffer_critic(buffer, m) == world->rank;
    buffer->place[m] = mine ? held++ : -1;
  }
  return bl_allocate(&buffer->values, (size_t)held * (size_t)buffer->batches * buffer->trajectory + 1,
                     sizeof *buffer->values);
}

void bl_buffer_destroy(bl_buffer *buffer) {
  bl_free(&buffer->place);
  bl_free(&buffer->values);
}

float *bl_buffer_at(const bl_buffer *buffer, int batch, int slot) {
  return buffer->values + ((size_t)buffer->place[slot] * (size_t)buffer->batches + (size_t)batch) * buffer->trajectory;
}

int bl_buffer_generator(const bl_buffer *buffer, int slot) {
  const bl_group *generators = &buffer->world->generators;
  return bl_group_world_rank(buffer->world, generators, slot % generators->size);
}

int bl_buffer_critic(const bl_buffer *buffer, int slot) {
  const bl_group *critics = &buffer->world->critics;
  return bl_group_world_rank(buffer->world, critics, slot % critics->size);
}
