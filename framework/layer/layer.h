/** \file
 * The layers of networks: each builder adds one to a graph and returns its result, so that a network reads like the paper's
 * figure (`h = bl_conv(g, h, "conv1", …)`). One file a layer; what a layer offers to the executor is in engine/node.h.
 *
 * After a failure, which the graph keeps, builders return NULL, and they accept NULL (engine/graph.h). Tensors are (batch,
 * channels, height, width); a vector is an image of height and width 1. Nothing here is collective.
 */
#ifndef BEELINE_LAYER_LAYER_H
#define BEELINE_LAYER_LAYER_H

#include "engine/graph.h"

/** Geometry of a convolution: square kernel, equal stride, zero padding before (top, left) and after (bottom, right). */
typedef struct bl_conv_shape {
  int kernel;
  int stride;
  int pad_before;
  int pad_after;
} bl_conv_shape;

/** Element-wise functions. */
typedef enum bl_activation { BL_RELU, BL_LEAKY_RELU /**< slope 0.2 */, BL_SILU, BL_SOFTPLUS } bl_activation;

/** What differs from the public DDPM code in an embedding of time. */
typedef struct bl_time_form {
  bool cosine_first; /**< [cos(t f_i), sin(t f_i)] */
  bool unshifted;    /**< f_i = 10000^(−i / (features/2)), frequency shift 0 of diffusers */
} bl_time_form;

/* Layers with parameters: `name` is the prefix of "name.weight", "name.bias". */

/** x Wᵀ + b on flattened channels: (batch, features) from any (batch, channels, height, width). */
bl_tensor *bl_dense(bl_graph *graph, bl_tensor *x, const char *name, int features, bl_initialiser weights);
/** Linear(x) · Embedding(t) of SFT-PG's toy and value networks: "name.lin.weight", "name.lin.bias", "name.embed.weight". */
bl_tensor *bl_conditional_dense(bl_graph *graph, bl_tensor *x, bl_tensor *index, const char *name, int features, int steps);
/** Rows of the table "name.weight" (\a rows, \a features) that whole numbers name, one after the other: (batch, indices ·
 * features) from (batch, indices), an input without gradient. */
bl_tensor *bl_embedding(bl_graph *graph, bl_tensor *index, const char *name, int features, int rows);
/** Two-dimensional convolution with bias. */
bl_tensor *bl_conv(bl_graph *graph, bl_tensor *x, const char *name, int channels, bl_conv_shape shape,
                   bl_initialiser weights);
/** Group normalisation (Wu & He 2018, biased variance), then SiLU where \a silu is set (fused). */
bl_tensor *bl_group_norm(bl_graph *graph, bl_tensor *x, const char *name, int groups, float epsilon, bool silu);

/* Layers without parameters. */

/** Sinusoidal embedding of t: [sin(t f_i), cos(t f_i)] with f_i = 10000^(−i / (features/2 − 1)) as in the public DDPM code,
 * or as \a form says. */
bl_tensor *bl_time_embedding(bl_graph *graph, bl_tensor *time, int features, bl_time_form form);
/** Dot-product attention over pixels: softmax(qᵀk / √head_width) applied to v, all (batch, channels, height, width), for
 * each head of \a head_width channels that lie side by side, which divides the channels; 0: one head. */
bl_tensor *bl_attention(bl_graph *graph, bl_tensor *q, bl_tensor *k, bl_tensor *v, int head_width);
bl_tensor *bl_activate(bl_graph *graph, bl_tensor *x, bl_activation activation);
/** a + b of equal shape, or b (batch, channels, 1, 1) added to every pixel of a. */
bl_tensor *bl_add(bl_graph *graph, bl_tensor *a, bl_tensor *b);
/** Channels of a, then channels of b. */
bl_tensor *bl_concat(bl_graph *graph, bl_tensor *a, bl_tensor *b);
/** Nearest-neighbour up-sampling by two. */
bl_tensor *bl_upsample(bl_graph *graph, bl_tensor *x);
/** Squares of \a side × \a side pixels as channels: (batch, channels side², height / side, width / side); channel
 * (c side + i) side + j holds row i, column j of each square. bl_unpatch is its inverse. */
bl_tensor *bl_patch(bl_graph *graph, bl_tensor *x, int side);
bl_tensor *bl_unpatch(bl_graph *graph, bl_tensor *x, int side);
/** Average over pixels: (batch, channels, 1, 1). */
bl_tensor *bl_spatial_mean(bl_graph *graph, bl_tensor *x);
/** Inverted dropout (Srivastava et al. 2014); the identity unless bl_graph_set_dropout switched it on. Masks are
 * counter-based: whether an element is dropped follows from the draw, the sample's global number, the layer, and the
 * element's place in the plain layout. \a probability is rounded to a multiple of 2^-16. */
bl_tensor *bl_dropout(bl_graph *graph, bl_tensor *x, float probability);

/* Layers of Inception-v3 that no other network has; but for resizing, forward only. */

/** Convolution with a kernel of \a height × \a width pixels, both odd, stride 1, padded with zeros to keep the size of the
 * image, with bias. Forward only: a graph for training refuses it. */
bl_tensor *bl_conv_rectangle(bl_graph *graph, bl_tensor *x, const char *name, int channels, int height, int width);

/** The largest, or the mean, of the pixels within square windows; pixels of the padding count for neither. */
bl_tensor *bl_max_pool(bl_graph *graph, bl_tensor *x, int window, int stride, int padding);
bl_tensor *bl_average_pool(bl_graph *graph, bl_tensor *x, int window, int stride, int padding);

/** Bilinear resizing without smoothing, half pixels at the borders (PyTorch's interpolate with align_corners=False). */
bl_tensor *bl_resize_bilinear(bl_graph *graph, bl_tensor *x, int height, int width);

#endif
