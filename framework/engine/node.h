/** \file
 * Inside of a graph, for the files that define layers: tensors, nodes, and the calls a layer offers to the executor.
 *
 * Executor's contract. Compile: `prepare` of every node in order (choose layouts, create primitives, say what backward
 * keeps and how much scratch it needs), then memory is laid out, then the graph may run. Run: `load` when parameters
 * change, `forward` in order, `backward` in reverse order. A node's backward writes (does not add) the gradient of input i
 * to d_input[i] when that pointer is not NULL; the executor adds where a tensor has several readers. Parameter gradients
 * are written (not added) where bl_node_gradient says when graph->d_parameters is not NULL; a parameter belongs to one
 * node, and those of a node follow each other in the table. Memory is laid out once; a result that backward recomputes
 * (engine/recompute.h) has a second place there, which `data` points to from then on, and d_input[i] may be NULL in one
 * pass and not in the next. One backward per forward: backward re-uses the memory of activations that it has passed.
 */
#ifndef BEELINE_ENGINE_NODE_H
#define BEELINE_ENGINE_NODE_H

#include "engine/backend.h"
#include "engine/graph.h"

/** How the elements of a tensor lie in memory: (batch, channels / block, height, width, block). block = 1 is the plain
 * layout. */
struct bl_tensor {
  bl_graph *graph;
  int index;
  int channels, height, width;
  int block; /**< 1 (plain) or graph->block when channels is a multiple of it; chosen in `prepare` of the producer */
  bool needs_gradient; /**< whether backward may reach it (it depends on parameters, or on x) */
  bool depends_on_x;
  bool depends_on_parameters;
  bool in_segment; /**< made between bl_segment_begin and bl_segment_end, and not the result of the segment */
  bool dropped;    /**< not kept for backward, which recomputes it where it needs it; set by bl_recompute_choose */
  float *data;     /**< valid from the producer's forward to the last reader (or its backward) */
  float
      *place[2]; /**< where `data` is in forward, and once backward has recomputed it (or NULL); set by bl_arena_lay_out */
  float *gradient; /**< valid in backward */
  struct bl_node *producer;
};

enum { BL_NODE_INPUTS = 3, BL_NODE_PARAMETERS = 3 };

typedef struct bl_node bl_node;

/** What a kind of layer can do. */
typedef struct bl_node_kind {
  const char *name;
  bl_status (*prepare)(bl_graph *graph, bl_node *node); /**< sets output->block, keeps_*, scratch; creates primitives */
  bl_status (*load)(bl_graph *graph, bl_node *node, const float *values); /**< or NULL: nothing to re-order */
  bl_status (*forward)(bl_graph *graph, bl_node *node);
  bl_status (*backward)(bl_graph *graph, bl_node *node); /**< reads output->gradient */
  void (*destroy)(bl_node *node);                        /**< releases node->state; or NULL */
  /** Recomputes the output, the same bits, from the inputs and kept_data of the latest forward; or NULL: `forward` does
   * that, and recomputes kept_data too. */
  bl_status (*recompute)(bl_graph *graph, bl_node *node);
  bool adds; /**< takes a second input, of the shape of its output or (batch, channels, 1, 1), which it adds to that */
  bool sums; /**< its output is the sum of its two inputs: a layer that adds may do that in its place (engine/fuse.h) */
} bl_node_kind;

struct bl_node {
  const bl_node_kind *kind;
  int index;  /**< in the order of execution */
  int number; /**< in the order of building, the `step` of dropout draws */
  bl_tensor *input[BL_NODE_INPUTS];
  int inputs;
  bl_tensor *output;
  size_t parameter[BL_NODE_PARAMETERS]; /**< indices into the parameter table */
  int parameters;
  void *state;                      /**< the layer's own, from bl_allocate */
  bool keeps_input[BL_NODE_INPUTS]; /**< backward reads input[i]->data */
  bool keeps_output;                /**< backward reads output->data */
  size_t kept;                      /**< floats that live from forward to backward (statistics, masks), at kept_data */
  size_t scratch; /**< floats that live during one call of forward or backward, at graph->scratch (shared by all nodes) */
  bool cheap;     /**< to recompute the output in backward costs less than its memory is worth */
  bool in_place;  /**< forward may write output over input[0] (same size) where nothing else needs input[0] */
  bool in_place_gradient[BL_NODE_INPUTS]; /**< backward may write d_input[i] over output->gradient (same size) */
  bool over_input; /**< backward may write d_input[0] over input[0]->data, which it has done with by then */
  float *kept_data;
  float *d_input[BL_NODE_INPUTS]; /**< set by the executor before backward; NULL: not wanted */
  /* Set by bl_arena_lay_out, for the executor. */
  float *d_input_data[BL_NODE_INPUTS]; /**< where d_input goes: the gradient itself, or a buffer that is added to it */
  bool d_input_adds[BL_NODE_INPUTS];
  float *scratch_data[3]; /**< in forward, in backward, when its output is recomputed */
  float *kept_place[2];   /**< as bl_tensor.place */
  /* Set by bl_recompute_choose. */
  int backward_step;  /**< when its backward runs, as bl_arena_lay_out counts */
  int recompute_step; /**< when its output is recomputed, or 0: never */
  int recompute_end;  /**< how many of graph->recomputed run before its backward */
};

