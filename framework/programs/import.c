/* `beeline import`: foreign files into one data set. */
#include "base/clock.h"
#include "base/log.h"
#include "base/print.h"
#include "programs/files.h"
#include "programs/output_name.h"
#include "programs/program.h"
#include "store/importer.h"
#include "store/output.h"

#include <stdio.h>

static const char help[] =
    "usage: beeline import [FILE.yaml] [--set key=value]... [--output DATA.nc]\n"
    "\n"
    "Make a data set (netCDF) from files of another format, or draw the swiss roll.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  import.format      idx: MNIST's format, gzipped or not; cifar10: its binary version;\n"
    "                     folder: PNG or JPEG files, a sub-folder for each class; swiss_roll: points, drawn\n"
    "  import.images      the file or folder to read\n"
    "  import.labels      idx: the file of labels\n"
    "  import.part        cifar10: train or test\n"
    "  import.resize      folder: side of the square images; a centred square is cut and scaled without aliasing\n"
    "  import.grey        folder: one channel (Rec. 601)\n"
    "  import.pad         put images into the middle of a black square of this side\n"
    "  import.maximum     highest value in the source, which becomes 255\n"
    "  import.limit       stop after so many samples; folder: as many of each class\n"
    "  import.skip_bad    folder: leave out pictures that cannot be read; how many is printed and kept in the file\n"
    "\n"
    "A key that the format has no use for is refused. Pictures are turned as their EXIF orientation says; CMYK becomes\n"
    "RGB without colour profiles; transparent pixels are laid over grey 127. All pictures are tried before any is\n"
    "refused, and the first twenty bad ones are listed. Other formats (GIF, WebP, TIFF, HEIC) are bad pictures too.\n"
    "Class names are those of the sub-folders. beeline inspect DATA.nc shows what came out.\n"
    "\n"
    "Examples:\n"
    "  beeline import experiments/digits/import.yaml --output out/digits.nc\n"
    "  beeline import --set import.images=train-images-idx3-ubyte.gz \\\n"
    "    --set import.labels=train-labels-idx1-ubyte.gz --output fashion.nc\n"
    "  beeline import --set import.format=folder --set import.images=faces --set import.resize=64 --output faces.nc\n";

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
  BL_TRY(bl_output_name_check(options, "a data set", ""));
  bl_status status = bl_files_claim(&lock, invocation, reads, (const char *const[]){options->output}, 1);
  if (status == BL_OK)
    status = work(invocation);
  bl_lock_release(&lock);
  return status;
}

const bl_program bl_program_import = {
    .name = "import", .summary = "make a data set from IDX, CIFAR-10, PNG or JPEG files", .help = help, .run = import};
