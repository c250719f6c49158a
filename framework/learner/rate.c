#include "learner/rate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* Refuse `found` under key.field unless `good`. */
static bl_status require(bool good, const bl_options *options, const char *key, const char *field, const char *expected) {
  char path[96];
  if (good)
    return BL_OK;
  snprintf(path, sizeof path, "%s.%s", key, field);
  return bl_options_reject(options, path, "%s", expected);
}

bl_status bl_rate_create(bl_rate *rate, bl_optimiser_settings *settings, const bl_options *options,
                         const bl_options_optimiser *optimiser, const char *key) {
  const char *decay = optimiser->rate.decay;
  const bool adam = strcmp(optimiser->name, "adam") == 0;
  const bool linear = strcmp(decay, "linear") == 0;
  const bool cosine = strcmp(decay, "cosine") == 0;
  BL_TRY(require(adam || strcmp(optimiser->name, "rmsprop") == 0, options, key, "name", "adam or rmsprop"));
  BL_TRY(require(linear || cosine || strcmp(decay, "none") == 0, options, key, "rate.decay", "none, linear or cosine"));
  BL_TRY(require(optimiser->rate.first * optimiser->start_decay < 1, options, key, "start_decay",
                 "less than 1 / rate.first, or each step would overshoot"));
  rate->first = optimiser->rate.first;
  rate->last = optimiser->rate.last;
  rate->rise = optimiser->rate.rise;
  rate->decay = linear ? BL_DECAY_LINEAR : cosine ? BL_DECAY_COSINE : BL_DECAY_NONE;
  *settings = (bl_optimiser_settings){.kind = adam ? BL_OPTIMISER_ADAM : BL_OPTIMISER_RMSPROP,
                                      .beta1 = optimiser->beta1,
                                      .beta2 = optimiser->beta2,
                                      .epsilon = 1e-8,
                                      .weight_decay = optimiser->weight_decay,
                                      .start_decay = optimiser->start_decay};
  return BL_OK;
}

static double decayed(const bl_rate *rate, int64_t round, int64_t rounds) {
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

double bl_rate_at(const bl_rate *rate, int64_t round, int64_t rounds) {
  const double full = decayed(rate, round, rounds);
  return round + 1 < rate->rise ? full * (double)(round + 1) / (double)rate->rise : full;
}
