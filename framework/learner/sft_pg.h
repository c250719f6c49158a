/** \file
 * SFT-PG: shortcut fine-tuning with policy gradient (Fan & Lee 2023, algorithm 1), for one micro-batch at a time.
 *
 * A critic f is trained to be high on generated and low on real samples: its value is the cost at the end of a chain.
 * V(x_t, t) predicts that cost and serves as the baseline of the policy gradient and, in SFT-PG (B), as the regulariser of
 * f: the target f(x_0) of V is not detached. Steps of the chain are numbered i = 0 (noisiest) … T' − 1, and V is told i.
 * Everything here is local to a rank; roles/ sends the results round.
 */
#ifndef BEELINE_LEARNER_SFT_PG_H
#define BEELINE_LEARNER_SFT_PG_H

#include "base/options.h"
#include "diffusion/chain.h"
#include "engine/graph.h"

#include <stdbool.h>
#include <stdint.h>

/** What keeps the critic smooth. */
typedef enum bl_regulariser {
  BL_REGULARISER_NONE,
  BL_REGULARISER_BASELINE, /**< SFT-PG (B): λ Σ_t E (V(x_t, t) − f(x_0))² is minimised over f as well */
  BL_REGULARISER_PENALTY /**< gradient penalty λ E (‖∇f‖ − 1)² between real and generated (Gulrajani et al. 2017) */
} bl_regulariser;

/** Settings of the method and the sizes that all its arrays follow. */
typedef struct bl_sft_pg {
  size_t micro_batch;
  size_t size;       /**< elements of a sample */
  int steps;         /**< T' */
  int n_critic;      /**< critic steps per round */
  int n_generator;   /**< policy steps per round */
  int critic_epochs; /**< passes of the critic over the trajectories of a round */
  int warm_up;       /**< first rounds without policy steps */
  bool mean;         /**< log-densities are means over elements (else sums) */
  bool baseline;     /**< advantage f − V (else f) */
  bool predicted;    /**< the baseline is a line in f(x̂_0) instead of V (learner/baseline.h) */
  double trace;      /**< λ of the advantage */
  bool even; /**< advantages are scaled by σ_i / |∂μ_i/∂ε|, which makes the gradients of all steps equally noisy */
  bool balanced;  /**< and by the inverse spread of their step's advantages */
  int last_step;  /**< transitions of steps 0 … last_step − 1 are drawn: T', or T' − 1 without the final step */
  bool normalise; /**< divide advantages by their standard deviation in the round */
  bl_regulariser regulariser;
  double weight;                          /**< λ */
  double spectral_weight, spectral_bound; /**< of bl_lipschitz_penalty; weight 0: none */
  bool monitor_critic, monitor_policy;    /**< what the report of a round tells beyond losses */
  bool backprop;         /**< learner backprop_chain: the policy improves by back-propagation through its chain instead */
  bool keep_activations; /**< backprop: of all steps, instead of running each step again */
  bool without_value;    /**< backprop without the baseline as regulariser: there is no V */
  uint64_t seed;
} bl_sft_pg;

/** Read the settings. Not collective. Returns BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_sft_pg_configure(bl_sft_pg *method, const bl_options *options, size_t sample_size, int steps);

/** Losses of one micro-batch, means over its samples. */
typedef struct bl_sft_pg_losses {
  double real;      /**< E f(real) */
  double generated; /**< E f(generated); the estimate of the IPM is generated − real */
  double value;     /**< mean over steps of E (V − f)² */
  double penalty;   /**< E (‖∇f‖ − 1)², 0 without the gradient penalty */
} bl_sft_pg_losses;

/** Floats of scratch that bl_sft_pg_critic_gradient and bl_sft_pg_policy_gradient need. Not collective. */
size_t bl_sft_pg_work(const bl_sft_pg *method);

