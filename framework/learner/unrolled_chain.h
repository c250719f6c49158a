/** \file
 * A chain as one deep network whose T' layers share their weights, with the noise held fixed (x_{t−1} = μ_θ(x_t, t) +
 * σ_t z_t), that can be gone back through from the gradient of a cost by x_0. That needs the activations of all steps, and
 * the gradient is a product of T' Jacobians.
 *
 * Of the forward pass either all activations are kept, in one graph a step, or only the states x_t: then each step's
 * forward pass is run again before its backward pass (Chen et al. 2016). Both give the same bits.
 */
#ifndef BEELINE_LEARNER_UNROLLED_CHAIN_H
#define BEELINE_LEARNER_UNROLLED_CHAIN_H

#include "diffusion/chain.h"
#include "diffusion/condition.h"
#include "network/network.h"

#include <stdbool.h>
#include <stdint.h>

/** A chain of one micro-batch that can be gone back through. */
typedef struct bl_unrolled_chain {
  const bl_chain *chain;         /**< borrowed */
  const bl_condition *condition; /**< of the samples; NULL for none; borrowed */
  size_t micro_batch;
  size_t size;       /**< elements of a sample */
  int graph_count;   /**< T' where activations are kept, else 1 */
  bl_graph **graphs; /**< (graph_count) networks for training; owned, as what follows */
  float *states;     /**< (steps + 1, micro_batch, size) x_T' … x_0 of the latest forward pass */
  float *gradient;   /**< (parameters) of one step */
  float *conditions; /**< (micro_batch, size of a condition) of the latest forward pass */
  float *work;
} bl_unrolled_chain;

/** Build the graphs. Not collective. \param [out] unrolled  the caller's; bl_unrolled_chain_destroy, also after a failure.
 * \param [in] compute  NULL: as by default. \param [in] chain  borrowed; without clipping; σ may be 0. \param [in]
 * condition  NULL for none; borrowed. \param [in] keep_activations  of all steps, for about T' times the memory. */
bl_status bl_unrolled_chain_create(bl_unrolled_chain *unrolled, const bl_network_shape *shape, const bl_compute *compute,
                                   const bl_chain *chain, const bl_condition *condition, size_t micro_batch,
                                   bool keep_activations);
void bl_unrolled_chain_destroy(bl_unrolled_chain *unrolled);

/** Take θ. Not collective. \param [in] values (parameters), borrowed during the call. */
bl_status bl_unrolled_chain_load(bl_unrolled_chain *unrolled, const float *values);

/** Roll out one micro-batch, with the draws of bl_sampler_rollout. Not collective. \param [out] origin (micro_batch, size)
 * x_0. */
bl_status bl_unrolled_chain_forward(float *origin, bl_unrolled_chain *unrolled, uint64_t seed, uint32_t round,
                                    uint32_t first_sample);

/** Gradient of Σ d_origin · x_0 for the latest forward pass, once. Not collective. \param [out] d_parameters (parameters),
 * overwritten. \param [in] d_origin (micro_batch, size), borrowed. */
bl_status bl_unrolled_chain_backward(float *d_parameters, bl_unrolled_chain *unrolled, const float *d_origin);

/** Bytes of activations, gradients and scratch that the graphs planned. Not collective. */
size_t bl_unrolled_chain_memory(const bl_unrolled_chain *unrolled);

#endif
