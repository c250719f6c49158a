#include "diffusion/condition.h"

static bl_status fill_labels(float *values, const void *context, uint32_t round, uint32_t first, size_t count) {
  const uint32_t classes = (uint32_t) * (const int *)context;
  (void)round;
  for (size_t s = 0; s < count; s++)
    values[s] = (float)((first + (uint32_t)s) % classes);
  return BL_OK;
}

bl_condition bl_condition_labels(const int *classes) {
  return (bl_condition){.size = 1, .fill = fill_labels, .context = classes};
}

size_t bl_condition_size(const bl_condition *condition) {
  return condition ? (size_t)condition->size : 0;
}

bl_status bl_condition_fill(float *values, const bl_condition *condition, uint32_t round, uint32_t first, size_t count) {
  return condition ? condition->fill(values, condition->context, round, first, count) : BL_OK;
}
