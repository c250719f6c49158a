#include "learner/rate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

bl_status bl_rate_create(bl_rate *rate, bl_optimiser_settings *settings, const bl_options *options,
                         const bl_options_optimiser *optimiser, const char *key) {
  const char *decay = optimiser->rate.decay;
  const bool adam = strcmp(optimiser->name, "adam") == 0;
  const bool linear = strcmp(decay, "linear") == 0;
  const bool cosine = strcmp(decay, "cosine") == 0;
  char path[96];
  snprintf(path, sizeof path, "%s.start_decay", key);
  if (!(optimiser->rate.first * optimiser->start_decay < 1))
    return bl_options_reject(options, path, "less than 1 / rate.first, or each step would overshoot");
  rate->first = optimiser->rate.first;
  rate->last = optimiser->rate.last;
  rate->decay = linear ? BL_DECAY_LINEAR : cosine ? BL_DECAY_COSINE : BL_DECAY_NONE;
  *settings = (bl_optimiser_settings){.kind = adam ? BL_OPTIMISER_ADAM : BL_OPTIMISER_RMSPROP,
                                      .beta1 = optimiser->beta1,
                                      .beta2 = optimiser->beta2,
                                      .epsilon = 1e-8,
                                      .weight_decay = optimiser->weight_decay,
                                      .start_decay = optimiser->start_decay};
  return BL_OK;
}

double bl_rate_at(const bl_rate *rate, int64_t round, int64_t rounds) {
  const double part = rounds > 1 ? (double)round / (double)(rounds - 1) : 0;
  switch (rate->decay) {
    case BL_DECAY_LINEAR:
      return rate->first + (rate->last - rate->first) * part;
    case BL_DECAY_COSINE:
      return rate->last + (rate->first - rate->last) * 0.5 * (1 + cos(pi * part));
    case BL_DECAY_NONE:
      break;
  }
  return rate->first;
}
