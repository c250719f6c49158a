/** \file
 * A network as a static graph for a fixed micro-batch: built once, planned once, then run without allocating.
 *
 * Builder functions read like the paper's figure (`h = bl_conv(g, h, "conv1", …)`) and return the new tensor. The first
 * failure is kept in the graph: builders then return NULL, accept NULL, and bl_graph_compile reports it. Tensors are
 * (batch, channels, height, width); a vector is an image of height and width 1.
 */
#ifndef BEELINE_NETWORK_GRAPH_H
#define BEELINE_NETWORK_GRAPH_H

#include "base/random.h"
#include "base/status.h"
#include "network/algorithm.h"
#include "network/parameters.h"
#include "network/pool.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct bl_graph bl_graph;

/** A value in a graph; owned by the graph. */
typedef struct bl_tensor bl_tensor;

/** What bl_graph_compile plans for. */
typedef enum bl_graph_mode {
  BL_GRAPH_INFERENCE, /**< forward only: activations share memory as soon as they are dead */
  BL_GRAPH_TRAINING   /**< forward and backward */
} bl_graph_mode;

/** How a graph computes, which changes results by rounding at most. All zero: the fixed algorithms, single precision. */
typedef struct bl_compute {
  bl_algorithms *algorithms; /**< choices by measuring, or NULL: the fixed rule; borrowed until the graph is compiled */
  bool bf16;                 /**< inference: convolutions may round their operands to bfloat16 where that is faster */
  bool recompute; /**< training: backward makes again what was built in segments; equal bits (what is cheap to make
                     again, as a normalisation, is never kept) */
  bl_pool *pool;  /**< memory shared with other graphs, which take turns (network/pool.h); NULL: its own; borrowed for the
                     graph's life */
} bl_compute;

/** The same as \a compute (NULL: as by default), but in memory of its own: for graphs that do not take turns with others,
 * as several of one network with different weights. Not collective. */
bl_compute bl_compute_apart(const bl_compute *compute);

/** Geometry of a convolution: square kernel, equal stride, zero padding before (top, left) and after (bottom, right). */
typedef struct bl_conv_shape {
  int kernel;
  int stride;
  int pad_before;
  int pad_after;
} bl_conv_shape;

/** Element-wise functions. */
typedef enum bl_activation { BL_RELU, BL_LEAKY_RELU /**< slope 0.2 */, BL_SILU, BL_SOFTPLUS } bl_activation;

/** An empty graph for micro-batches of \a batch samples. Not collective. \param [out] graph  caller's; bl_graph_destroy. */
bl_status bl_graph_create(bl_graph **graph, int batch);

/** Say how \a graph computes, before it is compiled; NULL: as by default. Not collective. */
void bl_graph_set_compute(bl_graph *graph, const bl_compute *compute);

/** Name the network that \a graph evaluates, by the \a size bytes of \a key, which are copied: graphs of one pool and one
 * name share memory. After bl_graph_set_compute. Not collective. */
bl_status bl_graph_set_network(bl_graph *graph, const void *key, size_t size);

/** Release *\a graph with all that it owns; NULL is allowed; sets it to NULL. Not collective. */
void bl_graph_destroy(bl_graph **graph);

/* Inputs: at most one of each per graph. */

/** The input x (batch, channels, height, width). */
bl_tensor *bl_input(bl_graph *graph, int channels, int height, int width);
/** The input t (batch, 1): diffusion time, fractional allowed, or the index of a step (0-based) for bl_conditional_dense.
 */
bl_tensor *bl_input_time(bl_graph *graph);

/* Layers with parameters: `name` is the prefix of "name.weight", "name.bias". */

/** x Wᵀ + b on flattened channels: (batch, features) from any (batch, channels, height, width). */
bl_tensor *bl_dense(bl_graph *graph, bl_tensor *x, const char *name, int features, bl_initialiser weights);
/** Linear(x) · Embedding(t) of SFT-PG's toy and value networks: "name.lin.weight", "name.lin.bias", "name.embed.weight". */
bl_tensor *bl_conditional_dense(bl_graph *graph, bl_tensor *x, bl_tensor *index, const char *name, int features, int steps);
/** Two-dimensional convolution with bias. */
bl_tensor *bl_conv(bl_graph *graph, bl_tensor *x, const char *name, int channels, bl_conv_shape shape,
                   bl_initialiser weights);
/** Group normalisation (Wu & He 2018, biased variance), then SiLU where \a silu is set (fused). */
bl_tensor *bl_group_norm(bl_graph *graph, bl_tensor *x, const char *name, int groups, float epsilon, bool silu);

/* Layers without parameters. */

/** Sinusoidal embedding of t as in the public DDPM code: [sin(t f_i), cos(t f_i)], f_i = 10000^(−i / (features/2 − 1)). */
bl_tensor *bl_time_embedding(bl_graph *graph, bl_tensor *time, int features);
/** Single-head dot-product attention over pixels: softmax(qᵀk / √channels) applied to v, all (batch, channels, height,
 * width). */
bl_tensor *bl_attention(bl_graph *graph, bl_tensor *q, bl_tensor *k, bl_tensor *v);
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

