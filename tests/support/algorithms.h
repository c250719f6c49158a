/** \file
 * Networks that compute by one algorithm, whatever the fixed rule says. */
#ifndef BEELINE_SUPPORT_ALGORITHMS_H
#define BEELINE_SUPPORT_ALGORITHMS_H

#include "network/network.h"

/** A table that names \a algorithm ("direct", "winograd") for every pass of every convolution of a network in training;
 * where it cannot be had, the direct sum takes its place. The caller's: bl_algorithms_destroy. */
bl_algorithms *test_algorithms(const char *algorithm, const bl_network_shape *shape, int batch);

#endif
