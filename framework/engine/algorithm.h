/** \file
 * The algorithm of each convolution, chosen separately for forward, backward data and backward weights.
 *
 * Two ways to choose. A fixed rule by shape (bl_algorithm_fixed): every run and every rank takes the same, so that bits are
 * reproducible without any agreement. Or by measuring (bl_algorithms): a table of choices that one rank fills, once for
 * each pass and shape, by timing all candidates when a graph is compiled; it is then shared with the other ranks and kept
 * as text in model files and checkpoints, so that a run that is resumed takes the same.
 */
#ifndef BEELINE_ENGINE_ALGORITHM_H
#define BEELINE_ENGINE_ALGORITHM_H

#include "engine/backend.h"

#include <mpi.h>

#include <stdbool.h>

typedef enum bl_algorithm {
  BL_ALGORITHM_DIRECT,   /**< the sum of products as it is defined */
  BL_ALGORITHM_WINOGRAD, /**< F(4 x 4, 3 x 3) of Lavin & Gray 2016: a quarter of the products; error about 1e-6 */
  /** Direct with operands rounded to bfloat16 (8 bits of mantissa) and sums in single precision. Machines without its
   * instructions give the same but for the order of sums, slowly. */
  BL_ALGORITHM_BF16,
  BL_ALGORITHM_COUNT
} bl_algorithm;

/** One pass of one convolution: all that a choice depends on. */
typedef struct bl_algorithm_case {
  bl_pass pass;
  int batch, in, out;             /**< samples, channels of the input and of the output */
  int height, width;              /**< of the output */
  int kernel, stride, pad_before; /**< pixels */
  bool blocked;                   /**< both sides are in whole blocks of channels, which Winograd's kernels need */
  bool bf16;                      /**< rounding operands to bfloat16 is allowed */
} bl_algorithm_case;

/** Whether Winograd's algorithm can do \a problem: 3 × 3 pixels, stride 1, padding 1, whole blocks of channels. Not
 * collective. */
bool bl_algorithm_winograd_fits(const bl_algorithm_case *problem);

/** The fixed rule. Not collective. */
bl_algorithm bl_algorithm_fixed(const bl_algorithm_case *problem);

/** Choices made by measuring. */
typedef struct bl_algorithms bl_algorithms;

/** An empty table that learns: cases it lacks are measured. Not collective. \param [out] table bl_algorithms_destroy. */
bl_status bl_algorithms_create(bl_algorithms **table);
void bl_algorithms_destroy(bl_algorithms **table);

/** Look \a problem up. Not collective. \return false where the table lacks it. */
bool bl_algorithms_find(bl_algorithm *found, const bl_algorithms *table, const bl_algorithm_case *problem);

/** Whether cases that the table lacks are to be measured (else the fixed rule holds for them). Not collective. */
bool bl_algorithms_learns(const bl_algorithms *table);

/** Add one choice. Not collective. */
bl_status bl_algorithms_add(bl_algorithms *table, const bl_algorithm_case *problem, bl_algorithm chosen);

/** The table as text, one line a case, in the order of adding; bl_algorithms_parse reads it. Not collective. Borrowed until
 * the next change. */
const char *bl_algorithms_text(const bl_algorithms *table);

/** Add the lines of \a text. Not collective. Returns BL_ERROR_INPUT quoting a line that is none. */
bl_status bl_algorithms_parse(bl_algorithms *table, const char *text);

/** Give every rank the table of rank 0, which learns no more from here on. Collective over \a comm. */
bl_status bl_algorithms_share(bl_algorithms *table, MPI_Comm comm);

#endif
