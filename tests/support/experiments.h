/** \file
 * The shapes of networks that tests and benchmarks share: those of the experiments, by name. */
#ifndef BEELINE_SUPPORT_EXPERIMENTS_H
#define BEELINE_SUPPORT_EXPERIMENTS_H

#include "network/network.h"

/** The networks of one experiment; V has 10 steps. */
typedef struct test_shapes {
  const char *name;
  bl_network_shape network; /**< predicts ε; without dropout */
  bl_network_shape critic, value;
} test_shapes;

extern const test_shapes test_cifar10, test_fashion, test_digits, test_swissroll;

/** "cifar10", "fashion", "digits" or "swissroll"; NULL for any other name. Borrowed. */
const test_shapes *test_shapes_find(const char *name);

#endif
