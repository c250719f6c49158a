#include "network/affine.h"

#include "base/memory.h"

#include <string.h>

void bl_affine_add_parameters(bl_node *node, const char *name, bl_initialiser weights) {
  if (node == NULL)
    return;
  const bl_tensor *x = node->input[0];
  const size_t in = (size_t)x->channels * (size_t)x->height * (size_t)x->width, out = (size_t)node->output->channels;
  bl_node_add_parameter(node, name, "weight", 2, (const size_t[]){out, in}, weights, in, out);
  bl_node_add_parameter(node, name, "bias", 1, &out, BL_INITIALISE_FAN_IN_UNIFORM, in, out);
}

/** Layouts of the operands: images keep their four dimensions, so that a blocked one needs no copy. */
typedef struct layouts {
  dnnl_memory_desc_t x, w, b, y; /* ours */
  dnnl_memory_desc_t any;        /* w in any layout */
} layouts;

static bl_status describe_layouts(layouts *l, const bl_graph *graph, const bl_node *node) {
  const bl_tensor *x = node->input[0];
  const int out = node->output->channels;
  const bool vector = x->height * x->width == 1;
  const int dimensions = vector ? 2 : 4;
  const dnnl_dims_t xs = {graph->batch, x->channels}, ws = {out, x->channels, x->height, x->width}, bs = {out},
                    ys = {graph->batch, out};
  if (vector)
    BL_DNNL(dnnl_memory_desc_init_by_tag(&l->x, 2, xs, dnnl_f32, dnnl_ab));
  else
    BL_TRY(bl_tensor_descriptor(&l->x, x));
  BL_DNNL(dnnl_memory_desc_init_by_tag(&l->w, dimensions, ws, dnnl_f32, vector ? dnnl_ab : dnnl_abcd));
  BL_DNNL(dnnl_memory_desc_init_by_tag(&l->any, dimensions, ws, dnnl_f32, dnnl_format_tag_any));
  BL_DNNL(dnnl_memory_desc_init_by_tag(&l->b, 1, bs, dnnl_f32, dnnl_a));
  BL_DNNL(dnnl_memory_desc_init_by_tag(&l->y, 2, ys, dnnl_f32, dnnl_ab));
  return BL_OK;
}

static bl_status plan_backward_data(bl_affine *affine, const bl_graph *graph, const bl_node *node, const layouts *l,
                                    const_dnnl_primitive_desc_t hint) {
  dnnl_inner_product_desc_t d;
  dnnl_primitive_desc_t description = NULL;
  bl_status status = BL_OK;
  BL_DNNL(dnnl_inner_product_backward_data_desc_init(&d, &l->x, &l->any, &l->y));
  BL_TRY(bl_primitive_describe(&description, graph, &d, hint));
  const dnnl_memory_desc_t w = *bl_primitive_layout(description, DNNL_ARG_WEIGHTS);
  const bl_operand operands[] = {
      {DNNL_ARG_DIFF_DST, l->y, false}, {DNNL_ARG_WEIGHTS, w, false}, {DNNL_ARG_DIFF_SRC, l->x, true}};
  BL_GOTO(bl_weights_create(&affine->backward_weights_data, graph, &w, &l->w, node->parameter[0], 0));
  BL_GOTO(bl_primitive_create(&affine->backward_data, graph, description, operands, 3));
done:
  dnnl_primitive_desc_destroy(description);
  return status;
}

static bl_status plan_backward_weights(bl_affine *affine, const bl_graph *graph, const layouts *l,
                                       const_dnnl_primitive_desc_t hint) {
  dnnl_inner_product_desc_t d;
  dnnl_primitive_desc_t description = NULL;
  BL_DNNL(dnnl_inner_product_backward_weights_desc_init(&d, &l->x, &l->any, &l->b, &l->y));
  BL_TRY(bl_primitive_describe(&description, graph, &d, hint));
  const bl_operand operands[] = {{DNNL_ARG_SRC, l->x, false},
                                 {DNNL_ARG_DIFF_DST, l->y, false},
                                 {DNNL_ARG_DIFF_WEIGHTS, l->w, true},
                                 {DNNL_ARG_DIFF_BIAS, l->b, true}};
  const bl_status status = bl_primitive_create(&affine->backward_weights, graph, description, operands, 4);
  dnnl_primitive_desc_destroy(description);
  return status;
}

