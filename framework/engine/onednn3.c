/* Calls of oneDNN whose form is that of major version 3: one call describes an operation and finds its implementation. */
#include "engine/onednn.h"

static const dnnl_dims_t no_dilation = {0};

dnnl_status_t bl_onednn_memory_create(bl_onednn_memory *memory, int dimensions, const dnnl_dims_t sizes,
                                      dnnl_data_type_t type, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t made = NULL;
  const dnnl_status_t status = dnnl_memory_desc_create_with_tag(&made, dimensions, sizes, type, tag);
  *memory = made;
  return status;
}

dnnl_status_t bl_onednn_memory_copy(bl_onednn_memory *copy, bl_onednn_memory memory) {
  dnnl_memory_desc_t made = NULL;
  const dnnl_status_t status = dnnl_memory_desc_clone(&made, memory);
  *copy = made;
  return status;
}

void bl_onednn_memory_destroy(bl_onednn_memory memory) {
  if (memory != NULL)
    dnnl_memory_desc_destroy((dnnl_memory_desc_t)memory);
}

dnnl_status_t bl_onednn_conv(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *r,
                             bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes) {
  if (pass == BL_PASS_FORWARD)
    return dnnl_convolution_forward_primitive_desc_create(description, engine, dnnl_forward_training,
                                                          dnnl_convolution_direct, r->x, r->weights, r->bias, r->y,
                                                          r->stride, no_dilation, r->pad_before, r->pad_after, attributes);
  if (pass == BL_PASS_BACKWARD_DATA)
    return dnnl_convolution_backward_data_primitive_desc_create(description, engine, dnnl_convolution_direct, r->x,
                                                                r->weights, r->y, r->stride, no_dilation, r->pad_before,
                                                                r->pad_after, hint, attributes);
  return dnnl_convolution_backward_weights_primitive_desc_create(description, engine, dnnl_convolution_direct, r->x,
                                                                 r->weights, r->bias, r->y, r->stride, no_dilation,
                                                                 r->pad_before, r->pad_after, hint, attributes);
}

dnnl_status_t bl_onednn_dense(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *r,
                              bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes) {
  if (pass == BL_PASS_FORWARD)
    return dnnl_inner_product_forward_primitive_desc_create(description, engine, dnnl_forward_training, r->x, r->weights,
                                                            r->bias, r->y, attributes);
  if (pass == BL_PASS_BACKWARD_DATA)
    return dnnl_inner_product_backward_data_primitive_desc_create(description, engine, r->x, r->weights, r->y, hint,
                                                                  attributes);
  return dnnl_inner_product_backward_weights_primitive_desc_create(description, engine, r->x, r->weights, r->bias, r->y,
                                                                   hint, attributes);
}

dnnl_status_t bl_onednn_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *r,
                                const_dnnl_primitive_attr_t attributes) {
  return dnnl_matmul_primitive_desc_create(description, engine, r->x, r->weights, r->bias, r->y, attributes);
}
