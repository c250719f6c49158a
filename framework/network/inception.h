/** \file
 * Inception-v3 (Szegedy et al. 2016) in the variant on which FID is measured (the weights of 2015-12-05, known from
 * pytorch-fid as pt_inception-2015-12-05): images are resized to 299 × 299, average pools do not count padding, the last
 * block pools by the maximum, and there are 1008 classes.
 *
 * Batch normalisations are folded into the convolutions before them when weights are loaded, so that the network has none.
 */
#ifndef BEELINE_NETWORK_INCEPTION_H
#define BEELINE_NETWORK_INCEPTION_H

#include "engine/graph.h"

enum { BL_INCEPTION_FEATURES = 2048, BL_INCEPTION_CLASSES = 1008, BL_INCEPTION_SIDE = 299 };

/** The graph from images (batch, channels 1 or 3, height, width) in [−1, 1] to features (batch, 2048), the average over
 * pixels behind the last block ("pool3"); one channel is taken thrice. Names its output. Parameters: "NAME.conv.weight",
 * "NAME.conv.bias" for each convolution, in torchvision's names. Forward only. */
void bl_inception_build(bl_graph *graph, int channels, int height, int width);

/** What a file of weights holds: for each convolution of \a folded, the table of a graph from bl_inception_build,
 * "NAME.conv.weight", "NAME.bn.weight", "NAME.bn.bias", "NAME.bn.running_mean", "NAME.bn.running_var"; then "fc.weight"
 * (1008, 2048) and "fc.bias". Not collective. \param [out] raw  the caller's; bl_parameter_table_destroy. */
bl_status bl_inception_raw_table(bl_parameter_table *raw, const bl_parameter_table *folded);

/** Parameters of the graph from those of a file: W γ / √(σ² + 0.001), and β − μ γ / √(σ² + 0.001) as bias. Not collective.
 * \param [out] values (folded->count). \param [in] raw_values (raw->count). Returns BL_ERROR_INPUT naming a variance that
 * is negative or not finite. */
bl_status bl_inception_fold(float *values, const bl_parameter_table *folded, const float *raw_values,
                            const bl_parameter_table *raw);

#endif
