/* The back end on oneDNN: processor, formats, operations. */
#include "engine/onednn.h"

#include "base/memory.h"

#include <oneapi/dnnl/dnnl_debug.h>
#include <stdio.h>
#include <string.h>

bl_status bl_dnnl_check(dnnl_status_t status, const char *call) {
  if (status == dnnl_success)
    return BL_OK;
  return bl_fail(BL_ERROR_LIBRARY, "oneDNN refused '%s': %s", call, dnnl_status2str(status));
}

/* Processor */

bl_status bl_backend_create(bl_backend **backend) {
  bl_status status = BL_OK;
  BL_TRY(bl_allocate(backend, 1, sizeof **backend));
  BL_GOTO(bl_dnnl_check(dnnl_engine_create(&(*backend)->engine, dnnl_cpu, 0), "dnnl_engine_create"));
  BL_GOTO(bl_dnnl_check(dnnl_stream_create(&(*backend)->stream, (*backend)->engine, dnnl_stream_default_flags),
                        "dnnl_stream_create"));
  return BL_OK;
done:
  bl_backend_destroy(backend);
  return status;
}

void bl_backend_destroy(bl_backend **backend) {
  bl_backend *b = *backend;
  if (b == NULL)
    return;
  for (int i = 0; i < b->count; i++)
    bl_format_destroy(&b->formats[i]);
  bl_free(&b->formats);
  if (b->stream != NULL)
    dnnl_stream_destroy(b->stream);
  if (b->engine != NULL)
    dnnl_engine_destroy(b->engine);
  bl_free(backend);
}

/** Whether images in blocks of \a block channels have a fast convolution. */
static bl_status is_fast(bool *fast, bl_backend *backend, int block) {
  const int64_t image[] = {1, 64, 16, 16}, kernel[] = {64, 64, 3, 3};
  const bl_conv_geometry geometry = {{1, 1}, {1, 1}, {1, 1}};
  bl_linear formats = {0};
  bl_operation *operation = NULL;
  BL_TRY(bl_format_create(&formats.x, backend, BL_ORDER_CHANNELS, block, 4, image));
  BL_TRY(bl_format_create(&formats.weights, backend, BL_ORDER_PLAIN, 1, 4, kernel));
  BL_TRY(bl_format_any(&formats.weights, backend, formats.weights, BL_ELEMENT_F32));
  formats.y = formats.x;
  BL_TRY(bl_operation_conv(&operation, backend, BL_PASS_FORWARD, &formats, &geometry));
  *fast = bl_operation_speed(operation) == BL_SPEED_FAST;
  bl_operation_destroy(&operation);
  return BL_OK;
}

bl_status bl_backend_block(int *block, bl_backend *backend) {
  bool fast = false;
  for (*block = 16; *block >= 8; *block /= 2) {
    BL_TRY(is_fast(&fast, backend, *block));
    if (fast)
      return BL_OK;
  }
  *block = 1;
  return BL_OK;
}

