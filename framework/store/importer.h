/** \file
 * Foreign formats into data sets: IDX (plain or gzipped), CIFAR-10 binary batches, folders of PNG or JPEG files with class
 * sub-folders, and the synthetic swiss roll. table in importer.c; one file each. */
#ifndef BEELINE_STORE_IMPORTER_H
#define BEELINE_STORE_IMPORTER_H

#include "base/options.h"
#include "store/dataset.h"

/** Read what options->import describes. Not collective. \param [out] dataset caller's; bl_dataset_destroy.
 * Returns BL_ERROR_USAGE (via bl_options_reject) or BL_ERROR_INPUT with file, byte offset, found and expected. */
bl_status bl_import(bl_dataset *dataset, const bl_options *options);

#endif
