#include "network/configure.h"

#include <stdio.h>

static int copy_list(int *values, const bl_options_list *list) {
  for (unsigned i = 0; i < list->count && i < BL_NETWORK_LEVELS; i++)
    values[i] = list->values[i];
  return (int)list->count;
}

bl_status bl_network_configure(bl_network_shape *shape, const bl_options *options, const bl_options_network *network,
                               const char *key, int kind, int channels, int height, int width, int steps, int classes) {
  char path[64];
  snprintf(path, sizeof path, "%s.kind", key);
  *shape = (bl_network_shape){.channels = channels,
                              .height = height,
                              .width = width,
                              .base_channels = network->base_channels,
                              .blocks = network->blocks,
                              .dropout = (float)network->dropout,
                              .steps = steps,
                              .classes = classes};
  if (bl_network_kind_parse(&shape->kind, network->kind) != BL_OK) {
    bl_status_clear();
    return bl_options_reject(options, path, "unet, mlp, critic, value or classifier");
  }
  if (kind >= 0 && (int)shape->kind != kind)
    return bl_options_reject(options, path, "%s", bl_network_kind_name((bl_network_kind)kind));
  shape->multiplier_count = copy_list(shape->multipliers, &network->multipliers);
  shape->attention_count = copy_list(shape->attention, &network->attention);
  shape->width_count = copy_list(shape->widths, &network->widths);
  return BL_OK;
}
