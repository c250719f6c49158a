/** \file
 * The back end: what the layers of a network ask of the library that multiplies and adds, and nothing of that library.
 * oneDNN stands behind it, major version 2 or 3 as configure found it; its headers are included in this folder only.
 *
 *     formats … operation … (which formats does it want?) … primitive on operands … run, run, run
 *
 * A format says how an array lies in memory. An operation is chosen for the formats of what it reads and writes. A
 * primitive is an operation that is ready to run: where the caller's array has another format than the operation wants, it
 * re-orders through scratch. All arrays are in single precision unless a format says otherwise. Nothing here is collective.
 */
#ifndef BEELINE_ENGINE_BACKEND_H
#define BEELINE_ENGINE_BACKEND_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BL_FORMAT_DIMENSIONS = 4, BL_PRIMITIVE_OPERANDS = 5 };

/** The processor and its queue of work, and the formats that were made for it. */
typedef struct bl_backend bl_backend;

/** \param [out] backend  the caller's; bl_backend_destroy, after all primitives. Returns BL_ERROR_LIBRARY. */
bl_status bl_backend_create(bl_backend **backend);
/** NULL is allowed; sets *\a backend to NULL. */
void bl_backend_destroy(bl_backend **backend);

/** Channels in a block of the images that convolutions are fast on with this processor: 16, 8, or 1 for plain images.
 * Returns BL_ERROR_LIBRARY. */
bl_status bl_backend_block(int *block, bl_backend *backend);

/** Whether the library has instructions of this processor for bfloat16 (without them it is slower, not faster). */
bool bl_backend_has_bf16(void);

/** The library and its version, such as "oneDNN 3.7.2". Returns \a text. */
const char *bl_backend_describe(char *text, size_t size);

/** The instructions that the library uses on this processor, by its name for them, such as "avx512_core". Borrowed. */
const char *bl_backend_instructions(void);

/* ---- Formats ----------------------------------------------------------------------------------------------------- */

/** Element type, sizes and order of an array. Owned by the back end that made it, until that is destroyed. */
typedef struct bl_format bl_format;

typedef enum bl_order {
  BL_ORDER_PLAIN,      /**< the last dimension is contiguous */
  BL_ORDER_TRANSPOSED, /**< a matrix whose first dimension is contiguous */
  BL_ORDER_CHANNELS,   /**< images in blocks of channels: (batch, channels / block, height, width, block) */
  BL_ORDER_WEIGHTS     /**< of a convolution: (out / block, in / block, height, width, block of in, block of out) */
} bl_order;

typedef enum bl_element { BL_ELEMENT_F32, BL_ELEMENT_BF16 } bl_element;

/** Describe an array of \a dimensions sizes (at most BL_FORMAT_DIMENSIONS).
 * \param [in] block  of the last two orders: 8 or 16, or 1 for plain. Returns BL_ERROR_LIBRARY or BL_ERROR_SYSTEM. */
bl_status bl_format_create(const bl_format **format, bl_backend *backend, bl_order order, int block, int dimensions,
                           const int64_t *sizes);

/** The sizes of \a like, which bl_format_create made, in whatever order an operation likes best. */
bl_status bl_format_any(const bl_format **format, bl_backend *backend, const bl_format *like, bl_element element);

/** A copy that outlives the back end. \param [out] copy  the caller's; bl_format_destroy. */
bl_status bl_format_copy(bl_format **copy, const bl_format *format);
/** For copies. NULL is allowed; sets *\a copy to NULL. */
void bl_format_destroy(bl_format **copy);

bool bl_format_equal(const bl_format *a, const bl_format *b);
size_t bl_format_bytes(const bl_format *format);
/** Whether bl_format_create made it in blocks. */
bool bl_format_is_blocked(const bl_format *format);

/* ---- Operations -------------------------------------------------------------------------------------------------- */

/** What is computed, and by which of the library's implementations. */
typedef struct bl_operation bl_operation;

typedef enum bl_pass { BL_PASS_FORWARD, BL_PASS_BACKWARD_DATA, BL_PASS_BACKWARD_WEIGHTS, BL_PASS_COUNT } bl_pass;