bool bl_backend_has_bf16(void) {
  const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
  return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

const char *bl_backend_describe(char *text, size_t size) {
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, size, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
  return text;
}

const char *bl_backend_instructions(void) {
  const char *name = dnnl_cpu_isa2str(dnnl_get_effective_cpu_isa());
  return strncmp(name, "cpu_isa_", strlen("cpu_isa_")) == 0 ? name + strlen("cpu_isa_") : name;
}

/* Formats */

static bl_status grow(bl_backend *backend) {
  bl_format **grown = NULL;
  if ((backend->count & (backend->count - 1)) != 0)
    return BL_OK;
  BL_TRY(bl_allocate(&grown, backend->count == 0 ? 1 : 2 * (size_t)backend->count, sizeof *grown));
  if (backend->count > 0)
    memcpy(grown, backend->formats, (size_t)backend->count * sizeof *grown);
  bl_free(&backend->formats);
  backend->formats = grown;
  return BL_OK;
}

bl_status bl_onednn_intern(bl_format **format, bl_backend *backend, bl_onednn_memory memory) {
  for (int i = 0; i < backend->count; i++)
    if (dnnl_memory_desc_equal(backend->formats[i]->memory, memory)) {
      *format = backend->formats[i];
      return BL_OK;
    }
  BL_TRY(grow(backend));
  BL_TRY(bl_format_copy(&backend->formats[backend->count], &(bl_format){.memory = memory}));
  *format = backend->formats[backend->count++];
  return BL_OK;
}

static dnnl_format_tag_t tag_of(bl_order order, int block, int dimensions) {
  static const dnnl_format_tag_t plain[BL_FORMAT_DIMENSIONS] = {dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd};
  switch (order) {
    case BL_ORDER_TRANSPOSED:
      return dnnl_ba;
    case BL_ORDER_CHANNELS:
      return block == 16 ? dnnl_nChw16c : block == 8 ? dnnl_nChw8c : dnnl_nchw;
    case BL_ORDER_WEIGHTS:
      return block == 16 ? dnnl_OIhw16i16o : block == 8 ? dnnl_OIhw8i8o : dnnl_oihw;
    default:
      return plain[dimensions - 1];
  }
}

/** Make or find the format that \a tag describes. */
static bl_status from_tag(bl_format **format, bl_backend *backend, int dimensions, const dnnl_dim_t *sizes,
                          dnnl_data_type_t type, dnnl_format_tag_t tag) {
  bl_onednn_memory memory = NULL;
  BL_DNNL(bl_onednn_memory_create(&memory, dimensions, sizes, type, tag));
  const bl_status status = bl_onednn_intern(format, backend, memory);
  bl_onednn_memory_destroy(memory);
  return status;
}

bl_status bl_format_create(const bl_format **format, bl_backend *backend, bl_order order, int block, int dimensions,
                           const int64_t *sizes) {
  dnnl_dims_t all = {0};
  memcpy(all, sizes, (size_t)dimensions * sizeof *sizes);
  bl_format *made = NULL;
  BL_TRY(from_tag(&made, backend, dimensions, all, dnnl_f32, tag_of(order, block, dimensions)));
  made->dimensions = dimensions; /* which one that an operation chose first has not yet */
  memcpy(made->sizes, all, sizeof made->sizes);
  made->blocked = made->blocked || (block > 1 && (order == BL_ORDER_CHANNELS || order == BL_ORDER_WEIGHTS));
  *format = made;
  return BL_OK;
}

bl_status bl_format_any(const bl_format **format, bl_backend *backend, const bl_format *like, bl_element element) {
  bl_format *made = NULL;
  BL_TRY(from_tag(&made, backend, like->dimensions, like->sizes, element == BL_ELEMENT_BF16 ? dnnl_bf16 : dnnl_f32,
                  dnnl_format_tag_any));
  *format = made;
  return BL_OK;
}

bl_status bl_format_copy(bl_format **copy, const bl_format *format) {
  BL_TRY(bl_allocate(copy, 1, sizeof **copy));
  **copy = *format;
  (*copy)->memory = NULL;
  const bl_status status = bl_dnnl_check(bl_onednn_memory_copy(&(*copy)->memory, format->memory), "copy of a format");
  if (status != BL_OK)
    bl_format_destroy(copy);
  return status;
}

void bl_format_destroy(bl_format **copy) {
  if (*copy == NULL)
    return;
  bl_onednn_memory_destroy((*copy)->memory);
  bl_free(copy);
}

bool bl_format_equal(const bl_format *a, const bl_format *b) {
  return dnnl_memory_desc_equal(a->memory, b->memory) != 0;
}

size_t bl_format_bytes(const bl_format *format) {
  return dnnl_memory_desc_get_size(format->memory);
}

bool bl_format_is_blocked(const bl_format *format) {
  return format->blocked;
}

/* Operations */

/** What all operations have: scratch comes from the caller. */
static dnnl_status_t create_attributes(dnnl_primitive_attr_t *attributes) {
  const dnnl_status_t status = dnnl_primitive_attr_create(attributes);
  return status == dnnl_success ? dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user) : status;
}

static dnnl_status_t find_pass(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *request,
                               bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes) {
  switch (request->kind) {
    case BL_ONEDNN_CONV:
      return bl_onednn_conv(description, engine, request, pass, hint, attributes);
    case BL_ONEDNN_DENSE:
      return bl_onednn_dense(description, engine, request, pass, hint, attributes);
    default:
      return bl_onednn_product(description, engine, request, attributes);
  }
}

/** Find an implementation of \a pass; backward passes need that of the forward pass as a hint. */
static dnnl_status_t find(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *request,
                          bl_pass pass) {
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t hint = NULL;
  dnnl_status_t status = create_attributes(&attributes);
  if (status == dnnl_success && pass != BL_PASS_FORWARD)
    status = find_pass(&hint, engine, request, BL_PASS_FORWARD, NULL, attributes);
  if (status == dnnl_success)
    status = find_pass(description, engine, request, pass, hint, attributes);
  if (hint != NULL)
    dnnl_primitive_desc_destroy(hint);
  if (attributes != NULL)
    dnnl_primitive_attr_destroy(attributes);
  return status;
}

static bl_onednn_request request_for(bl_onednn_kind kind, const bl_linear *f) {
  return (bl_onednn_request){.kind = kind,
                             .x = f->x->memory,
                             .weights = f->weights->memory,
                             .bias = f->bias == NULL ? NULL : f->bias->memory,
                             .y = f->y->memory};
}

