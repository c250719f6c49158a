/** \file
 * From the configuration to the shape of a network. */
#ifndef BEELINE_NETWORK_CONFIGURE_H
#define BEELINE_NETWORK_CONFIGURE_H

#include "base/options.h"
#include "network/network.h"

/** The shape that `network` describes, for samples of the given size. Not collective.
 * \param [in] steps  T, the rows of step embeddings. \param [in] classes  for a classifier.
 * Returns BL_ERROR_USAGE by bl_options_reject for an unknown kind. */
bl_status bl_network_configure(bl_network_shape *shape, const bl_options *options, int channels, int height, int width,
                               int steps, int classes);

/** The key of `network` by which two U-Nets whose parameters have equal names and shapes may compute differently, so that
 * weights of the one mean nothing to the other; NULL where there is none. Not collective. Borrowed. */
const char *bl_network_differs(const bl_network_shape *a, const bl_network_shape *b);

/** The critic for samples of that size, and the value network for chains of \a steps steps. Not collective. */
void bl_network_configure_critic(bl_network_shape *shape, const bl_options *options, int channels, int height, int width);
void bl_network_configure_value(bl_network_shape *shape, const bl_options *options, int channels, int height, int width,
                                int steps);

#endif
