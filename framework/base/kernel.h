/** \file
 * A mark for hot loops: BL_KERNEL before a function compiles it for AVX-512, AVX2 and the base instruction set, and the
 * program picks one when it starts. All three give the same bits, since contraction to fused multiply-add is off and sums
 * are kept in explicit partial accumulators. */
#ifndef BEELINE_BASE_KERNEL_H
#define BEELINE_BASE_KERNEL_H

#include "config.h"

#ifdef BL_TARGET_CLONES
#define BL_KERNEL __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BL_KERNEL
#endif

#endif
