/** \file
 * The networks of tests and benchmarks by name: small ones, those of the papers, and those of the experiments.
 * tests/network/make_network_fixtures.py knows them by the same names. */
#ifndef BEELINE_SUPPORT_SHAPES_H
#define BEELINE_SUPPORT_SHAPES_H

#include "network/network.h"

/** The shape of that name, as "unet_digits"; fails the test where there is none. Borrowed. */
const bl_network_shape *test_shape(const char *name);

/** The networks of one experiment; V has 10 steps. */
typedef struct test_shapes {
  const char *name;
  bl_network_shape network; /**< predicts ε; without dropout */
  bl_network_shape critic, value;
} test_shapes;

extern const test_shapes test_cifar10, test_fashion, test_digits, test_swissroll;

/** The experiment "cifar10", "fashion", "digits" or "swissroll"; NULL for any other name. Borrowed. */
const test_shapes *test_shapes_find(const char *name);

#endif
