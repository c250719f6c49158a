/** \file
 * Figures on features beside FID, where the configuration asks for them: the kernel distance, precision and recall with
 * density and coverage, the score of classes. */
#ifndef BEELINE_PROGRAMS_FIGURES_H
#define BEELINE_PROGRAMS_FIGURES_H

#include "base/options.h"
#include "metrics/features.h"

enum { BL_FIGURES_MAX = 8, BL_FIGURE_NOTE = 256 };

/** A figure of a table. Texts but the note are constants. */
typedef struct bl_figure {
  const char *variable; /**< in netCDF */
  const char *label;
  const char *units;
  double value;
  char note[BL_FIGURE_NOTE]; /**< what it was measured on */
} bl_figure;

/** Whether options->metrics asks for any. Not collective. */
bool bl_figures_wanted(const bl_options *options);

/** Append what is asked for to \a figures, of which there are *\a count. Features of the first metrics.subset images of
 * each kind are computed and kept meanwhile, dealt out over the ranks. Collective over \a comm. \param [in] real  not used
 * where only the score is wanted. */
bl_status bl_figures_measure(bl_figure figures[BL_FIGURES_MAX], int *count, const bl_options *options,
                             bl_features *features, const bl_images *samples, const bl_images *real, MPI_Comm comm);

#endif
