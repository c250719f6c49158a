#include "support/experiments.h"

#include <string.h>

/* As in the configurations of experiments/; the critic and the value network for CIFAR-10 are those of the paper. */
const test_shapes test_cifar10 = {
    .name = "cifar10",
    .network = {.kind = BL_NETWORK_UNET,
                .channels = 3,
                .height = 32,
                .width = 32,
                .base_channels = 128,
                .multiplier_count = 4,
                .multipliers = {1, 2, 2, 2},
                .blocks = 2,
                .attention_count = 1,
                .attention = {16}},
    .critic =
        {.kind = BL_NETWORK_CRITIC, .channels = 3, .height = 32, .width = 32, .width_count = 3, .widths = {128, 256, 512}},
    .value = {.kind = BL_NETWORK_VALUE,
              .channels = 3,
              .height = 32,
              .width = 32,
              .width_count = 3,
              .widths = {1024, 1024, 256},
              .steps = 10}};

const test_shapes test_fashion = {
    .name = "fashion",
    .network = {.kind = BL_NETWORK_UNET,
                .channels = 1,
                .height = 28,
                .width = 28,
                .base_channels = 64,
                .multiplier_count = 2,
                .multipliers = {1, 1},
                .blocks = 1,
                .patch = 2,
                .attention_count = 1,
                .attention = {7}},
    .critic =
        {.kind = BL_NETWORK_CRITIC, .channels = 1, .height = 28, .width = 28, .width_count = 3, .widths = {32, 64, 128}},
    .value = {.kind = BL_NETWORK_VALUE,
              .channels = 1,
              .height = 28,
              .width = 28,
              .width_count = 3,
              .widths = {256, 256, 128},
              .steps = 10}};

const test_shapes test_digits = {
    .name = "digits",
    .network = {.kind = BL_NETWORK_UNET,
                .channels = 1,
                .height = 8,
                .width = 8,
                .base_channels = 32,
                .multiplier_count = 2,
                .multipliers = {1, 2},
                .blocks = 1,
                .attention_count = 1,
                .attention = {4}},
    .critic = {.kind = BL_NETWORK_CRITIC, .channels = 1, .height = 8, .width = 8, .width_count = 2, .widths = {32, 64}},
    .value = {.kind = BL_NETWORK_VALUE,
              .channels = 1,
              .height = 8,
              .width = 8,
              .width_count = 3,
              .widths = {128, 128, 128},
              .steps = 10}};

const test_shapes test_swissroll = {
    .name = "swissroll",
    .network = {.kind = BL_NETWORK_MLP,
                .channels = 2,
                .height = 1,
                .width = 1,
                .width_count = 3,
                .widths = {128, 128, 128},
                .steps = 10},
    .critic = {.kind = BL_NETWORK_CRITIC, .channels = 2, .height = 1, .width = 1, .width_count = 2, .widths = {256, 256}},
    .value = {.kind = BL_NETWORK_VALUE,
              .channels = 2,
              .height = 1,
              .width = 1,
              .width_count = 2,
              .widths = {64, 64},
              .steps = 10}};

const test_shapes *test_shapes_find(const char *name) {
  const test_shapes *const all[] = {&test_cifar10, &test_fashion, &test_digits, &test_swissroll};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i]->name, name) == 0)
      return all[i];
  return NULL;
}
