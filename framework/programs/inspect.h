/** \file
 * The parts of `beeline inspect`, one for each kind of file; each prints to standard output. Not collective. */
#ifndef BEELINE_PROGRAMS_INSPECT_H
#define BEELINE_PROGRAMS_INSPECT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/** Figures of a list of numbers (inspect_numbers.c). */
typedef struct bl_summary {
  size_t count;      /**< finite numbers */
  size_t not_finite; /**< NaN and infinities, which are left out of the rest */
  double least, most, sum, squares;
} bl_summary;

/** Add numbers to a summary that began as zero. */
void bl_summary_add(bl_summary *summary, const double *values, size_t count);

double bl_summary_mean(const bl_summary *summary);
double bl_summary_deviation(const bl_summary *summary);

/** inspect_numbers.c: the numbers of the open file's \a variable in group \a group. \param [out] values caller's; bl_free.
 */
bl_status bl_inspect_numbers(double **values, size_t *count, int group, int variable, const char *path);

/** inspect_dataset.c: counts, classes, mean and deviation. */
bl_status bl_inspect_dataset(const char *path);

/** inspect_model.c: the network, the diffusion, and each part with its figures. */
bl_status bl_inspect_model(int ncid, const char *path);

/** inspect_record.c: first, last, least and greatest value of each column. */
bl_status bl_inspect_record(int ncid, const char *path);

/** inspect_safetensors.c: the figures of each tensor, and the metadata. */
bl_status bl_inspect_safetensors(const char *path);

/** inspect_safetensors.c: the configurations in a folder of diffusers, then its file of weights. */
bl_status bl_inspect_folder(const char *path);

/** inspect_profile.c: the time of each layer of the model in micro-batches of \a batch samples, beside its roofline. */
bl_status bl_inspect_profile(const char *path, int batch);

#endif
