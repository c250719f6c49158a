/** \file
 * The aggregator: sums the gradients of its workers exactly, clips, steps the optimiser, keeps the moving average,
 * publishes.
 *
 * For θ the workers are the generators and the owners are the aggregators; for the networks of the judge the critics are
 * both. Each owner holds a shard of the optimiser's state and of the moving average; every worker and owner holds all
 * parameters. One step is a sequence of
 *
 *     workers: bl_aggregator_add for each micro-batch   (local)
 *     all:     bl_aggregator_step                       (sum to the owners, step, publish)
 */
#ifndef BEELINE_ROLES_AGGREGATOR_H
#define BEELINE_ROLES_AGGREGATOR_H

#include "engine/graph.h"
#include "engine/parameters.h"
#include "learner/optimiser.h"
#include "parallel/exact_sum.h"
#include "parallel/statistics.h"
#include "parallel/world.h"

#include <stdbool.h>
#include <stdint.h>

enum { BL_AGGREGATOR_FIGURES = 8 };

/** Which ranks share a set of parameters. */
typedef struct bl_sharing {
  const bl_group *workers; /**< they add gradients; borrowed */
  const bl_group *owners;  /**< they step the optimiser; borrowed */
  MPI_Comm gradient_comm;  /**< channel workers → owners, over both; MPI_COMM_NULL on other ranks */
  MPI_Comm parameter_comm; /**< channel owners → workers, over the same ranks */
} bl_sharing;

/** A set of parameters that learns. */
typedef struct bl_aggregator {
  const char *name;                /**< of the network; borrowed */
  const bl_parameter_table *table; /**< borrowed */
  bl_sharing sharing;
  float *values;  /**< (table->count) on workers and owners; owned */
  float *average; /**< (shard) moving average on owners; NULL without one; owned */
  double average_decay;
  bl_optimiser_settings settings;
  bl_optimiser optimiser; /**< of the shard */
  double clip;            /**< largest norm of the gradient, 0: none */
  size_t first, count;    /**< the shard of this owner; empty elsewhere */
  size_t *starts;         /**< (owners + 1) where their shards begin; the last is the end */
  int *counts, *places;   /**< (ranks of the channels' communicators) shards by rank */
  bl_exact_sum *square;   /**< (1) for the norm */
  bl_exact_sum *sum;      /**< (table->count + figures): gradient, then figures; NULL while released */
  float *gradient;        /**< (count) the shard's sum, in the memory of `sum`, during a step */
  bl_timing waiting;      /**< for the last gradient of a step */
  bl_timing stepping;     /**< sums over ranks, the optimiser, publishing */
  double gradient_bytes;  /**< of gradients that this rank sent so far, as exact sums */
  double parameter_bytes; /**< of parameters of its shard that other ranks got so far */
  int failing;            /**< first tensor of the table that is not finite in a gradient of the step; −1: none */
  int *root;              /**< (owners) rank of each owner in the channels' communicators */
} bl_aggregator;

/** The sharing of θ (generators work, aggregators own) and of the critics' networks. Not collective. */
bl_sharing bl_sharing_policy(const bl_world *world);
bl_sharing bl_sharing_critics(const bl_world *world);

/** Start with zero parameters and moments. Collective over the sharing's ranks; others get an empty object.
 * \param [out] aggregator  the caller's; bl_aggregator_destroy.
 * \param [in] name  of the network, for messages; borrowed, as is \a table, for the object's life. */
bl_status bl_aggregator_create(bl_aggregator *aggregator, const bl_world *world, bl_sharing sharing, const char *name,
                               const bl_parameter_table *table, bl_optimiser_settings settings, double clip,
                               double average_decay);

/** Release what it owns. Not collective. */
void bl_aggregator_destroy(bl_aggregator *aggregator);

/** Release the memory of the sums until bl_aggregator_acquire, before which nothing may be added. Acquiring what is held
 * does nothing; it returns BL_ERROR_SYSTEM when memory is short. Not collective. */
void bl_aggregator_release(bl_aggregator *aggregator);
bl_status bl_aggregator_acquire(bl_aggregator *aggregator);

