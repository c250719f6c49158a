/** \file
 * What the files of the back end on oneDNN share: the types behind engine/backend.h, and the calls whose form differs
 * between its major versions (onednn2.c, onednn3.c; configure chooses one). Private to this folder. */
#ifndef BEELINE_ENGINE_ONEDNN_H
#define BEELINE_ENGINE_ONEDNN_H

#include "engine/backend.h"

#include <oneapi/dnnl/dnnl.h>

/** A memory descriptor as calls take it: the address of a structure in version 2, a handle in version 3. */
#if DNNL_VERSION_MAJOR == 2
typedef const dnnl_memory_desc_t *bl_onednn_memory;
#else
typedef const_dnnl_memory_desc_t bl_onednn_memory;
#endif

struct bl_format {
  bl_onednn_memory memory; /**< owned */
  int dimensions;          /**< 0 where an operation chose the format */
  dnnl_dims_t sizes;
  bool blocked;
};

struct bl_backend {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  bl_format **formats; /**< (count), all different; owned */
  int count;
};

struct bl_operation {
  bl_backend *backend; /**< borrowed */
  dnnl_primitive_desc_t description;
};

/** Evaluate a oneDNN call; a refusal becomes BL_ERROR_LIBRARY with the call's text. */
#define BL_DNNL(call) BL_TRY(bl_dnnl_check((call), #call))
bl_status bl_dnnl_check(dnnl_status_t status, const char *call);

/** The format of \a memory, which must stay alive during the call: one that the back end has already, or a new copy. */
bl_status bl_onednn_intern(bl_format **format, bl_backend *backend, bl_onednn_memory memory);

/** oneDNN's number of an argument, and whether an operation writes it. */
int bl_onednn_argument(bl_argument argument);
bool bl_onednn_writes(bl_argument argument);

/* ---- What differs between versions. All return what oneDNN returns; outputs are the caller's. --------------------------
 */

dnnl_status_t bl_onednn_memory_create(bl_onednn_memory *memory, int dimensions, const dnnl_dims_t sizes,
                                      dnnl_data_type_t type, dnnl_format_tag_t tag);
dnnl_status_t bl_onednn_memory_copy(bl_onednn_memory *copy, bl_onednn_memory memory);
void bl_onednn_memory_destroy(bl_onednn_memory memory);

typedef enum bl_onednn_kind { BL_ONEDNN_CONV, BL_ONEDNN_DENSE, BL_ONEDNN_PRODUCT } bl_onednn_kind;

/** An operation to find an implementation for. */
typedef struct bl_onednn_request {
  bl_onednn_kind kind;
  bl_onednn_memory x, weights, bias /**< or NULL */, y;
  dnnl_dims_t stride, pad_before, pad_after; /**< of a convolution */
} bl_onednn_request;

/** Find an implementation. \param [in] hint  that of the forward pass, for the backward passes; else NULL. */
dnnl_status_t bl_onednn_conv(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *request,
                             bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes);
dnnl_status_t bl_onednn_dense(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *request,
                              bl_pass pass, const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes);
dnnl_status_t bl_onednn_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const bl_onednn_request *request,
                                const_dnnl_primitive_attr_t attributes);

#endif
