/** \file
 * Foreign formats into data sets: IDX (plain or gzipped), CIFAR-10 binary batches, folders of PNG or JPEG files with class
 * sub-folders, and the synthetic swiss roll. table in importer.c; one file each.
 *
 * - idx: `images` is a file of unsigned bytes (count, height, width), `labels` one of unsigned bytes (count) or "".
 * - cifar10: `images` is the folder of the binary version; `part` is train (data_batch_1.bin to 5), test (test_batch.bin)
 * or
 *   "" (all six). Class names come from batches.meta.txt where it is there.
 * - folder: each sub-folder of `images` is a class, in byte order of their names, which may be any of up to 255 bytes;
 *   without sub-folders there are no labels. Folders inside of classes are not looked into, with a warning. Files that end
 *   as pictures do (.png, .jpg, .jpeg, .jfif, but .gif, .webp, .tif, .heic and the like too) are tried, and their bytes
 *   decide; other files are skipped with a warning, hidden ones and what systems leave in folders (__MACOSX, Thumbs.db)
 *   without. All are tried before any is refused; the first twenty bad ones are warned of, one by one. `skip_bad` leaves
 *   them out and counts them (bl_dataset.skipped); pictures of another size are never left out. Pictures are turned as
 * their EXIF orientation says, inverted CMYK becomes RGB; both are said. Transparent pixels are laid over grey 127; grey
 *   pictures among colour ones become RGB. `resize` cuts the largest centred square and scales it with an
 *   antialiasing (triangle) filter; `limit` takes the same number of each class, as far as there are so many.
 * - swiss_roll: `count` points, t = 1.5 pi (1 + 2u), (t cos t, t sin t) plus noise in each coordinate, divided by 20.
 *
 * A key that a format has no use for is refused, unless it has its default. Labels that no sample has are warned of. */
#ifndef BEELINE_STORE_IMPORTER_H
#define BEELINE_STORE_IMPORTER_H

#include "base/options.h"
#include "store/dataset.h"

/** Read what options->import describes. Not collective. \param [out] dataset caller's; bl_dataset_destroy.
 * Returns BL_ERROR_USAGE (via bl_options_reject) or BL_ERROR_INPUT with file, byte offset, found and expected. */
bl_status bl_import(bl_dataset *dataset, const bl_options *options);

/** Refuse keys of the section that import.format has no use for, of data sets or of models (store/model_format.h). Not
 * collective. Returns BL_ERROR_USAGE via bl_options_reject. */
bl_status bl_import_check_keys(const bl_options *options);

#endif
