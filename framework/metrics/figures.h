/** \file
 * Figures on features beside FID, where the configuration asks for them: the kernel distance, precision and recall with
 * density and coverage, the score of classes. */
#ifndef BEELINE_METRICS_FIGURES_H
#define BEELINE_METRICS_FIGURES_H

#include "base/options.h"
#include "metrics/feature_set.h"
#include "metrics/features.h"

enum { BL_FIGURES_MAX = 8, BL_FIGURE_NOTE = 256 };

/** A figure of a table. Texts but the note are constants. */
typedef struct bl_figure {
  const char *variable;  /**< in netCDF */
  const char *long_name; /**< in netCDF */
  const char *label;     /**< in tables */
  const char *units;
  double value;
  double factor;             /**< tables show the value times this */
  char note[BL_FIGURE_NOTE]; /**< what it was measured on */
} bl_figure;

/** Append a figure of value 0 and without a note, whose long name is its label and whose factor is 1, to \a figures, of
 * which there are *\a count. Not collective. */
bl_figure *bl_figures_add(bl_figure figures[BL_FIGURES_MAX], int *count, const char *variable, const char *label,
                          const char *units);

/** Whether options->metrics asks for any; for such as compare samples with real images. Not collective. */
bool bl_figures_wanted(const bl_options *options);
bool bl_figures_compare(const bl_options *options);

/** Append what is asked for to \a figures, of which there are *\a count. Collective over \a comm. \param [in] samples, real
 * features of the first metrics.subset images of each kind; \a real is not used unless bl_figures_compare. */
bl_status bl_figures_measure(bl_figure figures[BL_FIGURES_MAX], int *count, const bl_options *options,
                             const bl_features *features, const bl_feature_set *samples, const bl_feature_set *real,
                             MPI_Comm comm);

#endif