/** Gradients of  E f(real) − E f(generated) + λ R  for the critic, and of  λ Σ_t E (V − f)²  for V. Not collective.
 * \param [in] of_critic, of_value  take the gradients; that of the critic comes in two parts, to be added, with the
 * gradient penalty. \param [in] critic  loaded, for training, of micro-batch 2 × micro_batch. \param [in] value  likewise,
 * of micro-batch steps × micro_batch. \param [in] real (micro_batch, size). \param [in] trajectory (steps + 1, micro_batch,
 * size), x_T' … x_0. Borrowed. Without V, \a value is NULL and \a of_value not looked at. \param [in] round, first  address
 * of the penalty's draws: critic step and first sample. \param [in,out] work  caller's scratch. */
bl_status bl_sft_pg_critic_gradient(const bl_gradient_sink *of_critic, const bl_gradient_sink *of_value,
                                    bl_sft_pg_losses *losses, const bl_sft_pg *method, bl_graph *critic, bl_graph *value,
                                    const float *real, const float *trajectory, uint32_t round, uint32_t first,
                                    float *work);

/** The `round` of the draws (base/random.h) of batch \a batch of round \a round. Not collective. */
uint32_t bl_sft_pg_rollout(const bl_sft_pg *method, int64_t round, int batch);

/** Transitions that one slot gives to `improve` in a round: n_generator × micro_batch. Not collective. */
size_t bl_sft_pg_draws(const bl_sft_pg *method);

/** One transition of a slot: which of the n_critic batches, which step, which sample of the micro-batch. */
typedef struct bl_transition {
  int batch;
  int step;
  int sample;
} bl_transition;

/** The transitions that `improve` learns from, for one slot. Not collective; the same on every rank.
 *
 * Slot m consists of micro-batch m of each of the n_critic batches of a round, which one generator rolled out; policy
 * step u learns from transitions [u · micro_batch, (u + 1) · micro_batch) of a random order of them. With one slot that
 * is the public code's shuffling of the whole buffer; with more, each contributes equally to every step, and no image has
 * to move. \param [out] transitions (n_generator × micro_batch), caller's. \param [in,out] order (n_critic × steps ×
 * micro_batch) scratch. */
void bl_sft_pg_draw(bl_transition *transitions, uint32_t *order, const bl_sft_pg *method, uint32_t round, uint32_t slot);

/** Advantages of all steps of the trajectories of one micro-batch: generalised advantage estimation (Schulman et al. 2016)
 * with no cost but f(x_0) at the end, A_i = Σ_k λ^k δ_{i+k}, δ_i = V(x_{i+1}) − V(x_i), V(x_T') = f(x_0); λ = 1 gives the
 * paper's f(x_0) − V(x_t, t). Without a baseline f(x_0) itself. Not collective. \param [out] advantages (steps,
 * micro_batch). \param [in] cost (micro_batch) f(x_0). \param [in] value (steps, micro_batch), borrowed; may be NULL
 * without a baseline. */
void bl_sft_pg_advantages(float *advantages, const bl_sft_pg *method, const float *cost, const float *value);

/** Weight of a transition of step \a step beside its advantage (method->even). Not collective. */
double bl_sft_pg_step_weight(const bl_sft_pg *method, const bl_chain *chain, int step);

/** Gradient of  mean over the micro-batch of A · log p_θ(x_{t−1} | x_t)  (the public code's loss; theorem 4.2 of the
 * paper). Not collective. \param [in] sink  takes the gradient by θ; NULL: only the loss. \param [out] loss  the mean
 * itself. \param [in] policy  ε network, loaded, for training, of micro-batch micro_batch. \param [in] state, next
 * (micro_batch, size). \param [in] step (micro_batch) \param [in] advantage (micro_batch). Borrowed. */
bl_status bl_sft_pg_policy_gradient(const bl_gradient_sink *sink, double *loss, const bl_sft_pg *method, bl_graph *policy,
                                    const bl_chain *chain, const float *state, const float *next, const int *step,
                                    const double *advantage, float *work);

#endif