bl_status bl_affine_plan(bl_affine *affine, const bl_graph *graph, bl_node *node) {
  layouts l;
  dnnl_inner_product_desc_t d;
  dnnl_primitive_desc_t description = NULL;
  bl_status status = BL_OK;
  BL_TRY(bl_allocate(&affine->bias, (size_t)node->output->channels, sizeof *affine->bias));
  BL_TRY(describe_layouts(&l, graph, node));
  BL_DNNL(dnnl_inner_product_forward_desc_init(&d, dnnl_forward_training, &l.x, &l.any, &l.b, &l.y));
  BL_TRY(bl_primitive_describe(&description, graph, &d, NULL));
  const dnnl_memory_desc_t w = *bl_primitive_layout(description, DNNL_ARG_WEIGHTS);
  const bl_operand operands[] = {
      {DNNL_ARG_SRC, l.x, false}, {DNNL_ARG_WEIGHTS, w, false}, {DNNL_ARG_BIAS, l.b, false}, {DNNL_ARG_DST, l.y, true}};
  BL_GOTO(bl_weights_create(&affine->forward_weights, graph, &w, &l.w, node->parameter[0], 0));
  BL_GOTO(bl_primitive_create(&affine->forward, graph, description, operands, 4));
  if (graph->mode == BL_GRAPH_TRAINING) {
    BL_GOTO(plan_backward_weights(affine, graph, &l, description));
    if (node->input[0]->needs_gradient)
      BL_GOTO(plan_backward_data(affine, graph, node, &l, description));
  }
  const size_t scratch[] = {affine->forward.scratch, affine->backward_data.scratch, affine->backward_weights.scratch};
  for (int i = 0; i < 3; i++)
    node->scratch = scratch[i] > node->scratch ? scratch[i] : node->scratch;
done:
  dnnl_primitive_desc_destroy(description);
  return status;
}

bl_status bl_affine_load(bl_affine *affine, const bl_graph *graph, const bl_node *node, const float *values) {
  const float *w = bl_node_values(graph, node, 0, values), *b = bl_node_values(graph, node, 1, values);
  memcpy(affine->bias, b, (size_t)node->output->channels * sizeof *b);
  BL_TRY(bl_weights_load(&affine->forward_weights, graph, w));
  if (affine->backward_data.primitive != NULL)
    BL_TRY(bl_weights_load(&affine->backward_weights_data, graph, w));
  return BL_OK;
}

bl_status bl_affine_forward(bl_affine *affine, const bl_graph *graph, float *y, const float *x) {
  float *const pointers[] = {(float *)x, affine->forward_weights.data, affine->bias, y};
  return bl_primitive_run(&affine->forward, graph, pointers, graph->scratch);
}

bl_status bl_affine_backward(bl_affine *affine, const bl_graph *graph, bl_node *node, const float *d_y) {
  if (graph->d_parameters != NULL) {
    float *const pointers[] = {node->input[0]->data, (float *)d_y, bl_node_gradient(graph, node, 0),
                               bl_node_gradient(graph, node, 1)};
    BL_TRY(bl_primitive_run(&affine->backward_weights, graph, pointers, graph->scratch));
  }
  if (node->d_input[0] != NULL) {
    float *const pointers[] = {(float *)d_y, affine->backward_weights_data.data, node->d_input[0]};
    BL_TRY(bl_primitive_run(&affine->backward_data, graph, pointers, graph->scratch));
  }
  return BL_OK;
}

void bl_affine_destroy(bl_affine *affine) {
  bl_primitive_destroy(&affine->forward);
  bl_primitive_destroy(&affine->backward_data);
  bl_primitive_destroy(&affine->backward_weights);
  bl_weights_destroy(&affine->forward_weights);
  bl_weights_destroy(&affine->backward_weights_data);
  bl_free(&affine->bias);
}
