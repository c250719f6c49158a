/** \file
 * A mark for hot loops: BL_KERNEL before a function compiles it for several instruction sets, and the program picks one
 * when it starts: AVX-512, AVX2 and the least one on x86, SVE and the least one on Arm. All give the same bits, since
 * contraction to fused multiply-add is off and sums are kept in explicit partial accumulators. */
#ifndef BEELINE_BASE_KERNEL_H
#define BEELINE_BASE_KERNEL_H

#include "config.h"

#if defined BL_TARGET_CLONES && !defined BL_NO_CLONES
#define BL_KERNEL __attribute__((target_clones(BL_TARGET_CLONES)))
#else
#define BL_KERNEL
#endif

/** For a part of a kernel that must be compiled with it, for example with a size of its as a constant. */
#ifdef __GNUC__
#define BL_ALWAYS_INLINE __attribute__((always_inline)) inline
#else
#define BL_ALWAYS_INLINE inline
#endif

/** Before a loop whose iterations are independent although its arrays may be the same one (never shifted against each
 * other): lets compilers vectorise what may run in place. */
#if defined __clang__
#define BL_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined __GNUC__
#define BL_INDEPENDENT _Pragma("GCC ivdep")
#else
#define BL_INDEPENDENT
#endif

#endif
