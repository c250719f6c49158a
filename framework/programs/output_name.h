/** \file
 * Names of files to write, checked before work starts. */
#ifndef BEELINE_PROGRAMS_OUTPUT_NAME_H
#define BEELINE_PROGRAMS_OUTPUT_NAME_H

#include "base/options.h"

/** Refuse an `output` whose name ends as another kind of file than netCDF does (few.png, all.npz): what it would hold is
 * not what it says. Not collective. \param [in] what  is written: "a data set". \param [in] beside  said after it, "" for
 * nothing. Returns BL_ERROR_USAGE, with the name to take instead. */
bl_status bl_output_name_check(const bl_options *options, const char *what, const char *beside);

/** The same for a file that is text where its name does not end with .nc: pictures and archives only are refused. Not
 * collective. */
bl_status bl_output_name_check_text(const bl_options *options, const char *what);

#endif
