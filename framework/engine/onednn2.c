/* Calls of oneDNN whose form is that of major version 2: a descriptor of the operation first, then its implementation. */
#include "engine/onednn.h"

#include <stdlib.h>

dnnl_status_t bl_onednn_memory_create(bl_onednn_memory *memory, int dimensions, const dnnl_dims_t sizes,
                                      dnnl_data_type_t type, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t described;
  const dnnl_status_t status = dnnl_memory_desc_init_by_tag(&described, dimensions, sizes, type, tag);
  return status == dnnl_success ? bl_onednn_memory_copy(memory, &described) : status;
}

dnnl_status_t bl_onednn_memory_copy(bl_onednn_memory *copy, bl_onednn_memory memory) {
  dnnl_memory_desc_t *made = malloc(sizeof *made);
  if (made == NULL)
    return dnnl_out_of_memory;
  *made = *memory;
  *copy = made;
  return dnnl_success;
}

void bl_onednn_memory_destroy(bl_onednn_memory memory) {
  free((void *)memory);
}

dnnl_status_t bl_onednn_conv(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *r,
                             bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes) {
  dnnl_convolution_desc_t d;
  dnnl_status_t status;
  if (pass == BL_PASS_FORWARD)
    status = dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct, r->x, r->weights,
                                                r->bias, r->y, r->stride, r->pad_before, r->pad_after);
  else if (pass == BL_PASS_BACKWARD_DATA)
    status = dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, r->x, r->weights, r->y, r->stride,
                                                      r->pad_before, r->pad_after);
  else
    status = dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, r->x, r->weights, r->bias, r->y,
                                                         r->stride, r->pad_before, r->pad_after);
  return status == dnnl_success ? dnnl_primitive_desc_create(description, &d, attributes, engine, hint) : status;
}

dnnl_status_t bl_onednn_dense(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *r,
                              bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes) {
  dnnl_inner_product_desc_t d;
  dnnl_status_t status;
  if (pass == BL_PASS_FORWARD)
    status = dnnl_inner_product_forward_desc_init(&d, dnnl_forward_training, r->x, r->weights, r->bias, r->y);
  else if (pass == BL_PASS_BACKWARD_DATA)
    status = dnnl_inner_product_backward_data_desc_init(&d, r->x, r->weights, r->y);
  else
    status = dnnl_inner_product_backward_weights_desc_init(&d, r->x, r->weights, r->bias, r->y);
  return status == dnnl_success ? dnnl_primitive_desc_create(description, &d, attributes, engine, hint) : status;
}

dnnl_status_t bl_onednn_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *r,
                                const_dnnl_primitive_attr_t attributes) {
  dnnl_matmul_desc_t d;
  const dnnl_status_t status = dnnl_matmul_desc_init(&d, r->x, r->weights, r->bias, r->y);
  return status == dnnl_success ? dnnl_primitive_desc_create(description, &d, attributes, engine, NULL) : status;
}
