/* `beeline import`: foreign files into one data set, or a foreign model into one of ours. */
#include "base/clock.h"
#include "base/log.h"
#include "base/print.h"
#include "diffusion/prediction.h"
#include "diffusion/schedule.h"
#include "programs/files.h"
#include "programs/output_name.h"
#include "programs/program.h"
#include "store/container.h"
#include "store/importer.h"
#include "store/model_format.h"
#include "store/output.h"

#include <inttypes.h>
#include <stdio.h>

static const char help[] =
    "usage: beeline import [FILE.yaml] [--set key=value]... [--output DATA.nc]\n"
    "\n"
    "Make a data set (netCDF) from files of another format, or draw the swiss roll; or a model from another program's.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  import.format      idx: MNIST's format, gzipped or not; cifar10: its binary version;\n"
    "                     folder: PNG or JPEG files, a sub-folder for each class; swiss_roll: points, drawn;\n"
    "                     of models: diffusers: a U-Net as its save_pretrained writes it; ddpm: a .safetensors file with\n"
    "                     the names of the public DDPM code\n"
    "  import.images      the file or folder to read\n"
    "  import.labels      idx: the file of labels\n"
    "  import.part        cifar10: train or test\n"
    "  import.resize      folder: side of the square images; a centred square is cut and scaled without aliasing\n"
    "  import.grey        folder: one channel (Rec. 601)\n"
    "  import.pad         put images into the middle of a black square of this side\n"
    "  import.maximum     highest value in the source, which becomes 255\n"
    "  import.limit       stop after so many samples; folder: as many of each class\n"
    "  import.model       diffusers: folder of a UNet2DModel or of its pipeline, or its file of weights; ddpm: the file\n"
    "  import.sample_size side of the images in pixels, where the model does not tell it\n"
    "  import.skip_bad    folder: leave out pictures that cannot be read; how many is printed and kept in the file\n"
    "\n"
    "A key that the format has no use for is refused. Pictures are turned as their EXIF orientation says; CMYK becomes\n"
    "RGB without colour profiles; transparent pixels are laid over grey 127. All pictures are tried before any is\n"
    "refused, and the first twenty bad ones are listed. Other formats (GIF, WebP, TIFF, HEIC) are bad pictures too.\n"
    "Class names are those of the sub-folders. beeline inspect DATA.nc shows what came out.\n"
    "\n"
    "A model's diffusion comes from its scheduler_config.json; from the section diffusion where there is none. What its\n"
    "config.json says of another network than Beeline has is refused by its key. PyTorch's own files (.bin, .ckpt, .pt)\n"
    "become safetensors by analysis/checkpoint_to_safetensors.py.\n"
    "\n"
    "Examples:\n"
    "  beeline import experiments/digits/import.yaml --output out/digits.nc\n"
    "  beeline import --set import.images=train-images-idx3-ubyte.gz \\\n"
    "    --set import.labels=train-labels-idx1-ubyte.gz --output fashion.nc\n"
    "  beeline import --set import.format=folder --set import.images=faces --set import.resize=64 --output faces.nc\n"
    "  beeline import --set import.format=diffusers --set import.model=ddpm-cifar10-32 --output model.nc\n";

/* On rank 0, with the output claimed. */
static bl_status work(const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  const double start = bl_clock_seconds();
  bl_dataset dataset;
  bl_provenance provenance;
  char command[4096], duration[32];
  BL_TRY(bl_import(&dataset, options));
  bl_provenance_describe(&provenance, command, sizeof command, options, invocation->argc, invocation->argv);
  const bl_status status = bl_dataset_write(&dataset, options->output, &provenance);
  if (status == BL_OK) {
    bl_clock_duration(duration, sizeof duration, bl_clock_seconds() - start);
    if (dataset.points != NULL)
      bl_print("%s: %zu points of %d dimensions", options->output, dataset.count, dataset.channels);
    else
      bl_print("%s: %zu image%s of %d x %d, %d channel%s", options->output, dataset.count, dataset.count == 1 ? "" : "s",
               dataset.height, dataset.width, dataset.channels, dataset.channels == 1 ? "" : "s");
    if (dataset.classes > 0)
      bl_print(", %d class%s", dataset.classes, dataset.classes == 1 ? "" : "es");
    if (dataset.skipped > 0)
      bl_print(", %zu picture%s left out", dataset.skipped, dataset.skipped == 1 ? "" : "s");
    bl_print(", in %s\n", duration);
  }
  bl_dataset_destroy(&dataset);
  return status;
}

