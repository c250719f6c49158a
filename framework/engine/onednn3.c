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

static bl_onednn_memory of(const bl_format *format) {
  return format == NULL ? NULL : format->memory;
}

static dnnl_status_t find_conv(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *r,
                               bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes) {
  const bl_linear *f = r->formats;
  if (pass == BL_PASS_FORWARD)
    return dnnl_convolution_forward_primitive_desc_create(
        description, engine, dnnl_forward_training, dnnl_convolution_direct, of(f->x), of(f->weights), of(f->bias),
        of(f->y), r->stride, no_dilation, r->pad_before, r->pad_after, attributes);
  if (pass == BL_PASS_BACKWARD_DATA)
    return dnnl_convolution_backward_data_primitive_desc_create(description, engine, dnnl_convolution_direct, of(f->x),
                                                                of(f->weights), of(f->y), r->stride, no_dilation,
                                                                r->pad_before, r->pad_after, hint, attributes);
  return dnnl_convolution_backward_weights_primitive_desc_create(
      description, engine, dnnl_convolution_direct, of(f->x), of(f->weights), of(f->bias), of(f->y), r->stride, no_dilation,
      r->pad_before, r->pad_after, hint, attributes);
}

static dnnl_status_t find_dense(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *r,
                                bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes) {
  const bl_linear *f = r->formats;
  if (pass == BL_PASS_FORWARD)
    return dnnl_inner_product_forward_primitive_desc_create(description, engine, dnnl_forward_training, of(f->x),
                                                            of(f->weights), of(f->bias), of(f->y), attributes);
  if (pass == BL_PASS_BACKWARD_DATA)
    return dnnl_inner_product_backward_data_primitive_desc_create(description, engine, of(f->x), of(f->weights), of(f->y),
                                                                  hint, attributes);
  return dnnl_inner_product_backward_weights_primitive_desc_create(description, engine, of(f->x), of(f->weights),
                                                                   of(f->bias), of(f->y), hint, attributes);
}

static dnnl_status_t find_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *r,
                                  const_dnnl_primitive_attr_t attributes) {
  const bl_linear *f = r->formats;
  return dnnl_matmul_primitive_desc_create(description, engine, of(f->x), of(f->weights), of(f->bias), of(f->y),
                                           attributes);
}

dnnl_status_t bl_onednn_find(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *request,
                             bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes) {
  switch (request->kind) {
    case BL_ONEDNN_CONV:
      return find_conv(description, engine, request, pass, hint, attributes);
    case BL_ONEDNN_DENSE:
      return find_dense(description, engine, request, pass, hint, attributes);
    default:
      return find_product(description, engine, request, attributes);
  }
}
