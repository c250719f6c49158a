#include "support/shapes.h"

#include "support/cmocka.h"

#include <string.h>

#define IMAGE(c, side) .channels = (c), .height = (side), .width = (side)

/* Ho et al. 2020, appendix B: all but the multipliers. */
#define HO_ET_AL .kind = BL_NETWORK_UNET, .base_channels = 128, .blocks = 2, .attention_count = 1, .attention = {16}

static const struct {
  const char *name;
  bl_network_shape shape;
} shapes[] = {
    {"unet_digits",
     {.kind = BL_NETWORK_UNET,
      IMAGE(1, 8),
      .base_channels = 32,
      .multiplier_count = 2,
      .multipliers = {1, 2},
      .blocks = 1,
      .attention_count = 1,
      .attention = {4}}},
    {"unet_colour",
     {.kind = BL_NETWORK_UNET,
      IMAGE(3, 16),
      .base_channels = 32,
      .multiplier_count = 3,
      .multipliers = {1, 1, 2},
      .blocks = 2,
      .attention_count = 1,
      .attention = {8}}},
    /* Wide enough for Winograd on all machines that have it, with whole tiles (16 x 16 and 8 x 8 pixels). */
    {"unet_wide",
     {.kind = BL_NETWORK_UNET,
      IMAGE(3, 16),
      .base_channels = 64,
      .multiplier_count = 2,
      .multipliers = {1, 2},
      .blocks = 1,
      .attention_count = 1,
      .attention = {8}}},
    /* That of experiments/fashion: tiles hang over at 14 x 14 and at 7 x 7 pixels. */
    {"unet_patches",
     {.kind = BL_NETWORK_UNET,
      IMAGE(1, 28),
      .base_channels = 64,
      .multiplier_count = 2,
      .multipliers = {1, 1},
      .blocks = 1,
      .patch = 2,
      .attention_count = 1,
      .attention = {7}}},
    {"unet_cifar10", {HO_ET_AL, IMAGE(3, 32), .multiplier_count = 4, .multipliers = {1, 2, 2, 2}, .dropout = 0.1f}},
    {"unet_celeba", {HO_ET_AL, IMAGE(3, 64), .multiplier_count = 5, .multipliers = {1, 2, 2, 2, 4}, .dropout = 0.1f}},
    {"unet_lsun", {HO_ET_AL, IMAGE(3, 256), .multiplier_count = 6, .multipliers = {1, 1, 2, 2, 4, 4}}},
    {"critic_digits", {.kind = BL_NETWORK_CRITIC, IMAGE(1, 8), .width_count = 2, .widths = {64, 128}}},
    {"critic_cifar10", {.kind = BL_NETWORK_CRITIC, IMAGE(3, 32), .width_count = 3, .widths = {128, 256, 512}}},
    {"critic_celeba", {.kind = BL_NETWORK_CRITIC, IMAGE(3, 64), .width_count = 3, .widths = {128, 256, 512}}},
    {"critic_points", {.kind = BL_NETWORK_CRITIC, IMAGE(2, 1), .width_count = 2, .widths = {256, 256}}},
    {"value_digits", {.kind = BL_NETWORK_VALUE, IMAGE(1, 8), .width_count = 3, .widths = {128, 128, 64}, .steps = 10}},
    {"value_cifar10", {.kind = BL_NETWORK_VALUE, IMAGE(3, 32), .width_count = 3, .widths = {1024, 1024, 256}, .steps = 10}},
    {"value_celeba", {.kind = BL_NETWORK_VALUE, IMAGE(3, 64), .width_count = 3, .widths = {2048, 1024, 256}, .steps = 10}},
    {"value_points", {.kind = BL_NETWORK_VALUE, IMAGE(2, 1), .width_count = 2, .widths = {256, 256}, .steps = 10}},
    {"mlp_points", {.kind = BL_NETWORK_MLP, IMAGE(2, 1), .width_count = 3, .widths = {128, 128, 128}, .steps = 10}},
    {"classifier_digits",
     {.kind = BL_NETWORK_CLASSIFIER, IMAGE(1, 8), .width_count = 4, .widths = {16, 32, 32, 64}, .classes = 10}},
    {"classifier_fashion",
     {.kind = BL_NETWORK_CLASSIFIER, IMAGE(1, 28), .width_count = 4, .widths = {32, 64, 128, 128}, .classes = 10}},
};

const bl_network_shape *test_shape(const char *name) {
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (strcmp(shapes[i].name, name) == 0)
      return &shapes[i].shape;
  fail_msg("tests/support/shapes.c has no network %s", name);
  return NULL;
}
