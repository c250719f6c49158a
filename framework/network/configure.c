#include "network/configure.h"

static int copy_list(int *values, const bl_options_list *list) {
  for (unsigned i = 0; i < list->count && i < BL_NETWORK_LEVELS; i++)
    values[i] = list->values[i];
  return (int)list->count;
}

bl_status bl_network_configure(bl_network_shape *shape, const bl_options *options, int channels, int height, int width,
                               int steps, int classes) {
  const bl_options_network *network = &options->network;
  *shape = (bl_network_shape){.channels = channels,
                              .height = height,
                              .width = width,
                              .base_channels = network->base_channels,
                              .blocks = network->blocks,
                              .patch = network->patch > 1 ? network->patch : 0,
                              .dropout = (float)network->dropout,
                              .steps = steps,
                              .classes = classes};
  if (bl_network_kind_parse(&shape->kind, network->kind) != BL_OK) {
    bl_status_clear();
    return bl_options_reject(options, "network.kind", "unet, mlp or classifier");
  }
  shape->multiplier_count = copy_list(shape->multipliers, &network->multipliers);
  shape->attention_count = copy_list(shape->attention, &network->attention);
  shape->width_count = copy_list(shape->widths, &network->widths);
  return BL_OK;
}

void bl_network_configure_critic(bl_network_shape *shape, const bl_options *options, int channels, int height, int width) {
  *shape = (bl_network_shape){.kind = BL_NETWORK_CRITIC, .channels = channels, .height = height, .width = width};
  shape->width_count = copy_list(shape->widths, &options->critic.widths);
}

void bl_network_configure_value(bl_network_shape *shape, const bl_options *options, int channels, int height, int width,
                                int steps) {
  *shape =
      (bl_network_shape){.kind = BL_NETWORK_VALUE, .channels = channels, .height = height, .width = width, .steps = steps};
  shape->width_count = copy_list(shape->widths, &options->value.widths);
}
