/** \file
 * A network as a static graph for a fixed micro-batch: built once, planned once, then run without allocating.
 *
 * Builders of layers (layer/layer.h) return the new tensor. The first failure is kept in the graph: builders then return
 * NULL, accept NULL, and bl_graph_compile reports it. Tensors are
 * (batch, channels, height, width); a vector is an image of height and width 1.
 */
#ifndef BEELINE_ENGINE_GRAPH_H
#define BEELINE_ENGINE_GRAPH_H

#include "base/random.h"
#include "base/status.h"
#include "engine/algorithm.h"
#include "engine/parameters.h"
#include "engine/pool.h"

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
  bool recompute; /**< training: backward recomputes what was built in segments; equal bits (what is cheap to make
                     again, as a normalisation, is never kept) */
  bl_pool *pool;  /**< memory shared with other graphs, which take turns (engine/pool.h); NULL: its own; borrowed for the
                     graph's life */
} bl_compute;

/** The same as \a compute (NULL: as by default), but in memory of its own: for graphs that do not take turns with others,
 * as several of one network with different weights. Not collective. */
bl_compute bl_compute_apart(const bl_compute *compute);

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
/** The condition (batch, \a values): labels or tokens, as numbers. */
bl_tensor *bl_input_condition(bl_graph *graph, int values);

/** What is built between the two may be recomputed in backward instead of being kept for it, but for the result \a y of the
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

/** Numbers of the condition of one sample; 0 where the graph has none. Not collective. */
size_t bl_graph_condition_size(const bl_graph *graph);

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
void bl_graph_release(bl_graph *graph);

/** Switch dropout on for the following forward passes with the masks of \a draw (purpose BL_PURPOSE_DROPOUT; `sample` is
 * the global number of the first sample of the micro-batch, `step` is replaced by the layer), or off with NULL. Not
 * collective. */
void bl_graph_set_dropout(bl_graph *graph, const bl_draw *draw);

/** What a network is evaluated on: one micro-batch in plain layouts, borrowed. What the graph has no input for is not
 * looked at and may be NULL. */
typedef struct bl_graph_inputs {
  const float *x;         /**< (batch, input_size) */
  const float *time;      /**< (batch) */
  const float *condition; /**< (batch, condition_size) */
} bl_graph_inputs;

/** y = network(x, t, condition). Not collective. \param [out] output (batch, output_size) plain layout, caller's. */
bl_status bl_graph_forward(bl_graph *graph, float *output, const bl_graph_inputs *inputs);

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
