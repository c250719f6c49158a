/** \file
 * What the roles work on, whatever the ranks, and what ties the objects of one rank together. */
#ifndef BEELINE_ROLES_PLAN_H
#define BEELINE_ROLES_PLAN_H

#include "diffusion/condition.h"
#include "learner/batches.h"
#include "learner/policy_learner.h"
#include "parallel/channel.h"
#include "parallel/world.h"
#include "roles/aggregator.h"
#include "roles/buffer.h"

enum { BL_NETWORKS = 1 + BL_JUDGE_NETWORKS };

/** A network that learns. */
typedef struct bl_ring_network {
  const char *part;  /**< its name in checkpoints: "model", "critic" */
  const char *title; /**< in messages */
  const bl_network_shape *shape;
  const bl_parameter_table *table; /**< of any graph of that shape */
  bl_optimiser_settings optimiser;
  double clip;    /**< largest norm of the gradient, 0: none */
  double average; /**< decay of the moving average, 0: none */
} bl_ring_network;

/** A run; all pointers are borrowed for the life of the objects that are made from it. */
typedef struct bl_ring_plan {
  bl_ring_network networks[BL_NETWORKS]; /**< θ first, then those of the judge */
  int network_count;
  const bl_judge_network *judge_networks;
  const bl_computation *computation; /**< NULL: as by default */
  const bl_policy_method *method;
  const bl_chain *chain;
  const bl_condition *condition; /**< of the samples by their numbers; NULL for none */
  bl_batches *data;              /**< real samples; NULL where the judge learns nothing */
  int slots;                     /**< micro-batches in a batch */
} bl_ring_plan;

/** What the objects of one rank share; borrowed by them. */
typedef struct bl_links {
  const bl_ring_plan *plan;
  const bl_world *world;
  const bl_buffer *buffer;
  bl_channel *trajectories;   /**< generators → critics */
  bl_channel *advantages;     /**< critics → generators */
  bl_aggregator *aggregators; /**< (plan->network_count) of the networks; empty on ranks that do not share one */
} bl_links;

#endif
