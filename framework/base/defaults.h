/** \file
 * The text of defaults.yaml, built into the program. The definition is made by the build. */
#ifndef BEELINE_BASE_DEFAULTS_H
#define BEELINE_BASE_DEFAULTS_H

extern const char bl_defaults[]; /**< YAML, ends with a zero byte */

#endif
