/** \file
 * The diffusion model that a program starts from, as the section `model` names it. */
#ifndef BEELINE_PROGRAMS_SOURCE_MODEL_H
#define BEELINE_PROGRAMS_SOURCE_MODEL_H

#include "base/options.h"
#include "diffusion/schedule.h"
#include "store/dataset.h"
#include "store/model.h"

#include <mpi.h>
#include <stdbool.h>

/** What the configuration alone can tell of it: model.file is there. Not
 * collective. Returns BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_source_model_check(const bl_options *options);

/** Whether model.weights asks for the moving average. Not collective. */
bool bl_source_model_takes_average(const bl_options *options);

/** Read the header and make the schedule that it was trained for. Collective over \a comm. \param [out] schedule  caller's;
 * bl_schedule_destroy. Returns BL_ERROR_INPUT with the place of model.file for a file that holds no diffusion model. */
bl_status bl_source_model_read(bl_model_header *header, bl_schedule *schedule, const bl_options *options, MPI_Comm comm);

/** Refuse a model that takes a condition of more than \a most labels a sample. Not collective. Returns BL_ERROR_INPUT. */
bl_status bl_source_model_limit_condition(const bl_model_header *header, const bl_options *options, int most);

/** Refuse a model of other samples than those of \a data, the data set data.file. Not collective. Returns BL_ERROR_INPUT
 * with both shapes. */
bl_status bl_source_model_match(const bl_model_header *header, const bl_dataset *data, const bl_options *options);

/** Load the weights that model.weights asks for into \a graph, and those of \a head after them. Collective over \a comm.
 * \param [in] head  a file, or NULL. Returns the errors of bl_model_load_shared. */
bl_status bl_source_model_load(bl_graph *graph, const bl_options *options, const char *head, MPI_Comm comm);

/** The weights that model.weights asks for. Collective over \a comm. \param [out] values (table->count), caller's. */
bl_status bl_source_model_weights(float *values, const bl_parameter_table *table, const bl_options *options, MPI_Comm comm);

#endif
