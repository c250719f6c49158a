/** \file
 * What the tests of networks against PyTorch share: fixtures that hold norms, products with a direction and every so many
 * numbers of results, at parameters and operands that follow from their names by a hash. */
#ifndef BEELINE_TESTS_NETWORK_FIXTURE_H
#define BEELINE_TESTS_NETWORK_FIXTURE_H

#include "layer/trial.h"

#include <stdio.h>

/** The file tests/network/WHAT_fixture.txt, read up to the line "network NAME …", of which the name is read. */
FILE *fixture_open(const char *what, const char *name);

size_t fixture_count(FILE *file);
double fixture_number(FILE *file);
void fixture_word(FILE *file, const char *expected);

/** A trial of a compiled \a graph with the parameters and operands of the scripts; the file is at "inputs outputs
 * tensors", times and results follow. */
void fixture_begin(trial *t, FILE *file, bl_graph *graph);

/** How far a network is from PyTorch, relatively: of y, of the gradient by x and by the worst parameter. */
typedef struct fixture_distance {
  double y, d_x, d_values;
  char worst[BL_PARAMETER_NAME];
} fixture_distance;

/** Compare y, d_x and the gradients by the next \a gradients parameters with what the file has next. */
fixture_distance fixture_compare(FILE *file, const trial *t, size_t gradients);

/** The gradients by the next \a count parameters of the file. */
void fixture_compare_gradients(fixture_distance *d, FILE *file, const trial *t, size_t count);

/** Norm, and product with the direction of the scripts. */
void fixture_summarise(double *norm, double *product, const float *values, size_t count);

/** Whether y is within 1e-5 and all gradients are within 1e-4. */
bool fixture_is_close(const fixture_distance *d);

#endif