/** What an operation reads (x, weights, bias, d_y) or writes (y, d_x, d_weights, d_bias). */
typedef enum bl_argument {
  BL_ARGUMENT_X,
  BL_ARGUMENT_WEIGHTS,
  BL_ARGUMENT_BIAS,
  BL_ARGUMENT_Y,
  BL_ARGUMENT_D_X,
  BL_ARGUMENT_D_WEIGHTS,
  BL_ARGUMENT_D_BIAS,
  BL_ARGUMENT_D_Y,
  BL_ARGUMENTS
} bl_argument;

/** A layer y = W x + b, by the formats of its arrays; gradients have those of what they belong to. */
typedef struct bl_linear {
  const bl_format *x, *weights, *bias /**< or NULL */, *y;
} bl_linear;

/** Pixels of a convolution along height and width. */
typedef struct bl_conv_geometry {
  int64_t stride[2], pad_before[2], pad_after[2];
} bl_conv_geometry;

/** A two-dimensional convolution by the direct sum: x (batch, in, height, width), weights (out, in, height, width).
 * \param [out] operation  the caller's, bl_operation_destroy; NULL where the library has none for these formats. */
bl_status bl_operation_conv(bl_operation **operation, bl_backend *backend, bl_pass pass, const bl_linear *formats,
                            const bl_conv_geometry *geometry);

/** x Wᵀ + b: x (batch, in …), weights (out, in …), y (batch, out). Returns BL_ERROR_LIBRARY where there is none.
 * \param [out] operation  as for bl_operation_conv, here and below. */
bl_status bl_operation_dense(bl_operation **operation, bl_backend *backend, bl_pass pass, const bl_linear *formats);

/** The product of two matrices, y (rows, columns) = x (rows, inner) · weights (inner, columns). */
bl_status bl_operation_product(bl_operation **operation, bl_backend *backend, const bl_linear *formats);

/** A copy of x to y, the same elements in another format. */
bl_status bl_operation_reorder(bl_operation **operation, bl_backend *backend, const bl_format *x, const bl_format *y);

/** NULL is allowed; sets *\a operation to NULL. */
void bl_operation_destroy(bl_operation **operation);

/** What kind of implementation was found; later ones are faster. */
typedef enum bl_speed {
  BL_SPEED_NONE,      /**< none */
  BL_SPEED_REFERENCE, /**< plain loops, hundreds of times slower, for formats that the others do not know */
  BL_SPEED_PRODUCT,   /**< copies patches and multiplies matrices */
  BL_SPEED_FAST
} bl_speed;

/** \param [in] operation  or NULL. */
bl_speed bl_operation_speed(const bl_operation *operation);

/** The format that \a operation wants for \a argument. \param [out] format  the back end's. */
bl_status bl_operation_format(const bl_format **format, const bl_operation *operation, bl_argument argument);

/* ---- Primitives -------------------------------------------------------------------------------------------------- */

/** An operation that is ready to run. */
typedef struct bl_primitive bl_primitive;

/** An array that a primitive reads or writes. \a format is that of the caller's memory; NULL: as the operation wants it. */
typedef struct bl_operand {
  bl_argument argument;
  const bl_format *format;
} bl_operand;

/** Make \a operation ready to run on \a operands (\a count, at most BL_PRIMITIVE_OPERANDS). \param [out] primitive  the
 * caller's; bl_primitive_destroy, before its back end. */
bl_status bl_primitive_create(bl_primitive **primitive, const bl_operation *operation, const bl_operand *operands,
                              int count);
/** Make a re-ordering ready: its operands are x and y. */
bl_status bl_primitive_create_reorder(bl_primitive **primitive, bl_backend *backend, const bl_format *x,
                                      const bl_format *y);
/** NULL is allowed; sets *\a primitive to NULL. */
void bl_primitive_destroy(bl_primitive **primitive);

/** Floats of scratch that a run needs; 0 for NULL. */
size_t bl_primitive_scratch(const bl_primitive *primitive);

/** Run. \param [in] pointers  memory of the operands in the order of creation. \param [in] scratch
 * (bl_primitive_scratch floats), or NULL where that is 0. */
bl_status bl_primitive_run(bl_primitive *primitive, float *const *pointers, float *scratch);

/** Time \a operation on operands of its own: the best of a few runs after a first one.
 * \param [out] seconds  wall-clock time of one run, with re-ordering. */
bl_status bl_primitive_measure(double *seconds, const bl_operation *operation, const bl_operand *operands, int count);

#endif
