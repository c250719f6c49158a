/** \file
 * A small classifier file and images for the tests of metrics. */
#ifndef BEELINE_SUPPORT_CLASSIFIER_H
#define BEELINE_SUPPORT_CLASSIFIER_H

#include "store/dataset.h"

enum { TEST_SIDE = 8, TEST_PIXELS = TEST_SIDE * TEST_SIDE, TEST_FEATURES = 12 };

/** Make a folder for files of this test on all ranks, and remove it with what it holds. Collective over the world. */
void test_folder_create(char *folder, size_t size);
void test_folder_remove(const char *folder);

/** A model file with random weights, written by rank 0; \a classifier false makes it a critic instead. Collective. */
void test_model_write(const char *path, bool classifier, uint64_t seed);

/** Grey images with noise, the same on every rank. \param [out] dataset caller's; bl_dataset_destroy. */
void test_images_create(bl_dataset *dataset, size_t count, uint32_t kind);

#endif
