/** \file
 * The networks by name: one description makes the graph of any of them, for inference or training, at a fixed micro-batch.
 *
 * All take (x, t) and return one tensor: `unet` and `mlp` predict ε, or what a student learned to, of x's shape from (x, t)
 * and, an mlp, a condition; `critic` returns f(x) (batch,
 * 1); `value` returns V(x, step) (batch, 1); `classifier` returns logits (batch, classes), or features in its feature form.
 */
#ifndef BEELINE_NETWORK_NETWORK_H
#define BEELINE_NETWORK_NETWORK_H

#include "engine/graph.h"
#include "layer/layer.h"

enum { BL_NETWORK_LEVELS = 8 };

typedef enum bl_network_kind {
  BL_NETWORK_UNET,      /**< Ho et al. 2020, as in the public PyTorch code */
  BL_NETWORK_MLP,       /**< the toy: conditional dense layers with softplus, then dense */
  BL_NETWORK_CRITIC,    /**< convolutions 4 × 4 of stride 2 with leaky ReLU, one to a single channel (its kernel: what is
                           left of the image, at most 4), spatial mean; dense + ReLU on point sets */
  BL_NETWORK_VALUE,     /**< conditional dense layers with ReLU, then dense (or conditional dense on point sets) */
  BL_NETWORK_CLASSIFIER /**< small convolutional classifier whose last hidden layer gives features for metrics: the last of
                           `widths` counts features, the others are channels */
} bl_network_kind;

/** Everything that fixes the shape of a network; stored with every model file. */
typedef struct bl_network_shape {
  bl_network_kind kind;
  int channels, height, width; /**< of x; a point set has height = width = 1 */
  /* unet */
  int base_channels; /**< "ch" of the public code (a multiple of the groups) */
  int multiplier_count;
  int multipliers[BL_NETWORK_LEVELS];
  int blocks; /**< residual blocks per level */
  int patch;  /**< side of the squares of pixels that are the channels of the first level; 0: single pixels */
  int attention_count;
  int attention[BL_NETWORK_LEVELS]; /**< resolutions that get attention, in patches */
  float dropout;
  /* unet: what differs from Ho et al.'s network, as diffusers' UNet2DModel can; 0: nothing */
  int attention_levels; /**< bit i, 1 << i, for attention in level i (0: the first), whatever its resolution */
  int down_padding;     /**< 1: down-sampling pads by a pixel all around instead of below and to the right only */
  int cosine_first;     /**< 1: the time embedding has its cosines before its sines */
  int unshifted;        /**< 1: its frequencies are 10000^(−i / half), half of base_channels, instead of half − 1 */
  float norm_epsilon;   /**< of group normalisation; 0: 1e-6 */
  int groups;           /**< of group normalisation; 0: 32 */
  int head_width;       /**< channels of a head of attention; 0: one head of all */
  int out_channels;     /**< of the result; 0: those of x, which all others are refused for */
  /* mlp, critic, value, classifier */
  int width_count;
  int widths[BL_NETWORK_LEVELS]; /**< of hidden layers: dense features, or convolution channels */
  int steps;                     /**< rows of the step embedding (mlp, value) */
  int classes;                   /**< classifier; rows of the embedding of conditions */
  int head; /**< unet, mlp: 1 for a second copy of the output block on the same features, which learns while all else is
               frozen; the output of a sample is ε, then the head's answer */
  int condition; /**< mlp: numbers of a sample's condition, each a label or token of 0 … classes − 1; 0: none */
} bl_network_shape;

/** "unet", "mlp", "critic", "value", "classifier". Not collective. Borrowed. */
const char *bl_network_kind_name(bl_network_kind kind);

/** The kind of that name. Not collective. Returns BL_ERROR_USAGE listing the names when there is none. */
bl_status bl_network_kind_parse(bl_network_kind *kind, const char *name);

/** Build and compile the network of \a shape. Not collective.
 * \param [out] graph  the caller's; release with bl_graph_destroy.
 * \param [in] features  only for a classifier: the output is the last hidden layer (batch, features) instead of logits;
 * it loads the parameters of the whole (of which its own are the first).
 * Returns BL_ERROR_USAGE when the shape makes no sense (the message names the field). */
bl_status bl_network_create(bl_graph **graph, const bl_network_shape *shape, int batch, bl_graph_mode mode, bool features);

/** The same, computing as \a compute says (NULL: as by default); with a pool, sharing weights with graphs of an equal
 * shape. Not collective. */
bl_status bl_network_create_with(bl_graph **graph, const bl_network_shape *shape, int batch, bl_graph_mode mode,
                                 bool features, const bl_compute *compute);

/** The parameters of the head of a network with shape.head, which are its last ones. Not collective.
 * \param [out] head  a table of its own, with offsets from 0; the caller's; bl_parameter_table_destroy. \param [out] first
 * where they begin in the buffer of \a whole. */
bl_status bl_network_head_table(bl_parameter_table *head, size_t *first, const bl_parameter_table *whole);

/** The parameters of the same network without its head. Not collective. Borrows the entries of \a whole. */
bl_parameter_table bl_network_trunk_table(const bl_parameter_table *whole);

/** A layer of a critic. */
typedef struct bl_critic_layer {
  char name[32];       /**< of its parameters: name.weight, name.bias */
  int inputs, outputs; /**< channels, or features on point sets */
  int height, width;   /**< of its input, in pixels; 1 on point sets */
  bl_conv_shape conv;  /**< on point sets, where the layer is dense: a kernel of one pixel */
} bl_critic_layer;

/** Describe layer \a index of a critic of \a shape, 0 … width_count: what bl_critic_build builds. Not collective. */
void bl_critic_layer_describe(bl_critic_layer *layer, const bl_network_shape *shape, int index);

/* The builders, one per file (unet.c, mlp.c, critic.c, value.c, classifier.c): they add layers to \a graph and name its
 * output. */
void bl_unet_build(bl_graph *graph, const bl_network_shape *shape);
void bl_mlp_build(bl_graph *graph, const bl_network_shape *shape);
void bl_critic_build(bl_graph *graph, const bl_network_shape *shape);
void bl_value_build(bl_graph *graph, const bl_network_shape *shape);
void bl_classifier_build(bl_graph *graph, const bl_network_shape *shape, bool features);

#endif
