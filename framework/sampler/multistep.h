/** \file
 * What the multistep solvers share: one evaluation a step, and lower orders at both ends. */
#ifndef BEELINE_SAMPLER_MULTISTEP_H
#define BEELINE_SAMPLER_MULTISTEP_H

#include "sampler/grid.h"

enum { BL_MULTISTEP_ORDER = 3 };

/** Order of the step into level \a k of options->sampler.steps: at the beginning no more than there are evaluations; at the
 * end no more than there are steps left where the last steps are long in λ: in chains of fewer than 15 steps, and on all
 * grids but "log_snr" ("lower_order_final" of the public codes). Not collective. \param [in] k  1 … sampler.steps. */
int bl_multistep_order(const bl_options *options, int order, int k);

/** A chain of sampler.steps steps between as many levels and one more, without factors yet. Not collective.
 * \param [out] chain  caller's; bl_chain_destroy. \param [out] levels (sampler.steps + 1) the caller's; bl_free.
 * Returns BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_multistep_create(bl_chain *chain, bl_noise_level **levels, const bl_schedule *schedule,
                              const bl_options *options, int depth);

#endif
