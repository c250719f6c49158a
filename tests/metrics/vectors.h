/** \file
 * Sets of random feature vectors for the tests of metrics on pairs. */
#ifndef BEELINE_TESTS_METRICS_VECTORS_H
#define BEELINE_TESTS_METRICS_VECTORS_H

#include "metrics/feature_set.h"

#include <stdint.h>

/** \a count vectors of \a size normal numbers, moved by \a shift; the same on every rank. \param [out] whole (count, size),
 * caller's; bl_free. */
void test_vectors(float **whole, int size, size_t count, uint32_t number, float shift);

/** The set of them over \a comm. \param [out] set  bl_feature_set_destroy. */
void test_feature_set(bl_feature_set *set, const float *whole, int size, size_t count, MPI_Comm comm);

#endif
