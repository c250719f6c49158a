/** \file
 * Which Beeline this is. The definitions are made by the build. */
#ifndef BEELINE_BASE_VERSION_H
#define BEELINE_BASE_VERSION_H

/** The release whose headers these are, as in configure.ac; its parts are below 100. */
#define BL_VERSION_MAJOR 0
#define BL_VERSION_MINOR 1
#define BL_VERSION_PATCH 0

/** Whether these headers are of that release or of a later one: for `#if`. */
#define BL_VERSION_AT_LEAST(major, minor, patch) (BL_VERSION_NUMBER >= BL_VERSION_OF(major, minor, patch))
#define BL_VERSION_NUMBER                        BL_VERSION_OF(BL_VERSION_MAJOR, BL_VERSION_MINOR, BL_VERSION_PATCH)
#define BL_VERSION_OF(major, minor, patch)       ((major)*10000 + (minor)*100 + (patch))

/* Sizes are fixed, since a program keeps room for the variables of a shared library as large as they were when it was
 * linked. */
extern const char bl_version[32]; /**< the release of the library, such as "0.1.0" */
extern const char bl_commit[64];  /**< its git commit, with "-dirty" after it when sources were changed; else "unknown" */

#endif