/** What is built between the two may be made again in backward instead of being kept for it, but for the result \a y of the
 * segment: it is then the price of a second forward pass of the segment for the memory of its activations (Chen et al.
 * 2016, "Training Deep Nets with Sublinear Memory Cost"). Takes effect where bl_compute.recompute says so. No nesting. */
void bl_segment_begin(bl_graph *graph);
bl_tensor *bl_segment_end(bl_graph *graph, bl_tensor *y);

/** What is built between the two does not learn: gradients neither enter it nor pass through it, and its parameters' places
 * in bl_graph_backward's d_parameters stay as they are. */
void bl_freeze_begin(bl_graph *graph);
void bl_freeze_end(bl_graph *graph);

/** Let the layer that makes \a y run right after the layers whose results it reads, before all that was built in between:
 * less memory where \a y is smaller than what it reads, which a later layer may overwrite then. Results keep their bits,
 * and so do gradients of tensors that one or two layers read; where more do, these are added in another order. Returns \a
 * y. */
bl_tensor *bl_early(bl_graph *graph, bl_tensor *y);

/** Name the result of the graph. */
void bl_output(bl_graph *graph, bl_tensor *y);

/** Choose layouts, plan memory, create primitives. Not collective.
 * Returns the first failure of a builder (BL_ERROR_USAGE), BL_ERROR_SYSTEM or BL_ERROR_LIBRARY. */
bl_status bl_graph_compile(bl_graph *graph, bl_graph_mode mode);

/** The parameters that the graph needs. Not collective. Borrowed. */
const bl_parameter_table *bl_graph_parameters(const bl_graph *graph);

/** Elements of the input x and of the output of one sample. Not collective. */
size_t bl_graph_input_size(const bl_graph *graph);
size_t bl_graph_output_size(const bl_graph *graph);

/** Bytes of activations, gradients and scratch that were planned. Not collective. */
size_t bl_graph_memory(const bl_graph *graph);

/** Take new parameter values: layers re-order them once, so call it after every change and not more often (and, with a
 * pool, after another graph of the same network was loaded). Not collective.
 * \param [in] values (bl_graph_parameters()->count), plain layouts; borrowed only during the call. */
bl_status bl_graph_load(bl_graph *graph, const float *values);

/** Where one parameter of a network comes from. \param [out] values (entry->count), plain layout. */
typedef bl_status (*bl_parameter_source)(float *values, const bl_parameter *entry, void *context);

/** The same without all values at hand: \a source is asked for each parameter once, in the order of the table. It may be
 * collective: only its own failure, which all ranks must share then, ends it early. Not collective otherwise. Returns what
 * \a source or a layer returns. */
bl_status bl_graph_load_from(bl_graph *graph, bl_parameter_source source, void *context);

/** Give back the memory that \a graph shares with others of its network, activations and weights, which take it again when
 * they are next loaded; all of them must be. Without a pool nothing happens. Not collective. */
void bl_graph_rest(bl_graph *graph);

/** Switch dropout on for the following forward passes with the masks of \a draw (purpose BL_PURPOSE_DROPOUT; `sample` is
 * the global number of the first sample of the micro-batch, `step` is replaced by the layer), or off with NULL. Not
 * collective. */
void bl_graph_set_dropout(bl_graph *graph, const bl_draw *draw);

/** y = network(x, t). Not collective.
 * \param [out] output (batch, output_size) plain layout, caller's.
 * \param [in] x (batch, input_size) plain layout, borrowed.  \param [in] time (batch) or NULL where the graph has no time
 * input. */
bl_status bl_graph_forward(bl_graph *graph, float *output, const float *x, const float *time);

/** Gradients of Σ d_output · output for the latest forward pass, once: backward re-uses the memory of its activations. What
 * is not wanted is not computed (d_x alone serves a gradient penalty). Not collective. Only in BL_GRAPH_TRAINING.
 * \param [out] d_parameters (parameters), overwritten; plain layout; or NULL when not wanted.
 * \param [out] d_x (batch, input_size) overwritten, or NULL when not wanted.
 * \param [in] d_output (batch, output_size) borrowed.
 * Returns BL_ERROR_USAGE without a forward pass before. */
bl_status bl_graph_backward(bl_graph *graph, float *d_parameters, float *d_x, const float *d_output);

/** Takes the gradient of a network's parameters as backward makes it, a layer at a time, so that nobody need hold it whole.
 */
typedef struct bl_gradient_sink {
  /** \param [in] gradient (count) of elements [first, first + count) of the network's parameters, plain layouts; borrowed
   * during the call. Each element comes once a pass, those of layers that do not learn never. */
  void (*take)(void *context, size_t first, size_t count, const float *gradient);
  void *context;
} bl_gradient_sink;

/** bl_graph_backward for the parameters alone, to \a sink (borrowed during the call). Not collective. */
bl_status bl_graph_backward_to(bl_graph *graph, const bl_gradient_sink *sink, const float *d_output);

/** Forward evaluations of single samples since creation (the NFE that results quote is counted here). Not collective. */
size_t bl_graph_evaluations(const bl_graph *graph);

#endif
