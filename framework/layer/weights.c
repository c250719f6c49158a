#include "layer/weights.h"

#include "base/memory.h"

bl_status bl_weights_create(bl_weights *weights, const bl_graph *graph, const bl_format *wanted, const bl_format *plain,
                            size_t parameter, size_t variant) {
  weights->format = wanted;
  weights->parameter = parameter;
  weights->variant = variant;
  weights->shared = graph->network != NULL;
  return bl_primitive_create_reorder(&weights->reorder, graph->backend, plain, wanted);
}

bl_status bl_weights_load(bl_weights *weights, const bl_graph *graph, const float *plain) {
  if (weights->shared) /* asked each time: the pool may have given its memory back meanwhile */
    BL_TRY(bl_pool_weights(&weights->data, graph->network, weights->parameter, weights->variant, weights->format));
  else if (weights->data == NULL)
    BL_TRY(bl_allocate(&weights->data, bl_format_bytes(weights->format), 1));
  return bl_primitive_run(weights->reorder, (float *[]){(float *)plain, weights->data}, NULL);
}

void bl_weights_destroy(bl_weights *weights) {
  bl_primitive_destroy(&weights->reorder);
  if (!weights->shared)
    bl_free(&weights->data);
}
