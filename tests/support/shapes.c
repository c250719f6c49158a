#include "support/shapes.h"

#include "support/cmocka.h"

#include <string.h>

#define IMAGE(c, side) .channels = (c), .height = (side), .width = (side)

/* Ho et al. 2020, appendix B: all but the multipliers. */
#define HO_ET_AL .kind = BL_NETWORK_UNET, .base_channels = 128, .blocks = 2, .attention_count = 1, .attention = {16}

/* Shapes that tests and experiments share. */
#define UNET_DIGITS                                                                                                     \
  .kind = BL_NETWORK_UNET, IMAGE(1, 8), .base_channels = 32, .multiplier_count = 2, .multipliers = {1, 2}, .blocks = 1, \
  .attention_count = 1, .attention = {4}
#define UNET_FASHION                                                                                                     \
  .kind = BL_NETWORK_UNET, IMAGE(1, 28), .base_channels = 64, .multiplier_count = 2, .multipliers = {1, 1}, .blocks = 1, \
  .patch = 2, .attention_count = 1, .attention = {7}
#define UNET_CIFAR10   HO_ET_AL, IMAGE(3, 32), .multiplier_count = 4, .multipliers = {1, 2, 2, 2}
#define CRITIC_CIFAR10 .kind = BL_NETWORK_CRITIC, IMAGE(3, 32), .width_count = 3, .widths = {128, 256, 512}
#define VALUE_CIFAR10  .kind = BL_NETWORK_VALUE, IMAGE(3, 32), .width_count = 3, .widths = {1024, 1024, 256}, .steps = 10
#define CRITIC_POINTS  .kind = BL_NETWORK_CRITIC, IMAGE(2, 1), .width_count = 2, .widths = {256, 256}
#define MLP_POINTS     .kind = BL_NETWORK_MLP, IMAGE(2, 1), .width_count = 3, .widths = {128, 128, 128}, .steps = 10

static const struct {
  const char *name;
  bl_network_shape shape;
} shapes[] = {
    {"unet_digits", {UNET_DIGITS}},
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
    {"unet_patches", {UNET_FASHION}},
    {"unet_cifar10", {UNET_CIFAR10, .dropout = 0.1f}},
    {"unet_celeba", {HO_ET_AL, IMAGE(3, 64), .multiplier_count = 5, .multipliers = {1, 2, 2, 2, 4}, .dropout = 0.1f}},
    {"unet_lsun", {HO_ET_AL, IMAGE(3, 256), .multiplier_count = 6, .multipliers = {1, 1, 2, 2, 4, 4}}},
    {"critic_digits", {.kind = BL_NETWORK_CRITIC, IMAGE(1, 8), .width_count = 2, .widths = {64, 128}}},
    {"critic_cifar10", {CRITIC_CIFAR10}},
    {"critic_celeba", {.kind = BL_NETWORK_CRITIC, IMAGE(3, 64), .width_count = 3, .widths = {128, 256, 512}}},
    {"critic_points", {CRITIC_POINTS}},
    {"value_digits", {.kind = BL_NETWORK_VALUE, IMAGE(1, 8), .width_count = 3, .widths = {128, 128, 64}, .steps = 10}},
    {"value_cifar10", {VALUE_CIFAR10}},
    {"value_celeba", {.kind = BL_NETWORK_VALUE, IMAGE(3, 64), .width_count = 3, .widths = {2048, 1024, 256}, .steps = 10}},
    {"value_points", {.kind = BL_NETWORK_VALUE, IMAGE(2, 1), .width_count = 2, .widths = {256, 256}, .steps = 10}},
    {"mlp_points", {MLP_POINTS}},
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

/* As in the configurations of experiments/; the critic and the value network for CIFAR-10 are those of the paper. */
const test_shapes test_cifar10 = {
    .name = "cifar10", .network = {UNET_CIFAR10}, .critic = {CRITIC_CIFAR10}, .value = {VALUE_CIFAR10}};
const test_shapes test_fashion = {
    .name = "fashion",
    .network = {UNET_FASHION},
    .critic = {.kind = BL_NETWORK_CRITIC, IMAGE(1, 28), .width_count = 3, .widths = {32, 64, 128}},
    .value = {.kind = BL_NETWORK_VALUE, IMAGE(1, 28), .width_count = 3, .widths = {256, 256, 128}, .steps = 10}};
const test_shapes test_digits = {
    .name = "digits",
    .network = {UNET_DIGITS},
    .critic = {.kind = BL_NETWORK_CRITIC, IMAGE(1, 8), .width_count = 2, .widths = {32, 64}},
    .value = {.kind = BL_NETWORK_VALUE, IMAGE(1, 8), .width_count = 3, .widths = {128, 128, 128}, .steps = 10}};
const test_shapes test_swissroll = {
    .name = "swissroll",
    .network = {MLP_POINTS},
    .critic = {CRITIC_POINTS},
    .value = {.kind = BL_NETWORK_VALUE, IMAGE(2, 1), .width_count = 2, .widths = {64, 64}, .steps = 10}};

const test_shapes *test_shapes_find(const char *name) {
  const test_shapes *const all[] = {&test_cifar10, &test_fashion, &test_digits, &test_swissroll};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i]->name, name) == 0)
      return all[i];
  return NULL;
}
