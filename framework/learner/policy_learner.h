/** \file
 * Ways to fine-tune the policy, a chain of few steps: one row each, and roles/ runs every row alike.
 *
 * In each round, n_critic batches of trajectories are collected with the parameters θ_k, the judge learns from them and
 * judges them, and n_generator policy steps follow. A row says what judges (learner/judge.h), what a policy step learns
 * from, and what the loss of one micro-batch and its gradient are. To add one: a new file with a row, and its name in
 * policy_learner.c.
 */
#ifndef BEELINE_LEARNER_POLICY_LEARNER_H
#define BEELINE_LEARNER_POLICY_LEARNER_H

#include "base/options.h"
#include "diffusion/chain.h"
#include "diffusion/condition.h"
#include "engine/graph.h"
#include "learner/advantage.h"
#include "learner/judge.h"
#include "learner/transition.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bl_policy_learner bl_policy_learner;

/** What keeps a critic smooth. */
typedef enum bl_regulariser {
  BL_REGULARISER_NONE,
  BL_REGULARISER_BASELINE, /**< SFT-PG (B): λ Σ_t E (V(x_t, t) − f(x_0))² is minimised over f as well */
  BL_REGULARISER_PENALTY /**< gradient penalty λ E (‖∇f‖ − 1)² between real and generated (Gulrajani et al. 2017) */
} bl_regulariser;

/** A learner with its settings, and the sizes that all its arrays follow. */
struct bl_policy_method {
  const bl_policy_learner *learner;
  size_t micro_batch;
  size_t size;       /**< elements of a sample */
  int steps;         /**< T' */
  int n_critic;      /**< batches of trajectories, and learning steps of the judge, a round */
  int n_generator;   /**< policy steps a round */
  int critic_epochs; /**< passes of the judge over the trajectories of a round */
  int warm_up;       /**< first rounds without policy steps */
  int last_step;     /**< transitions of steps 0 … last_step − 1 are drawn: T', or T' − 1 without the final step */
  bool mean;         /**< log-densities are means over elements (else sums) */
  bl_advantage advantage;
  bl_regulariser regulariser;
  double weight;                      /**< its λ */
  bool has_value;                     /**< whether there is a V */
  bool keep_activations;              /**< chains: of all steps, instead of running each step again */
  bool monitor_judge, monitor_policy; /**< what the report of a round tells beyond losses */
  uint64_t seed;
};

/** What a policy step learns from. */
typedef enum bl_experience {
  BL_EXPERIENCE_TRANSITIONS, /**< transitions of the round's trajectories, with their advantages */
  BL_EXPERIENCE_CHAINS       /**< whole chains, rolled out anew for each policy step and gone back through */
} bl_experience;

/** A row. */
struct bl_policy_learner {
  const char *name;
  const bl_judge_kind *judge;
  bl_experience experience;
  bool needs_density;     /**< of the chain's steps: σ > 0 */
  bool needs_log_density; /**< of the transitions, under the policy that rolled them out */
  bool needs_reference;   /**< what the network answered before fine-tuning, at the transitions */

  /** Refuse what makes no sense for this learner, and settle what the common settings leave open. Not collective. Returns
   * BL_ERROR_USAGE by bl_options_reject. */
  bl_status (*configure)(bl_policy_method *method, const bl_options *options);

  /** Loss of one micro-batch of transitions and its gradient by θ. Not collective; NULL for chains, whose loss is the mean
   * cost. \param [in] sink  takes the gradient; NULL: only the loss. \param [in] policy  the network, loaded, for training,
   * of that micro-batch. \param [in,out] work (bl_policy_method_work) scratch. */
  bl_status (*gradient)(const bl_gradient_sink *sink, double *loss, const bl_policy_method *method, bl_graph *policy,
                        const bl_chain *chain, const bl_transition_batch *batch, float *work);
};

extern const bl_policy_learner bl_policy_learner_sft_pg;
extern const bl_policy_learner bl_policy_learner_backprop_chain;

/** The row that options->learner.name names. Not collective. Returns BL_ERROR_USAGE by bl_options_reject, with all names.
 */
bl_status bl_policy_learner_find(const bl_policy_learner **learner, const bl_options *options);

/** Read the settings of \a learner. Not collective. \param [in] sample_size  elements of a sample. \param [in] steps  T'.
 * Returns BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_policy_method_configure(bl_policy_method *method, const bl_policy_learner *learner, const bl_options *options,
                                     size_t sample_size, int steps);

/** Floats of scratch that the gradients of a micro-batch need, of the policy or of a judge. Not collective. */
size_t bl_policy_method_work(const bl_policy_method *method);

#endif
