#include "network/network.h"

#include <string.h>

static const char prefix[] = "head.";

static bool is_of_head(const bl_parameter *entry) {
  return strncmp(entry->name, prefix, sizeof prefix - 1) == 0;
}

bl_status bl_network_head_table(bl_parameter_table *head, size_t *first, const bl_parameter_table *whole) {
  bl_status status = BL_OK;
  size_t index;
  *head = (bl_parameter_table){0};
  for (size_t i = 0; i < whole->entry_count && status == BL_OK; i++) {
    const bl_parameter *entry = &whole->entries[i];
    if (is_of_head(entry))
      status = bl_parameter_add(&index, head, entry->name, entry->dimensions, entry->shape, entry->initialiser,
                                entry->fan_in, entry->fan_out);
  }
  *first = whole->count - head->count;
  if (status != BL_OK)
    bl_parameter_table_destroy(head);
  return status;
}

bl_parameter_table bl_network_trunk_table(const bl_parameter_table *whole) {
  bl_parameter_table trunk = {.entries = whole->entries};
  while (trunk.entry_count < whole->entry_count && !is_of_head(&whole->entries[trunk.entry_count]))
    trunk.count += whole->entries[trunk.entry_count++].count;
  return trunk;
}