/* What the folders below do not know: names of schedules and predictions. */
static bl_status check_process(const bl_foreign_model *model) {
  bl_schedule schedule;
  bl_prediction prediction;
  char reason[BL_MESSAGE_SIZE];
  const bl_model_header *header = &model->header;
  bl_status status =
      bl_schedule_create(&schedule, header->schedule, header->diffusion_steps, header->beta_first, header->beta_last);
  bl_schedule_destroy(&schedule);
  if (status == BL_OK)
    status = bl_prediction_parse(&prediction, header->prediction);
  if (status == BL_OK)
    return BL_OK;
  snprintf(reason, sizeof reason, "%s", bl_status_message());
  bl_status_clear();
  return bl_fail(BL_ERROR_INPUT, "%s: %s", model->weights, reason);
}

static bl_status write_model(const bl_foreign_model *model, const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  const bl_parameter_table *table = bl_graph_parameters(model->graph);
  const bl_model_part part = {.name = "model", .table = table, .values = model->values};
  const bl_network_shape *shape = &model->header.shape;
  bl_provenance provenance;
  char command[4096], inputs[64];
  uint32_t checksum;
  BL_TRY(check_process(model));
  BL_TRY(bl_container_checksum(&checksum, model->weights));
  bl_provenance_describe(&provenance, command, sizeof command, options, invocation->argc, invocation->argv);
  snprintf(inputs, sizeof inputs, "import.model %08" PRIx32, checksum);
  provenance.inputs = inputs;
  BL_TRY(bl_model_write(options->output, &model->header, &part, 1, &provenance));
  bl_print("%s: a U-Net for images of %d x %d, %d channel%s, %zu parameters; %s, %d steps, predicts %s\n", options->output,
           shape->height, shape->width, shape->channels, shape->channels == 1 ? "" : "s", table->count,
           model->header.schedule, model->header.diffusion_steps, model->header.prediction);
  return BL_OK;
}

static bl_status work_model(const bl_invocation *invocation) {
  bl_foreign_model model = {0};
  bl_status status = bl_import_check_keys(invocation->options);
  if (status == BL_OK)
    status = bl_model_import(&model, invocation->options);
  if (status == BL_OK)
    status = write_model(&model, invocation);
  bl_foreign_model_destroy(&model);
  return status;
}

static bl_status import(const bl_invocation *invocation) {
  static const char *const reads[] = {"import.", NULL};
  const bl_options *options = invocation->options;
  bl_lock *lock = NULL;
  int rank;
  MPI_Comm_rank(invocation->comm, &rank);
  /* One rank does it all; the others wait in main for its status. */
  if (rank != 0)
    return BL_OK;
  if (options->output[0] == '\0')
    return bl_options_reject(options, "output", "the file to write, for example --output digits.nc");
  const bool model = bl_model_format_is_known(options->import.format);
  BL_TRY(bl_output_name_check(options, model ? "a model" : "a data set", ""));
  bl_status status = bl_files_claim(&lock, invocation, reads, (const char *const[]){options->output}, 1);
  if (status == BL_OK)
    status = model ? work_model(invocation) : work(invocation);
  bl_lock_release(&lock);
  return status;
}

const bl_program bl_program_import = {
    .name = "import",
    .summary = "make a data set from IDX, CIFAR-10, PNG or JPEG files; a model from diffusers",
    .help = help,
    .run = import};
