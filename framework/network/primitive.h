/** \file
 * oneDNN primitives as layers use them: operands in our layouts, whatever layout the primitive likes, all scratch planned
 * by the graph. */
#ifndef BEELINE_NETWORK_PRIMITIVE_H
#define BEELINE_NETWORK_PRIMITIVE_H

#include "network/node.h"

enum { BL_PRIMITIVE_OPERANDS = 5 };

/** What a primitive reads or writes, and how it lies in our memory. */
typedef struct bl_operand {
  int argument; /**< DNNL_ARG_SRC, … */
  dnnl_memory_desc_t layout;
  bool written;
} bl_operand;

/** A primitive with its operands; where it wants another layout than ours, a re-ordering through scratch. Zero-initialise.
 */
typedef struct bl_primitive {
  dnnl_primitive_t primitive;
  int operands;
  struct {
    int argument;
    bool written;
    dnnl_memory_t memory;     /**< as the primitive wants it */
    dnnl_memory_t ours;       /**< or NULL when that is our layout */
    dnnl_primitive_t reorder; /**< between the two */
    size_t offset;            /**< of `memory` in scratch, floats */
    const float *pointer;     /**< the caller's memory of the latest run */
  } operand[BL_PRIMITIVE_OPERANDS];
  dnnl_memory_t scratchpad;
  size_t scratchpad_offset;
  const float *scratch_pointer;
  size_t scratch; /**< floats needed in all */
} bl_primitive;

/** Describe the operation \a descriptor (a dnnl_…_desc_t) with scratch provided by the caller. Not collective.
 * \param [out] description  caller's; dnnl_primitive_desc_destroy. \param [in] hint  of the forward operation, or NULL. */
bl_status bl_primitive_describe(dnnl_primitive_desc_t *description, const bl_graph *graph, const void *descriptor,
                                const_dnnl_primitive_desc_t hint);

/** The same, but *\a description is NULL where oneDNN has no such implementation. */
bl_status bl_primitive_try(dnnl_primitive_desc_t *description, const bl_graph *graph, const void *descriptor,
                           const_dnnl_primitive_desc_t hint);

/** What kind of implementation oneDNN has for an operation; later ones are faster. */
typedef enum bl_speed {
  BL_SPEED_NONE,      /**< none */
  BL_SPEED_REFERENCE, /**< plain loops, hundreds of times slower, for layouts that the others do not know */
  BL_SPEED_PRODUCT,   /**< copies patches and multiplies matrices */
  BL_SPEED_FAST
} bl_speed;

/** \param [in] description  or NULL. */
bl_speed bl_primitive_speed(const_dnnl_primitive_desc_t description);

/** The layout that \a description wants for \a argument. Not collective. Borrowed from the description. */
const dnnl_memory_desc_t *bl_primitive_layout(const_dnnl_primitive_desc_t description, int argument);

/** Make \a description ready to run on \a operands. Not collective. \param [out] primitive  bl_primitive_destroy. */
bl_status bl_primitive_create(bl_primitive *primitive, const bl_graph *graph, const_dnnl_primitive_desc_t description,
                              const bl_operand *operands, int count);
void bl_primitive_destroy(bl_primitive *primitive);

/** A primitive that copies its first operand to its second, which has the same elements in another layout. Not collective.
 */
bl_status bl_primitive_create_reorder(bl_primitive *primitive, const bl_graph *graph, const dnnl_memory_desc_t *from,
                                      const dnnl_memory_desc_t *to);

/** Time \a description on \a operands of its own: the best of a few runs after a first one. Not collective.
 * \param [out] seconds  wall-clock time of one run, with re-ordering. */
bl_status bl_primitive_measure(double *seconds, const bl_graph *graph, const_dnnl_primitive_desc_t description,
                               const bl_operand *operands, int count);

/** Run. Not collective. \param [in] pointers  memory of the operands in the order of creation. \param [in] scratch
 * (primitive->scratch floats), or NULL where that is 0. */
bl_status bl_primitive_run(bl_primitive *primitive, const bl_graph *graph, float *const *pointers, float *scratch);

/** Weights in the layout of a primitive, re-ordered from the plain one by each load; their memory is the graph's pool's
 * where it has one, and shared there with all that have the same key. Zero-initialise. */
typedef struct bl_weights {
  dnnl_memory_desc_t layout;
  float *data;               /**< set by each load */
  size_t parameter, variant; /**< the key */
  bool shared;               /**< the pool's */
  bl_primitive reorder;
} bl_weights;

/** Plan weights. Not collective. \param [in] parameter  index into the graph's table. \param [in] variant  other than 0 for
 * those who change the weights after loading. */
bl_status bl_weights_create(bl_weights *weights, const bl_graph *graph, const dnnl_memory_desc_t *wanted,
                            const dnnl_memory_desc_t *plain, size_t parameter, size_t variant);
/** Re-order \a plain values into them; release them. Not collective. */
bl_status bl_weights_load(bl_weights *weights, const bl_graph *graph, const float *plain);
void bl_weights_destroy(bl_weights *weights);

#endif
