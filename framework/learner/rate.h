/** \file
 * Learning rates that decay over a run, and optimisers as the configuration describes them. */
#ifndef BEELINE_LEARNER_RATE_H
#define BEELINE_LEARNER_RATE_H

#include "base/options.h"
#include "learner/optimiser.h"

/** A learning rate over the rounds of a run. */
typedef struct bl_rate {
  double first;
  double last;
  enum { BL_DECAY_NONE, BL_DECAY_LINEAR, BL_DECAY_COSINE } decay;
} bl_rate;

/** Read the rate and the optimiser that options hold under \a key ("learner.optimiser"). Not collective.
 * Returns BL_ERROR_USAGE by bl_options_reject for a start_decay with which steps would overshoot. */
bl_status bl_rate_create(bl_rate *rate, bl_optimiser_settings *settings, const bl_options *options,
                         const bl_options_optimiser *optimiser, const char *key);

/** The rate in \a round of \a rounds (0-based): `first` in round 0, `last` in the last one, on a line or half a cosine. Not
 * collective. */
double bl_rate_at(const bl_rate *rate, int64_t round, int64_t rounds);

#endif
