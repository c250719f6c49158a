/** \file
 * Which Beeline this is. The definitions are made by the build. */
#ifndef BEELINE_BASE_VERSION_H
#define BEELINE_BASE_VERSION_H

extern const char bl_version[]; /**< the release, such as "0.1.0" */
extern const char bl_commit[];  /**< the git commit, with "-dirty" after it when sources were changed; else "unknown" */

#endif
