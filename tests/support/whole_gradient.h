/** \file
 * A sink for tests that want the gradient of all parameters at once. */
#ifndef BEELINE_TESTS_SUPPORT_WHOLE_GRADIENT_H
#define BEELINE_TESTS_SUPPORT_WHOLE_GRADIENT_H

#include "engine/graph.h"

static inline void whole_gradient_add(void *context, size_t first, size_t count, const float *gradient) {
  float *whole = context;
  for (size_t i = 0; i < count; i++)
    whole[first + i] += gradient[i];
}

/** Adds all that it takes to \a whole (parameters), which is borrowed. */
static inline bl_gradient_sink whole_gradient(float *whole) {
  return (bl_gradient_sink){whole_gradient_add, whole};
}

#endif
