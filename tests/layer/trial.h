/** \file
 * What the tests of layers and networks share: a graph with random operands, run forward and backward, and comparisons with
 * double precision. */
#ifndef BEELINE_NETWORK_TRIAL_H
#define BEELINE_NETWORK_TRIAL_H

#include "engine/node.h"

/** A compiled graph and arrays for all that goes in and out. */
typedef struct trial {
  bl_graph *graph;
  size_t batch, inputs, outputs, parameters; /* elements of x, of y, of the parameters */
  float *x, *time, *condition, *values, *y, *d_y, *d_x, *d_values;
} trial;

/** Uniform numbers in [-1, 1), different for each \a stream. */
void trial_random(float *values, size_t count, uint32_t stream);

/** Compile \a graph (which the trial owns then), draw x, parameters and d_y, and load. */
void trial_begin(trial *t, bl_graph *graph, bl_graph_mode mode);

/** The same for a graph that is compiled already. */
void trial_attach(trial *t, bl_graph *graph);

/** Forward, and in training backward with all gradients. */
void trial_run(trial *t);

/** Release all. */
void trial_release(trial *t);

/** Release all; nothing may be left allocated. */
void trial_end(trial *t);

/** Forward and backward step by step from an arena full of NaN. Whatever a step reads must still be what was written for
 * it: data of inputs, data and statistics kept for backward, gradients summed over readers. */
void trial_watch(trial *t);

/** Compare the gradients of the latest trial_run with central differences along one direction of length 1 to 2 in x, and in
 * each parameter: fail unless the error is below \a tolerance * |gradient|, besides rounding errors. */
void trial_differences(trial *t, double step, double tolerance);

/** Fail unless all |found - expected| <= tolerance * max |expected|. */
void trial_close(const char *what, const float *found, const double *expected, size_t count, double tolerance);

#endif
