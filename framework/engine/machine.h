/** \file
 * What this machine can do at best, measured: the yardsticks of a profile. */
#ifndef BEELINE_ENGINE_MACHINE_H
#define BEELINE_ENGINE_MACHINE_H

#include "base/status.h"

/** Speeds of this process with the threads that it has. */
typedef struct bl_machine {
  double flops; /**< operations per second of the back end's direct 3 × 3 convolution in single precision on shapes that
                   suit it */
  double bytes; /**< of memory, per second: a vector far beyond the caches becomes the sum of two others */
} bl_machine;

/** Measure both: the best of several tries, in a second or two. Not collective. */
bl_status bl_machine_measure(bl_machine *machine);

#endif
