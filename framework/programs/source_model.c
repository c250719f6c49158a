#include "programs/source_model.h"

#include <string.h>

bl_status bl_source_model_check(const bl_options *options) {
  if (options->model.file[0] == '\0')
    return bl_options_reject(options, "model.file", "a model made by beeline pretrain or beeline finetune");
  return BL_OK;
}

bool bl_source_model_takes_average(const bl_options *options) {
  return strcmp(options->model.weights, "average") == 0;
}

bl_status bl_source_model_read(bl_model_header *header, bl_schedule *schedule, const bl_options *options, MPI_Comm comm) {
  BL_TRY(bl_options_blame(options, "model.file", bl_model_read_header_shared(header, options->model.file, comm)));
  if (header->head[0] != '\0')
    return bl_fail(BL_ERROR_INPUT,
                   "%s: holds a head (%s) of a diffusion model, expected the model: name it by sampler.head",
                   options->model.file, header->head);
  if (header->schedule[0] == '\0')
    return bl_fail(BL_ERROR_INPUT, "%s: holds a %s, expected a diffusion model", options->model.file,
                   bl_network_kind_name(header->shape.kind));
  return bl_schedule_create(schedule, header->schedule, header->diffusion_steps, header->beta_first, header->beta_last);
}

bl_status bl_source_model_limit_condition(const bl_model_header *header, const bl_options *options, int most) {
  if (header->shape.condition <= most)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT, "%s: takes a condition of %d labels a sample, expected %s", options->model.file,
                 header->shape.condition, most == 0 ? "a model without" : "one label at most");
}

bl_status bl_source_model_match(const bl_model_header *header, const bl_dataset *data, const bl_options *options) {
  const bl_network_shape *shape = &header->shape;
  if (shape->channels != data->channels || shape->height != data->height || shape->width != data->width)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: samples are %d × %d × %d, but %s was trained on %d × %d × %d (channels × height × width)",
                   options->data.file, data->channels, data->height, data->width, options->model.file, shape->channels,
                   shape->height, shape->width);
  return BL_OK;
}

bl_status bl_source_model_load(bl_graph *graph, const bl_options *options, const char *head, MPI_Comm comm) {
  return bl_model_load_shared(graph, options->model.file, bl_source_model_takes_average(options), head, comm);
}

bl_status bl_source_model_weights(float *values, const bl_parameter_table *table, const bl_options *options,
                                  MPI_Comm comm) {
  return bl_model_read_weights_shared(values, options->model.file, table, bl_source_model_takes_average(options), comm);
}
