/** \file
 * The parameter table of a network: all parameters are one buffer, and one table {name, shape, offset} drives the
 * optimiser, the gradient sums, checkpoints and netCDF variable names.
 *
 * Names are those of the public DDPM code ("down.0.block.0.conv1.weight"), layouts are PyTorch's: dense (out, in),
 * convolution (out, in, height, width), embedding (steps, features), vectors (features).
 */
#ifndef BEELINE_ENGINE_PARAMETERS_H
#define BEELINE_ENGINE_PARAMETERS_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { BL_PARAMETER_NAME = 80, BL_PARAMETER_DIMENSIONS = 4 };

/** How a parameter starts (PyTorch's initialisers, so that experiments compare). */
typedef enum bl_initialiser {
  BL_INITIALISE_ZERO,
  BL_INITIALISE_ONE,
  BL_INITIALISE_UNIFORM_01,     /**< U[0, 1): embeddings of the conditional dense layer */
  BL_INITIALISE_FAN_IN_UNIFORM, /**< U(−1/√fan_in, 1/√fan_in): PyTorch's default of Linear and Conv2d, weight and bias */
  BL_INITIALISE_XAVIER_NORMAL, /**< N(0, 2 / (fan_in + fan_out)) */
  BL_INITIALISE_KAIMING_NORMAL /**< N(0, 2 / fan_in) */
} bl_initialiser;

/** One parameter tensor. */
typedef struct bl_parameter {
  char name[BL_PARAMETER_NAME];
  int dimensions;
  size_t shape[BL_PARAMETER_DIMENSIONS];
  size_t offset; /**< first element in the buffer */
  size_t count;  /**< elements */
  bl_initialiser initialiser;
  size_t fan_in; /**< for the initialisers; a bias has the fan_in of its weight */
  size_t fan_out;
} bl_parameter;

/** The table of a network. */
typedef struct bl_parameter_table {
  bl_parameter *entries;
  size_t entry_count;
  size_t count; /**< elements of the whole buffer */
} bl_parameter_table;

/** Append a tensor; used while a network is built. Not collective. Returns BL_ERROR_USAGE on a name that exists, and where
 * a network would have more than INT_MAX elements, which no message holds.
 * \param [out] index  of the new entry. */
bl_status bl_parameter_add(size_t *index, bl_parameter_table *table, const char *name, int dimensions, const size_t *shape,
                           bl_initialiser initialiser, size_t fan_in, size_t fan_out);

/** The entry of that name, or NULL. Not collective. Borrowed. */
const bl_parameter *bl_parameter_find(const bl_parameter_table *table, const char *name);

/** Draw initial values. Not collective; the same on every rank. \param [out] values (table->count), caller's. */
void bl_parameter_initialise(float *values, const bl_parameter_table *table, uint64_t seed);

/** Release the entries. Not collective. */
void bl_parameter_table_destroy(bl_parameter_table *table);

#endif