/** Whether this rank is a worker or an owner. Not collective. */
bool bl_aggregator_is_member(const bl_aggregator *aggregator);

/** Add to the gradient: elements [first, first + count) of that of one micro-batch. Not collective; workers only.
 * \param [in] gradient (count), borrowed. */
void bl_aggregator_add(bl_aggregator *aggregator, size_t first, size_t count, const float *gradient);

/** The same as a sink of bl_graph_backward_to. Not collective. \param [in] aggregator  borrowed for the sink's life. */
bl_gradient_sink bl_aggregator_sink(bl_aggregator *aggregator);

/** Add the figures of one micro-batch, to be averaged (losses). Not collective; workers only.
 * \param [in] figures (count ≤ BL_AGGREGATOR_FIGURES), borrowed. */
void bl_aggregator_add_figures(bl_aggregator *aggregator, const double *figures, int count);

/** What a step tells. */
typedef struct bl_step_report {
  double norm;                           /**< of the gradient before clipping */
  double figures[BL_AGGREGATOR_FIGURES]; /**< means over micro-batches */
} bl_step_report;

/** Sum over the workers, divide by \a terms (micro-batches in the whole batch), clip, step with \a rate, average, publish.
 * Collective over the sharing's ranks; a no-op elsewhere. Leaves the parameters as they are and returns BL_ERROR_NUMERIC on
 * all of its ranks when the gradient or a figure is not finite. \param [out] report  the same on every rank of the sharing.
 */
bl_status bl_aggregator_step(bl_aggregator *aggregator, bl_step_report *report, double rate, int terms);

/** Log the time of `learning` and of the aggregator's steps, and what moved, for learners that have one aggregator.
 * Collective over \a comm, the world's. */
bl_status bl_aggregator_account(const bl_aggregator *aggregator, const bl_timing *learning, MPI_Comm comm);

/** The arrays of a set of parameters, as a checkpoint holds them. */
typedef enum bl_aggregator_array {
  BL_AGGREGATOR_VALUES,
  BL_AGGREGATOR_AVERAGE, /**< moving average */
  BL_AGGREGATOR_FIRST,   /**< the optimiser's first and second moment */
  BL_AGGREGATOR_SECOND,
  BL_AGGREGATOR_ARRAYS /* how many */
} bl_aggregator_array;

/** Whether it has that array: the same answer on every rank. Not collective. */
bool bl_aggregator_has(const bl_aggregator *aggregator, bl_aggregator_array which);

/** Assemble one array that it has. Collective over the world. \param [out] whole (table->count), the caller's: on rank 0
 * and, where it is wanted \a everywhere, on all ranks; NULL on others. */
bl_status bl_aggregator_gather(float *whole, const bl_aggregator *aggregator, bl_aggregator_array which, bool everywhere,
                               const bl_world *world);

/** The parameters as they are now, on every rank: members hold them, and send them to others where there are any.
 * Collective over the world. \param [out] values (table->count) borrowed from the aggregator or from \a room. \param [out]
 * room (table->count), the caller's. */
bl_status bl_aggregator_values(const float **values, float *room, const bl_aggregator *aggregator, const bl_world *world);

/** Steps of the optimiser so far, on every rank. Collective over the world. */
bl_status bl_aggregator_steps(int64_t *steps, const bl_aggregator *aggregator, const bl_world *world);

/** Begin anew with these parameters: their average is they themselves, moments are zero, and they are the start that the
 * optimiser may decay towards. Every rank that shares them must be given the same. Not collective. \param [in] values
 * (table->count), copied. */
void bl_aggregator_set(bl_aggregator *aggregator, const float *values);

/** Only the start that the optimiser may decay towards, which no checkpoint holds: whoever goes on from one gives it again.
 * Not collective. \param [in] values (table->count), copied. */
void bl_aggregator_set_start(bl_aggregator *aggregator, const float *values);

/** Go on where a checkpoint ended: one of its arrays, as it was gathered, after \a steps steps of the optimiser. Not
 * collective. \param [in] whole (table->count), copied. */
void bl_aggregator_restore(bl_aggregator *aggregator, bl_aggregator_array which, const float *whole, int64_t steps);

#endif
