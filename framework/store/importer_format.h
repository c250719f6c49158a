/** \file
 * The importers, one file each, for the table in importer.c. Each fills a data set that was zero before; the caller
 * destroys it on failure, too. Pixels come as they are in the source: importer.c scales and pads. */
#ifndef BEELINE_STORE_IMPORTER_FORMAT_H
#define BEELINE_STORE_IMPORTER_FORMAT_H

#include "store/importer.h"

/** idx.c. Not collective. Returns as bl_import. */
bl_status bl_import_idx(bl_dataset *dataset, const bl_options *options);

/** cifar10.c. Not collective. Returns as bl_import. */
bl_status bl_import_cifar10(bl_dataset *dataset, const bl_options *options);

/** folder.c. Not collective. Returns as bl_import. */
bl_status bl_import_folder(bl_dataset *dataset, const bl_options *options);

/** swiss_roll.c. Not collective. Returns as bl_import. */
bl_status bl_import_swiss_roll(bl_dataset *dataset, const bl_options *options);

#endif
