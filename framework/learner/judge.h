/** \file
 * What judges trajectories, on the ranks of the critics: it gives the end x_0 of each a cost, which a policy learner makes
 * smaller. A kind of judge is one row; it may learn networks of its own from the trajectories and from data.
 *
 *     create … learn, once for each micro-batch of a step: load … learn … (roles/ sums and steps) … release …
 *              judge, once a round: settle … cost, value … or, back through the policy: settle … slope
 *
 * The networks of a judge are a list, numbered 0 … count − 1; their parameters lie with roles/. Every kind has `networks`,
 * `create`, `destroy` and `cost`; one that learns networks has `graphs`, `load`, `learn`, `release`, `settle` and `tell`;
 * of the others, NULL is something that this kind does not do. Nothing is collective unless it says so.
 */
#ifndef BEELINE_LEARNER_JUDGE_H
#define BEELINE_LEARNER_JUDGE_H

#include "base/options.h"
#include "network/computation.h"
#include "store/record.h"

#include <mpi.h>

typedef struct bl_policy_method bl_policy_method; /* of learner/policy_learner.h */

enum { BL_JUDGE_NETWORKS = 3, BL_JUDGE_FIGURES = 8, BL_JUDGE_GRAPHS = 2 * BL_JUDGE_NETWORKS, BL_JUDGE_MONITORS = 16 };

/** A network that a judge learns. Texts are constants. */
typedef struct bl_judge_network {
  const char *part;  /**< its name in checkpoints: "critic" */
  const char *title; /**< in messages: "value network" */
  const char *key;   /**< of the configuration, to blame for its shape: "critic.widths" */
  bl_network_shape shape;
  const bl_options_optimiser *optimiser; /**< borrowed from the options */
  const char *optimiser_key;
  int figures; /**< how many numbers `learn` tells of it; at most BL_JUDGE_FIGURES */
} bl_judge_network;

/** What a judge is made from; borrowed for its life. */
typedef struct bl_judge_plan {
  const bl_policy_method *method;
  const bl_judge_network *networks; /**< (network_count) */
  int network_count;
  const bl_computation *computation; /**< NULL: as by default */
} bl_judge_plan;

/** What one micro-batch of a learning step is. Borrowed. */
typedef struct bl_judge_batch {
  const float *real;       /**< (micro_batch, size) of the data */
  const float *trajectory; /**< (steps + 1, micro_batch, size), x_T' … x_0 */
  uint32_t step, first;    /**< address of draws: the learning step, and the first sample */
} bl_judge_batch;

/** What a learning step told of one network. */
typedef struct bl_judge_step {
  double norm;                      /**< of the gradient before clipping */
  double figures[BL_JUDGE_FIGURES]; /**< means over the micro-batches */
} bl_judge_step;

/** A judge on one rank; each kind has a struct of its own with this one as first member. */
typedef struct bl_judge {
  bl_judge_plan plan;
} bl_judge;

/** A kind of judge. */
typedef struct bl_judge_kind {
  const char *name;

  /** The networks that it learns. \param [out] networks (BL_JUDGE_NETWORKS). \param [in] steps  T'. Returns how many. */
  int (*networks)(bl_judge_network *networks, const bl_policy_method *method, const bl_options *options, int channels,
                  int height, int width);
  /** The graphs that `create` builds, for bl_computation_settle. \param [out] graphs (BL_JUDGE_GRAPHS). \param [in] plan
   * with a computation. Returns how many.
   */
  int (*graphs)(bl_network_plan *graphs, const bl_judge_plan *plan);

  /** \param [out] judge  the caller's; `destroy`, also after a failure. */
  bl_status (*create)(bl_judge **judge, const bl_judge_plan *plan);
  void (*destroy)(bl_judge **judge);

  /** Learn. \param [in] values  parameters of each network. */
  bl_status (*load)(bl_judge *judge, const float *const *values);
  /** Gradients of one micro-batch. \param [in] sinks  one for each network. \param [out] figures  of each network. */
  bl_status (*learn)(bl_judge *judge, const bl_gradient_sink *sinks, double (*figures)[BL_JUDGE_FIGURES],
                     const bl_judge_batch *batch);
  /** Give back the memory that only learning needs, until the next `load`. */
  void (*release)(bl_judge *judge);

  /** Get ready to judge with these parameters. */
  bl_status (*settle)(bl_judge *judge, const float *const *values);
  /** \param [out] cost (micro_batch). \param [in] origin (micro_batch, size) x_0. \param [in] condition (micro_batch, size
   * of a condition) what the samples were asked to be; NULL where nothing was asked, here and below. */
  bl_status (*cost)(bl_judge *judge, float *cost, const float *origin, const float *condition);
  /** The baseline of the advantage. \param [out] value (steps, micro_batch) V(x_t, t). */
  bl_status (*value)(bl_judge *judge, float *value, const float *trajectory);
  /** Gradient of the mean cost by x_0. \param [out] slope (micro_batch, size). \param [out] mean  the mean itself. */
  bl_status (*slope)(bl_judge *judge, float *slope, double *mean, const float *origin, const float *condition);

  /* What is recorded of a round. */

  int column_count; /**< at most BL_JUDGE_FIGURES */
  const bl_record_column *columns;
  const char *const *labels; /**< (column_count) of the figures that the progress bar shows too; NULL for others */
  /** Add \a share times what \a steps (one for each network) told to \a row (column_count). */
  void (*tell)(double *row, const bl_judge_step *steps, double share);

  /** With monitor.critic: figures of the networks as they are after a round's learning. Collective over \a comm, the
   * critics'. \param [out] row (monitor_count). */
  bl_status (*monitor)(bl_judge *judge, double *row, const float *const *values, MPI_Comm comm);
  /** Their columns. \param [out] columns (BL_JUDGE_MONITORS) borrowing \a texts. Returns how many. */
  int (*monitor_columns)(bl_record_column *columns, char (*texts)[2][160], const bl_judge_plan *plan);
} bl_judge_kind;

/** The critic of SFT-PG: f, learned as an IPM between data and samples, and V (learner/judge_critic.c). */
extern const bl_judge_kind bl_judge_critic;

#endif
