/** \file
 * The other way to fine-tune a chain: as one deep network whose T' layers share their weights, with the noise held fixed
 * (x_{t−1} = μ_θ(x_t, t) + σ_t z_t), trained through all its steps with the critic's gradient ∂f(x_0)/∂x_0 as in a
 * Wasserstein GAN (Arjovsky et al. 2017). Fan & Lee (2023) set policy gradient against this way, which needs the
 * activations of all steps and whose gradient is a product of T' Jacobians.
 *
 * Of the forward pass either all activations are kept, in one graph a step, or only the states x_t: then each step's
 * forward pass is run again before its backward pass (Chen et al. 2016). Both give the same bits.
 */
#ifndef BEELINE_LEARNER_BACKPROP_CHAIN_H
#define BEELINE_LEARNER_BACKPROP_CHAIN_H

#include "diffusion/chain.h"
#include "network/network.h"

#include <stdbool.h>
#include <stdint.h>

/** A chain of one micro-batch that can be gone back through. */
typedef struct bl_backprop_chain {
  const bl_chain *chain; /**< borrowed */
  size_t micro_batch;
  size_t size;       /**< elements of a sample */
  int graph_count;   /**< T' where activations are kept, else 1 */
  bl_graph **graphs; /**< (graph_count) networks for training; owned, as what follows */
  float *states;     /**< (steps + 1, micro_batch, size) x_T' … x_0 of the latest forward pass */
  float *gradient;   /**< (parameters) of one step */
  float *work;
} bl_backprop_chain;

/** Build the graphs. Not collective. \param [out] unrolled  the caller's; bl_backprop_chain_destroy, also after a failure.
 * \param [in] compute  NULL: as by default. \param [in] chain  borrowed; without clipping; σ may be 0.
 * \param [in] keep_activations  of all steps, for about T' times the memory. */
bl_status bl_backprop_chain_create(bl_backprop_chain *unrolled, const bl_network_shape *shape, const bl_compute *compute,
                                   const bl_chain *chain, size_t micro_batch, bool keep_activations);
void bl_backprop_chain_destroy(bl_backprop_chain *unrolled);

/** Take θ. Not collective. \param [in] values (parameters), borrowed during the call. */
bl_status bl_backprop_chain_load(bl_backprop_chain *unrolled, const float *values);

/** Roll out one micro-batch, with the draws of bl_sampler_rollout. Not collective. \param [out] origin (micro_batch, size)
 * x_0. */
bl_status bl_backprop_chain_forward(float *origin, bl_backprop_chain *unrolled, uint64_t seed, uint32_t round,
                                    uint32_t first_sample);

/** Gradient of Σ d_origin · x_0 for the latest forward pass, once. Not collective. \param [out] d_parameters (parameters),
 * overwritten. \param [in] d_origin (micro_batch, size), borrowed. */
bl_status bl_backprop_chain_backward(float *d_parameters, bl_backprop_chain *unrolled, const float *d_origin);

/** Bytes of activations, gradients and scratch that the graphs planned. Not collective. */
size_t bl_backprop_chain_memory(const bl_backprop_chain *unrolled);

/** The gradient that a generator step descends: that of the mean of f over a micro-batch by x_0. Not collective.
 * \param [out] d_origin (micro_batch, size). \param [out] mean  of f. \param [in] critic  loaded, for training, of that
 * micro-batch. \param [in,out] work (2 × micro_batch) scratch. */
bl_status bl_backprop_chain_slope(float *d_origin, double *mean, bl_graph *critic, const float *origin, size_t micro_batch,
                                  float *work);

#endif
