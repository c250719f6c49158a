/** \file
 * Foreign formats into data sets: IDX (plain or gzipped), CIFAR-10 binary batches, folders of PNG or JPEG files with class
 * sub-folders, and the synthetic swiss roll. table in importer.c; one file each.
 *
 * - idx: `images` is a file of unsigned bytes (count, height, width), `labels` one of unsigned bytes (count) or "".
 * - cifar10: `images` is the folder of the binary version; `part` is train (data_batch_1.bin to 5), test (test_batch.bin)
 * or
 *   "" (all six). Class names come from batches.meta.txt where it is there.
 * - folder: each sub-folder of `images` is a class, in byte order of their names; without sub-folders there are no labels.
 *   Files ending in .png, .jpg or .jpeg are read, others are skipped with a warning. Transparent pixels are laid over grey
 *   127; grey pictures among colour ones become RGB. `resize` cuts the largest centred square and scales it with an
 *   antialiasing (triangle) filter; `limit` takes the same number of each class, as far as there are so many.
 * - swiss_roll: `count` points, t = 1.5 pi (1 + 2u), (t cos t, t sin t) plus noise in each coordinate, divided by 20.
 */
#ifndef BEELINE_STORE_IMPORTER_H
#define BEELINE_STORE_IMPORTER_H

#include "base/options.h"
#include "store/dataset.h"

/** Read what options->import describes. Not collective. \param [out] dataset caller's; bl_dataset_destroy.
 * Returns BL_ERROR_USAGE (via bl_options_reject) or BL_ERROR_INPUT with file, byte offset, found and expected. */
bl_status bl_import(bl_dataset *dataset, const bl_options *options);

#endif
