/** \file
 * `roles: auto`: which split of the ranks is fastest, by what the pieces of a round cost.
 *
 * The result of a run does not depend on its split, so the choice may differ from machine to machine and from session to
 * session.
 */
#ifndef BEELINE_ROLES_AUTOMATIC_SPLIT_H
#define BEELINE_ROLES_AUTOMATIC_SPLIT_H

#include "parallel/world.h"
#include "roles/ring.h"

/** Seconds that the pieces of a round take on one rank. */
typedef struct bl_split_costs {
  double rollout;     /**< one micro-batch along the whole chain */
  double critic;      /**< gradients of f and V of one micro-batch */
  double critic_step; /**< optimiser steps of f and V, shared by the critics */
  double judge;       /**< advantages of one micro-batch */
  double policy;      /**< policy gradient of one micro-batch */
  double policy_step; /**< optimiser step of θ, shared by the aggregators */
} bl_split_costs;

/** How often a round needs each. */
typedef struct bl_split_counts {
  int slots; /**< micro-batches in a batch */
  int n_critic, critic_epochs, n_generator;
} bl_split_counts;

/** Measure the costs on rank 0, by rounds of one micro-batch with zero parameters, and tell them to all. Collective over \a
 * comm. Needs the memory of one more rank for a moment. */
bl_status bl_split_measure(bl_split_costs *costs, const bl_ring_plan *plan, MPI_Comm comm);

/** Predict the seconds of a round over \a ranks ranks, each of which does the work of its roles in the order of
 * bl_round_run and waits where that waits; messages cost nothing. A pure function; not collective. \a split must fit. */
bl_status bl_split_predict(double *seconds, bl_split split, int ranks, const bl_split_costs *costs,
                           const bl_split_counts *counts);

/** A split and the predicted seconds of its round. */
typedef struct bl_split_candidate {
  bl_split split;
  double seconds;
} bl_split_candidate;

enum { BL_SPLIT_CANDIDATES = 5 };

/** The best splits, the one to take first. Where none is faster by more than 3 %, that is the one in which every rank holds
 * all roles. A pure function; not collective. \param [out] best  the caller's. \param [out] count  how many there are. */
bl_status bl_split_choose(bl_split_candidate best[BL_SPLIT_CANDIDATES], int *count, int ranks, const bl_split_costs *costs,
                          const bl_split_counts *counts);

/** Say what was measured, what was predicted and what was chosen, as messages for people. Not collective. */
void bl_split_explain(const bl_split_candidate *best, int count, int ranks, const bl_split_costs *costs);

/** Measure, choose and explain, for the rounds of \a plan. On one rank there is nothing to choose; learners from chains
 * give all roles to all. Collective over \a comm; the same on all ranks. */
bl_status bl_split_automatic(bl_split *split, const bl_ring_plan *plan, MPI_Comm comm);

#endif
