/** \file
 * From the configuration to the shape of a network. */
#ifndef BEELINE_NETWORK_CONFIGURE_H
#define BEELINE_NETWORK_CONFIGURE_H

#include "base/options.h"
#include "network/network.h"

/** The shape that \a network describes under \a key ("network", "critic.network"), for samples of the given size. Not
 * collective. \param [in] steps  rows of step embeddings (mlp: T, value: T'). \param [in] classes  for a classifier.
 * Returns BL_ERROR_USAGE by bl_options_reject for an unknown kind or one that is not \a kind (−1: any). */
bl_status bl_network_configure(bl_network_shape *shape, const bl_options *options, const bl_options_network *network,
                               const char *key, int kind, int channels, int height, int width, int steps, int classes);

#endif