/** \param [in] description  taken over, also on failure. */
static bl_status wrap(bl_operation **operation, bl_backend *backend, dnnl_primitive_desc_t description) {
  const bl_status status = bl_allocate(operation, 1, sizeof **operation);
  if (status == BL_OK)
    **operation = (bl_operation){backend, description};
  else
    dnnl_primitive_desc_destroy(description);
  return status;
}

bl_status bl_operation_conv(bl_operation **operation, bl_backend *backend, bl_pass pass, const bl_linear *formats,
                            const bl_conv_geometry *geometry) {
  bl_onednn_request request = request_for(BL_ONEDNN_CONV, formats);
  dnnl_primitive_desc_t description = NULL;
  *operation = NULL;
  for (int i = 0; i < 2; i++) {
    request.stride[i] = geometry->stride[i];
    request.pad_before[i] = geometry->pad_before[i];
    request.pad_after[i] = geometry->pad_after[i];
  }
  const dnnl_status_t status = find(&description, backend->engine, &request, pass);
  if (status == dnnl_unimplemented)
    return BL_OK;
  BL_TRY(bl_dnnl_check(status, "convolution"));
  return wrap(operation, backend, description);
}

bl_status bl_operation_dense(bl_operation **operation, bl_backend *backend, bl_pass pass, const bl_linear *formats) {
  const bl_onednn_request request = request_for(BL_ONEDNN_DENSE, formats);
  dnnl_primitive_desc_t description = NULL;
  BL_TRY(bl_dnnl_check(find(&description, backend->engine, &request, pass), "inner product"));
  return wrap(operation, backend, description);
}

bl_status bl_operation_product(bl_operation **operation, bl_backend *backend, const bl_linear *formats) {
  const bl_onednn_request request = request_for(BL_ONEDNN_PRODUCT, formats);
  dnnl_primitive_desc_t description = NULL;
  BL_TRY(bl_dnnl_check(find(&description, backend->engine, &request, BL_PASS_FORWARD), "matrix product"));
  return wrap(operation, backend, description);
}

bl_status bl_operation_reorder(bl_operation **operation, bl_backend *backend, const bl_format *x, const bl_format *y) {
  dnnl_primitive_desc_t description = NULL;
  BL_DNNL(dnnl_reorder_primitive_desc_create(&description, x->memory, backend->engine, y->memory, backend->engine, NULL));
  return wrap(operation, backend, description);
}

void bl_operation_destroy(bl_operation **operation) {
  if (*operation == NULL)
    return;
  dnnl_primitive_desc_destroy((*operation)->description);
  bl_free(operation);
}

bl_speed bl_operation_speed(const bl_operation *operation) {
  const char *name = NULL;
  if (operation == NULL)
    return BL_SPEED_NONE;
  if (dnnl_primitive_desc_query(operation->description, dnnl_query_impl_info_str, 0, (void *)&name) != dnnl_success)
    return BL_SPEED_FAST;
  return strstr(name, "gemm:") != NULL ? BL_SPEED_PRODUCT /* "gemm:ref" on Arm, too */
         : strstr(name, "ref") != NULL ? BL_SPEED_REFERENCE
                                       : BL_SPEED_FAST;
}

int bl_onednn_argument(bl_argument argument) {
  static const int numbers[BL_ARGUMENTS] = {
      [BL_ARGUMENT_X] = DNNL_ARG_SRC,
      [BL_ARGUMENT_WEIGHTS] = DNNL_ARG_WEIGHTS,
      [BL_ARGUMENT_BIAS] = DNNL_ARG_BIAS,
      [BL_ARGUMENT_Y] = DNNL_ARG_DST,
      [BL_ARGUMENT_D_X] = DNNL_ARG_DIFF_SRC,
      [BL_ARGUMENT_D_WEIGHTS] = DNNL_ARG_DIFF_WEIGHTS,
      [BL_ARGUMENT_D_BIAS] = DNNL_ARG_DIFF_BIAS,
      [BL_ARGUMENT_D_Y] = DNNL_ARG_DIFF_DST,
  };
  return numbers[argument];
}

bool bl_onednn_writes(bl_argument argument) {
  return argument == BL_ARGUMENT_Y || argument == BL_ARGUMENT_D_X || argument == BL_ARGUMENT_D_WEIGHTS ||
         argument == BL_ARGUMENT_D_BIAS;
}

bl_status bl_operation_format(const bl_format **format, const bl_operation *operation, bl_argument argument) {
  bl_format *wanted = NULL;
  BL_TRY(bl_onednn_intern(
      &wanted, operation->backend,
      dnnl_primitive_desc_query_md(operation->description, dnnl_query_exec_arg_md, bl_onednn_argument(argument))));
  *format = wanted;
  return BL_OK;
}
