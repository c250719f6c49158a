/** \file
 * Samplers by name: each file turns a schedule and settings into a chain; table.c lists them.
 * To add one: a new file with a row, and its name in table.c. */
#ifndef BEELINE_SAMPLER_SAMPLER_H
#define BEELINE_SAMPLER_SAMPLER_H

#include "base/options.h"
#include "diffusion/chain.h"
#include "diffusion/condition.h"
#include "diffusion/schedule.h"
#include "network/network.h"

#include <mpi.h>

#include <stdbool.h>
#include <stdint.h>

/** A row of the table. */
typedef struct bl_sampler {
  const char *name;
  bool has_log_density; /**< whether steps are Gaussian, so that fine-tuning can learn from them where σ > 0; final_sigma is
                           for these only */
  const char *noise_key; /**< the key to blame where such a step has no noise */
  bl_status (*plan)(bl_chain *chain, const bl_schedule *schedule,
                    const bl_options *options); /**< refuses by bl_options_reject */
} bl_sampler;

extern const bl_sampler bl_sampler_ddpm;
extern const bl_sampler bl_sampler_fastdpm;
extern const bl_sampler bl_sampler_ddim;
extern const bl_sampler bl_sampler_analytic;
extern const bl_sampler bl_sampler_sn_ddpm;
extern const bl_sampler bl_sampler_npr_ddpm;
extern const bl_sampler bl_sampler_dpm_solver;
extern const bl_sampler bl_sampler_dpm_solver_pp;
extern const bl_sampler bl_sampler_unipc;

/** The row named by options->sampler.name, planned for \a schedule. Not collective; but `analytic` reads a file on every
 * rank, so agree on the result.
 * sampler.final_sigma replaces σ of the last step of samplers with a log-density unless it is negative; the mean stays.
 * The chain has options->sampler.steps steps, each one evaluation of the network, which predicts ε; for another,
 * bl_chain_set_prediction.
 * \param [in] fine_tuning  refuse samplers without a log-density, σ = 0 at any step, and clipping.
 * \param [out] chain caller's; bl_chain_destroy. Returns BL_ERROR_USAGE by bl_options_reject, and
 * BL_ERROR_INPUT for the file of sampler.moments. */
bl_status bl_sampler_plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options, bool fine_tuning);

/** Refuse a chain with fractional times for a network that knows whole steps only (`mlp`). Not collective. Returns
 * BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_sampler_check_network(const bl_chain *chain, const bl_network_shape *shape, const bl_options *options);

/** What predicts (batch, size), as chain->prediction says, at states x (batch, size), times and conditions: a network, or
 * an exact score in tests. For a chain with a head: (batch, 2, size), the prediction and the head's answer. */
typedef bl_status bl_predict(void *model, float *output, const bl_graph_inputs *inputs);

/** The bl_predict of a network: \a graph is a bl_graph, loaded, of that micro-batch. Not collective. */
bl_status bl_sampler_predict(void *graph, float *output, const bl_graph_inputs *inputs);

/** Elements of the scratch that rolling out \a chain needs; 3 batches where it has no memory and no condition. Not
 * collective. */
size_t bl_sampler_work(const bl_chain *chain, const bl_condition *condition, size_t batch, size_t size);

/** Roll out one micro-batch from noise. Not collective.
 * Draws: x_T' of sample s is (seed, BL_PURPOSE_PRIOR, round, first_sample + s), noise of step i is (…,
 * BL_PURPOSE_TRANSITION, …, step i). The condition of sample s is that of its number. \param [in] condition  NULL for none.
 * \param [out] trajectory (steps + 1, batch, size) states x_T' … x_0, or NULL.  \param
 * [out] final (batch, size) x_0, or NULL. \param [in,out] work (bl_sampler_work) caller's scratch.
 * Returns BL_ERROR_NUMERIC when a sample is not finite, and what \a predict returns. */
bl_status bl_sampler_walk(float *trajectory, float *final, bl_predict *predict, void *model, const bl_chain *chain,
                          const bl_condition *condition, uint64_t seed, uint32_t round, uint32_t first_sample, size_t batch,
                          size_t size, float *work);

/** The same with a network. Not collective. \param [in] graph  network, loaded, of micro-batch `batch`. Returns
 * BL_ERROR_USAGE also where it takes another condition than the one that is given. */
bl_status bl_sampler_rollout(float *trajectory, float *final, bl_graph *graph, const bl_chain *chain,
                             const bl_condition *condition, uint64_t seed, uint32_t round, uint32_t first_sample,
                             size_t batch, float *work);

/** What a rollout predicted of x_0 before step \a step, x̂_0, from its trajectory and its noise,
 * which is drawn again. Not collective. For chains of Gaussian steps (no memory, head or clipping); where the mean does not
 * depend on the network, x itself. \param [out] origin (batch, size). \param [in] trajectory (steps + 1, batch, size) of
 * bl_sampler_walk with the same seed, round and first sample. */
void bl_sampler_origin(float *origin, const bl_chain *chain, int step, const float *trajectory, uint64_t seed,
                       uint32_t round, uint32_t first_sample, size_t batch, size_t size);

/** Draw samples \a first … \a first + \a count − 1 over the ranks of \a comm in micro-batches, gathered on every rank in
 * order; the same bits on any number of ranks, and in whatever parts they are drawn. Collective over \a comm. Shows a
 * progress bar titled \a title, unless that is NULL. \param [out] samples (count, size) network units; caller's.
 * \param [in] first  a multiple of \a batch. \param [in] condition  NULL for none. */
bl_status bl_sampler_draw(float *samples, size_t first, size_t count, bl_graph *graph, const bl_chain *chain,
                          const bl_condition *condition, uint64_t seed, uint32_t round, size_t batch, const char *title,
                          MPI_Comm comm);

#endif