struct bl_graph {
  int batch;
  int block; /**< channels per block of the back end's images on this machine (bl_backend_block) */
  bl_graph_mode mode;
  bl_compute compute;
  bl_status status; /**< first failure of a builder */
  bl_parameter_table parameters;
  bl_tensor **tensors;
  int tensor_count;
  bl_node **nodes;
  int node_count;
  bl_tensor *x, *time, *condition, *output;
  bl_backend *backend; /**< owned */
  bool segment_open;
  bool frozen;          /**< while what does not learn is built */
  bl_node **recomputed; /**< whose outputs backward recomputes, in that order */
  int recompute_count, recompute_done;
  int last_step; /**< when d_x leaves */
  float *arena;  /**< allocated by the first forward pass; owned, without a pool */
  size_t arena_floats;
  struct bl_layout *layout;     /**< what lies where in it; owned */
  bl_pool_network *network;     /**< whose weights are shared, or NULL; the pool's */
  float *scratch;               /**< of the node that runs */
  float *d_parameters;          /**< during backward: the caller's, or `gradient_part`, or NULL */
  float *gradient_part;         /**< (most parameters of a node) owned; where there is a sink, for the node that runs */
  size_t gradient_first;        /**< which parameter element d_parameters begins with */
  const bl_gradient_sink *sink; /**< during backward: who takes it, or NULL; borrowed */
  bool d_x_wanted;              /**< during backward */
  bool compiled, loaded, forwarded;
  size_t values_first; /**< during bl_graph_load_from: which parameter element the values at hand begin with; else 0 */
  bool dropout;        /**< whether masks are drawn */
  bl_draw dropout_draw;
  size_t evaluations;
};

/** A new node of \a kind with an output tensor of the given shape (block is set later), or NULL after a failure, which
 * stays in the graph. Layers call it from their builder. \param [in] inputs borrowed; NULL entries make it return NULL. */
bl_node *bl_node_add(bl_graph *graph, const bl_node_kind *kind, int input_count, bl_tensor *const *inputs, int channels,
                     int height, int width);

/** Give \a node the parameter "\a name.\a suffix". On failure the graph keeps the status. */
void bl_node_add_parameter(bl_node *node, const char *name, const char *suffix, int dimensions, const size_t *shape,
                           bl_initialiser initialiser, size_t fan_in, size_t fan_out);

/** Whether \a tensor is an input of \a node. */
bool bl_node_reads(const bl_node *node, const bl_tensor *tensor);

/** Give all nodes and tensors the index of their place in the lists, which have changed. */
void bl_node_renumber(bl_graph *graph);

/** Values and gradient of parameter \a which of \a node (gradient NULL when not wanted). */
const float *bl_node_values(const bl_graph *graph, const bl_node *node, int which, const float *values);
float *bl_node_gradient(const bl_graph *graph, const bl_node *node, int which);

/** Copy what a forward pass starts from, once its memory is there. For the executor, and for profiles. */
void bl_graph_set_inputs(bl_graph *graph, const bl_graph_inputs *inputs);

/** Have the arena ready for a forward pass. For the executor, and for those who run its steps themselves. */
bl_status bl_graph_take_memory(bl_graph *graph);

/** Run one step of a pass: the node's call, with its scratch; backward also recomputes the dropped results that it needs,
 * adds gradients of tensors with several readers, and skips what the pass does not want. For the executor, and for tests
 * and profiles that look between the steps. */
bl_status bl_node_forward(bl_graph *graph, bl_node *node);
/** The first part of backward alone: recompute what the node's backward needs. A second call does nothing. */
bl_status bl_node_bring_back(bl_graph *graph, bl_node *node);
bl_status bl_node_backward(bl_graph *graph, bl_node *node);

/** Elements of \a tensor for the whole micro-batch. */
size_t bl_tensor_count(const bl_tensor *tensor);

/** The preferred block for \a channels: graph->block when it divides channels and height × width > 1, else 1. */
int bl_graph_preferred_block(const bl_graph *graph, int channels, int pixels);

/** The format of a tensor, for operations of the back end. */
bl_status bl_tensor_format(const bl_format **format, const bl_tensor *tensor);

/** The floats of \a tensor from a plain (batch, channels, height, width) array into its layout, and back. */
void bl_tensor_from_plain(float *data, const bl_tensor *tensor, const float *plain);
void bl_tensor_to_plain(float *plain, const bl_tensor *tensor, const float *data);

#endif
