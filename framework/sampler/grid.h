/** \file
 * Which of the model's steps a short chain visits. */
#ifndef BEELINE_SAMPLER_GRID_H
#define BEELINE_SAMPLER_GRID_H

/** Steps of a chain among those of the model. */
typedef enum bl_grid {
  BL_GRID_FULL,   /**< all: count = total */
  BL_GRID_LINEAR, /**< ⌊i (total − 1) / (count − 1)⌋ */
  BL_GRID_EVEN, /**< ⌊(i + 1) total / count⌋ − 1: ends at total − 1, and half as many steps are every second one of them */
  BL_GRID_QUADRATIC /**< ⌊(i / (count − 1))² 0.8 total⌋ (Song et al. 2021, appendix D.2) */
} bl_grid;

/** The 0-based steps of a grid, rising. Not collective.
 * Computed in integers, so that no rounding moves a step. Where squares of a large count would name one step twice, the
 * next one is taken; a single step is the last, total − 1. \param [out] steps (count), caller's. \param [in] count  at most
 * total. */
void bl_grid_steps(int *steps, bl_grid grid, int count, int total);

/** Step \a i of a grid. Not collective. For BL_GRID_EVEN \a i may be −1, which gives −1. */
int bl_grid_step(bl_grid grid, int i, int count, int total);

#endif
