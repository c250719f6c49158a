/** \file
 * What samples are conditioned on: labels or tokens as numbers, a function of the sample's global number alone, so that
 * every rank knows them and none has to send them. */
#ifndef BEELINE_DIFFUSION_CONDITION_H
#define BEELINE_DIFFUSION_CONDITION_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/** Where conditions come from. A null pointer to one means: no condition. */
typedef struct bl_condition {
  int size; /**< numbers of a sample, bl_graph_condition_size of the network */
  /** \param [out] values (count, size) of samples \a first … \a first + \a count − 1 of round \a round. */
  bl_status (*fill)(float *values, const void *context, uint32_t round, uint32_t first, size_t count);
  const void *context; /**< borrowed */
} bl_condition;

/** The labels 0, 1, … \a classes − 1, 0, 1, … in turn, by the number of the sample. Not collective. \param [in] classes
 * borrowed for as long as the result is used. */
bl_condition bl_condition_labels(const int *classes);

/** How many numbers a sample has; 0 for NULL. Not collective. */
size_t bl_condition_size(const bl_condition *condition);

/** The conditions of samples \a first … \a first + \a count − 1 of a round. Not collective. \param [out] values (count,
 * size); nothing for NULL. Returns what its function returns. */
bl_status bl_condition_fill(float *values, const bl_condition *condition, uint32_t round, uint32_t first, size_t count);

#endif
