/** \file
 * The table at the end of a fine-tuning, on the terminal and in summary.txt. Not collective. */
#ifndef BEELINE_REPORT_OUTCOME_H
#define BEELINE_REPORT_OUTCOME_H

#include "base/status.h"
#include "metrics/figures.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** What the table says. Texts are borrowed. */
typedef struct bl_outcome {
  const char *distance; /**< name of what was measured */
  const char *features; /**< that it was measured on; NULL where it needs none */
  double before, after; /**< distances of `samples` samples, 0 for none */
  double stored;        /**< distance of `stored_samples` samples of the model before by DDPM with all steps, 0 for none */
  size_t samples, stored_samples;
  int steps, all_steps; /**< network evaluations a sample */
  int64_t rounds, seed;
  const char *roles;
  int ranks;
  const bl_figure *figures[2]; /**< (figure_count), before and after */
  int figure_count;
  bool average; /**< of the parameters, else the last ones */
  double seconds;
} bl_outcome;

/** Print the table. */
void bl_outcome_print(FILE *file, const bl_outcome *outcome);

/** Write the table to the file \a path, whole or not at all. Returns the errors of bl_output_write. */
bl_status bl_outcome_write(const char *path, const bl_outcome *outcome);

/** Copy the table in the file \a path, if there is one, to standard output. */
void bl_outcome_show(const char *path);

#endif
