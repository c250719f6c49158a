/* Element-wise functions on oneDNN. */
#include "base/memory.h"
#include "network/primitive.h"

typedef struct element_wise {
  bl_activation function;
  bl_primitive forward, backward;
} element_wise;

/** oneDNN's name of a function. The two that allow it find their derivative from the output: then the input need not be
 * kept, and forward may run in place. */
typedef struct algorithm {
  dnnl_alg_kind_t kind;
  float alpha;
  bool from_output;
} algorithm;

static const algorithm algorithms[] = {
    [BL_RELU] = {dnnl_eltwise_relu_use_dst_for_bwd, 0, true},
    [BL_LEAKY_RELU] = {dnnl_eltwise_relu_use_dst_for_bwd, 0.2F, true},
    [BL_SILU] = {dnnl_eltwise_swish, 1, false},
    [BL_SOFTPLUS] = {dnnl_eltwise_soft_relu, 0, false},
};

static bl_status plan_backward(element_wise *e, bl_graph *graph, const dnnl_memory_desc_t *layout,
                               const_dnnl_primitive_desc_t hint) {
  const algorithm a = algorithms[e->function];
  const bl_operand operands[] = {{a.from_output ? DNNL_ARG_DST : DNNL_ARG_SRC, *layout, false},
                                 {DNNL_ARG_DIFF_DST, *layout, false},
                                 {DNNL_ARG_DIFF_SRC, *layout, true}};
  dnnl_eltwise_desc_t d;
  dnnl_primitive_desc_t description = NULL;
  BL_DNNL(dnnl_eltwise_backward_desc_init(&d, a.kind, layout, layout, a.alpha, 0));
  BL_TRY(bl_primitive_describe(&description, graph, &d, hint));
  const bl_status status = bl_primitive_create(&e->backward, graph, description, operands, 3);
  dnnl_primitive_desc_destroy(description);
  return status;
}

static bl_status plan(bl_graph *graph, bl_node *node) {
  element_wise *e = node->state;
  const algorithm a = algorithms[e->function];
  dnnl_memory_desc_t layout;
  dnnl_eltwise_desc_t d;
  dnnl_primitive_desc_t description = NULL;
  bl_status status = BL_OK;
  node->output->block = node->input[0]->block;
  node->keeps_input[0] = !a.from_output;
  node->keeps_output = a.from_output;
  node->in_place = true;
  node->in_place_gradient = true;
  BL_TRY(bl_tensor_descriptor(&layout, node->input[0]));
  BL_DNNL(dnnl_eltwise_forward_desc_init(&d, dnnl_forward_training, a.kind, &layout, a.alpha, 0));
  BL_TRY(bl_primitive_describe(&description, graph, &d, NULL));
  const bl_operand operands[] = {{DNNL_ARG_SRC, layout, false}, {DNNL_ARG_DST, layout, true}};
  BL_GOTO(bl_primitive_create(&e->forward, graph, description, operands, 2));
  if (graph->mode == BL_GRAPH_TRAINING && node->output->needs_gradient)
    BL_GOTO(plan_backward(e, graph, &layout, description));
  node->scratch = e->forward.scratch > e->backward.scratch ? e->forward.scratch : e->backward.scratch;
done:
  dnnl_primitive_desc_destroy(description);
  return status;
}

static bl_status forward(bl_graph *graph, bl_node *node) {
  element_wise *e = node->state;
  return bl_primitive_run(&e->forward, graph, (float *const[]){node->input[0]->data, node->output->data}, graph->scratch);
}

static bl_status backward(bl_graph *graph, bl_node *node) {
  element_wise *e = node->state;
  if (node->d_input[0] == NULL)
    return BL_OK;
  float *data = algorithms[e->function].from_output ? node->output->data : node->input[0]->data;
  return bl_primitive_run(&e->backward, graph, (float *const[]){data, node->output->gradient, node->d_input[0]},
                          graph->scratch);
}

static void destroy(bl_node *node) {
  element_wise *e = node->state;
  if (e == NULL)
    return;
  bl_primitive_destroy(&e->forward);
  bl_primitive_destroy(&e->backward);
}

static const bl_node_kind kind = {"activation", plan, NULL, forward, backward, destroy};

bl_tensor *bl_activate(bl_graph *graph, bl_tensor *x, bl_activation activation) {
  bl_node *node =
      bl_node_add(graph, &kind, 1, &x, x == NULL ? 0 : x->channels, x == NULL ? 0 : x->height, x == NULL ? 0 : x->width);
  if (node == NULL)
    return NULL;
  graph->status = bl_allocate(&node->state, 1, sizeof(element_wise));
  if (graph->status != BL_OK)
    return NULL;
  ((element_wise *)node->state)->function = activation;
  return node->output;
}
