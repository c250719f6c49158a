/** \file
 * Images that count what is asked for, for the tests that metrics ask for each one once, and for few at a time. */
#ifndef BEELINE_SUPPORT_COUNTED_H
#define BEELINE_SUPPORT_COUNTED_H

#include "metrics/images.h"

#include <mpi.h>

enum { TEST_COUNTED_IMAGES = 1024 };

/** Images and what was asked for. */
typedef struct test_counted {
  bl_images images;               /**< at most TEST_COUNTED_IMAGES; borrows */
  int asked[TEST_COUNTED_IMAGES]; /**< how often each was */
  size_t most;                    /**< of them at once */
} test_counted;

/** \a images as they are, counted from now on by \a counted, which is the caller's and must stay where it is. Not
 * collective. */
bl_images test_counted_images(test_counted *counted, const bl_images *images);

/** The ranks of \a comm together have asked for each image once, and this one for at most \a most at a time; fails the test
 * otherwise. Collective over \a comm. */
void test_counted_once(test_counted *counted, size_t most, MPI_Comm comm);

#endif
