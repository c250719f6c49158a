#include "network/configure.h"

#include <string.h>

static int copy_list(int *values, const bl_options_list *list) {
  for (unsigned i = 0; i < list->count && i < BL_NETWORK_LEVELS; i++)
    values[i] = list->values[i];
  return (int)list->count;
}

/* What is particular to diffusers' U-Nets, as far as the configuration departs from the defaults, which are 0 in a shape.
 */
static bl_status configure_variant(bl_network_shape *shape, const bl_options *options) {
  const bl_options_network *network = &options->network;
  if (network->attention_levels.count > 0 && bl_options_changed(options, "network.attention"))
    return bl_options_reject(options, "network.attention_levels", "[] where network.attention names resolutions");
  if (network->attention_levels.count > 0)
    shape->attention_count = 0;
  for (unsigned i = 0; i < network->attention_levels.count; i++)
    shape->attention_levels |= 1 << network->attention_levels.values[i];
  shape->head_width = network->head_width;
  shape->groups = bl_options_changed(options, "network.groups") ? network->groups : 0;
  shape->norm_epsilon = bl_options_changed(options, "network.norm_epsilon") ? (float)network->norm_epsilon : 0.0f;
  shape->down_padding = network->down_padding;
  shape->cosine_first = strcmp(network->embedding, "cosine_first") == 0;
  shape->unshifted = network->frequency_shift == 0;
  return BL_OK;
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
  return configure_variant(shape, options);
}

/* What a field says that is 0 where it is the default. */
static int told(int value, int standard) {
  return value != 0 ? value : standard;
}

const char *bl_network_differs(const bl_network_shape *a, const bl_network_shape *b) {
  if (a->head_width != b->head_width)
    return "network.head_width";
  if (told(a->groups, 32) != told(b->groups, 32))
    return "network.groups";
  const double epsilon = a->norm_epsilon > 0.0f ? (double)a->norm_epsilon : (double)1e-6f;
  const double other = b->norm_epsilon > 0.0f ? (double)b->norm_epsilon : (double)1e-6f;
  if (epsilon < other || epsilon > other)
    return "network.norm_epsilon";
  if (a->down_padding != b->down_padding)
    return "network.down_padding";
  if (a->cosine_first != b->cosine_first)
    return "network.embedding";
  return a->unshifted != b->unshifted ? "network.frequency_shift" : NULL;
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
