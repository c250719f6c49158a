/** \file
 * The networks of the tests by name: small ones, and those of the papers. tests/network/make_network_fixtures.py knows them
 * by the same names. */
#ifndef BEELINE_SUPPORT_SHAPES_H
#define BEELINE_SUPPORT_SHAPES_H

#include "network/network.h"

/** The shape of that name; fails the test where there is none. Borrowed. */
const bl_network_shape *test_shape(const char *name);

#endif
