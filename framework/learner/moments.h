/** \file
 * Γ_t = E‖ε(x_t, t)‖² / d of a noise predictor, by Monte Carlo over the data (Bao et al. 2022, equation 8 and § 3.3). */
#ifndef BEELINE_LEARNER_MOMENTS_H
#define BEELINE_LEARNER_MOMENTS_H

#include "diffusion/schedule.h"
#include "sampler/sampler.h"
#include "store/dataset.h"
#include "store/moments.h"

#include <mpi.h>

/** Measure Γ at every step of \a schedule over \a count samples of \a data, in micro-batches that the ranks of \a comm
 * share; the same bits on any number of ranks. Collective over \a comm. Shows a progress bar titled \a title, unless that
 * is NULL. Sample k is the k-th of the shuffled data (beginning again where there are fewer); its noise at step t is (seed,
 * BL_PURPOSE_FORWARD_NOISE, round t − 1, sample k, step 1).
 * \param [out] moments  the caller's, on every rank; bl_moments_destroy. \param [in] batch  samples that \a predict takes.
 * Returns BL_ERROR_NUMERIC when a prediction is not finite. */
bl_status bl_moments_measure(bl_moments *moments, bl_predict *predict, void *model, const bl_schedule *schedule,
                             const bl_dataset *data, size_t count, size_t batch, uint64_t seed, const char *title,
                             MPI_Comm comm);

#endif
