#include "base/clock.h"
#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "programs/program.h"
#include "sampler/sampler.h"
#include "store/dataset.h"
#include "store/model.h"
#include "store/output.h"
#include "store/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: [mpirun -n N] beeline sample FILE.yaml [--set key=value]... [--output FILE.nc]\n"
    "\n"
    "Draw samples from a diffusion model into a data set, with a picture of the first ones next to it. The samples\n"
    "have the same bits on any number of ranks, and the first ones do not depend on how many are drawn.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  model.file            the model, made by beeline pretrain or beeline finetune\n"
    "  model.weights         its moving average, or its last weights\n"
    "  sampler.*             the sampler, its steps, and how many samples to draw (sampler.count)\n"
    "  seed                  other seeds draw other samples\n"
    "  learner.micro_batch   samples computed at once\n"
    "\n"
    "Written: the output, a data set of 8-bit images or of points, and a PNG of the same name.\n"
    "\n"
    "Examples:\n"
    "  mpirun -n 2 beeline sample experiments/digits/sample.yaml --output out/samples.nc\n"
    "  beeline sample --set model.file=out/digits/model.nc --set sampler.count=16 --output few.nc\n";

enum { PATH_LENGTH = 4096, PICTURE_SAMPLES = 100, PICTURE_SIDE = 480, IMAGE_SIDE = 48 };

/* Everything that drawing needs. */
typedef struct drawing {
  const bl_options *options;
  MPI_Comm comm;
  int rank, ranks;
  char command[4096];
  bl_provenance provenance; /* borrows command */
  bl_model_header header;
  bl_schedule schedule;
  bl_chain chain;
  bl_graph *graph;
  float *values;             /* weights */
  float *samples;            /* (count, size) */
  double evaluations;        /* of the network, for each sample */
  double seconds;            /* of drawing */
  bl_dataset dataset;        /* the samples as they are stored, on rank 0 */
  char picture[PATH_LENGTH]; /* "" when there is none */
} drawing;

static void destroy(drawing *d) {
  bl_dataset_destroy(&d->dataset);
  bl_free(&d->samples);
  bl_free(&d->values);
  bl_graph_destroy(&d->graph);
  bl_chain_destroy(&d->chain);
  bl_schedule_destroy(&d->schedule);
}

/* What the configuration alone can tell. */
static bl_status check(const bl_options *options) {
  if (options->model.file[0] == '\0')
    return bl_options_reject(options, "model.file", "a model made by beeline pretrain or beeline finetune");
  if (strcmp(options->model.weights, "average") != 0 && strcmp(options->model.weights, "last") != 0)
    return bl_options_reject(options, "model.weights", "average or last");
  if (options->output[0] == '\0')
    return bl_options_reject(options, "output", "a file to write, for example --output samples.nc");
  return BL_OK;
}

/* The model and the chain. Collective. */
static bl_status prepare(drawing *d) {
  const bl_options *options = d->options;
  BL_TRY(check(options));
  BL_AGREE(d->rank == 0 ? bl_output_check(options->output) : BL_OK, d->comm);
  BL_TRY(bl_options_blame(options, "model.file", bl_model_read_header_shared(&d->header, options->model.file, d->comm)));
  if (d->header.schedule[0] == '\0')
    return bl_fail(BL_ERROR_INPUT, "%s: holds a %s, expected a diffusion model", options->model.file,
                   bl_network_kind_name(d->header.shape.kind));
  BL_TRY(bl_schedule_create(&d->schedule, d->header.schedule, d->header.diffusion_steps, d->header.beta_first,
                            d->header.beta_last));
  BL_TRY(bl_sampler_plan(&d->chain, &d->schedule, options, false));
  BL_TRY(bl_sampler_check_network(&d->chain, &d->header.shape, options));
  bl_status status =
      bl_network_create(&d->graph, &d->header.shape, options->learner.micro_batch, BL_GRAPH_INFERENCE, false);
  if (status == BL_OK)
    status = bl_allocate(&d->values, bl_graph_parameters(d->graph)->count, sizeof *d->values);
  if (status == BL_OK)
    status = bl_allocate(&d->samples, (size_t)options->sampler.count * bl_graph_input_size(d->graph), sizeof *d->samples);
  BL_AGREE(status, d->comm);
  BL_TRY(bl_model_read_weights_shared(d->values, options->model.file, bl_graph_parameters(d->graph),
                                      strcmp(options->model.weights, "average") == 0, d->comm));
  return bl_agree(bl_graph_load(d->graph, d->values), d->comm);
}

/* Draw, and count what it took. Collective. */
static bl_status draw(drawing *d) {
  const bl_options *options = d->options;
  size_t batch = (size_t)options->learner.micro_batch, count = (size_t)options->sampler.count;
  double start = bl_clock_seconds();
  BL_TRY(bl_sampler_draw(d->samples, count, d->graph, &d->chain, (uint64_t)options->seed, 0, batch, "sample", d->comm));
  d->seconds = bl_clock_seconds() - start;
  unsigned long long evaluations = bl_graph_evaluations(d->graph);
  BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, &evaluations, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, d->comm)));
  d->evaluations = (double)evaluations / (double)((count + batch - 1) / batch * batch);
  return BL_OK;
}

/* The samples as a data set: 8-bit images, or points. */
static bl_status make_dataset(drawing *d) {
  const bl_network_shape *shape = &d->header.shape;
  size_t count = (size_t)d->options->sampler.count, elements = count * bl_graph_input_size(d->graph);
  d->dataset = (bl_dataset){.count = count, .channels = shape->channels, .height = shape->height, .width = shape->width};
  if (shape->height == 1 && shape->width == 1) {
    BL_TRY(bl_allocate(&d->dataset.points, elements, sizeof *d->dataset.points));
    memcpy(d->dataset.points, d->samples, elements * sizeof *d->samples);
    return BL_OK;
  }
  BL_TRY(bl_allocate(&d->dataset.pixels, elements, sizeof *d->dataset.pixels));
  bl_dataset_quantise(d->dataset.pixels, d->samples, elements);
  return BL_OK;
}

/* A grid of the first images, or all points of the plane. */
static bl_status make_picture(bl_picture *picture, const bl_dataset *samples) {
  if (samples->pixels) {
    size_t shown = samples->count < PICTURE_SAMPLES ? samples->count : PICTURE_SAMPLES;
    int side = samples->height > samples->width ? samples->height : samples->width;
    int zoom = side < IMAGE_SIDE ? IMAGE_SIDE / side : 1;
    return bl_picture_grid(picture, samples->pixels, shown, samples->channels, samples->height, samples->width,
                           (int)ceil(sqrt((double)shown)), zoom);
  }
  static const uint8_t colour[3] = {20, 60, 150};
  double limit = 1.0;
  for (size_t i = 0; i < 2 * samples->count; i++)
    limit = fmax(limit, fabs((double)samples->points[i]));
  BL_TRY(bl_picture_blank(picture, 3, PICTURE_SIDE, PICTURE_SIDE));
  bl_picture_scatter(picture, samples->points, samples->count, limit, colour);
  return BL_OK;
}

/* "samples.nc" becomes "samples.png". */
static void name_picture(char *path, size_t size, const char *output) {
  size_t length = strlen(output), stem = length > 3 && strcmp(output + length - 3, ".nc") == 0 ? length - 3 : length;
  snprintf(path, size, "%.*s.png", (int)stem, output);
}

/* On rank 0. */
static bl_status write_files(drawing *d) {
  bl_picture picture = {0};
  BL_TRY(make_dataset(d));
  BL_TRY(bl_dataset_write(&d->dataset, d->options->output, &d->provenance));
  bool grey_or_colour = d->dataset.channels == 1 || d->dataset.channels == 3;
  if (d->dataset.pixels ? !grey_or_colour : d->dataset.channels != 2)
    return BL_OK;
  name_picture(d->picture, sizeof d->picture, d->options->output);
  bl_status status = make_picture(&picture, &d->dataset);
  if (status == BL_OK)
    status = bl_picture_write(&picture, d->picture);
  bl_picture_destroy(&picture);
  return status;
}

static void print_table(const drawing *d) {
  const bl_options *options = d->options;
  const bl_dataset *samples = &d->dataset;
  char duration[32];
  bl_clock_duration(duration, sizeof duration, d->seconds);
  printf("\n  %-10s %s: %zu ", "samples", options->output, samples->count);
  if (samples->pixels)
    printf("images of %d × %d × %d (channels, height, width)\n", samples->channels, samples->height, samples->width);
  else
    printf("points of %d coordinates\n", samples->channels);
  if (d->picture[0])
    printf("  %-10s %s\n", "picture", d->picture);
  printf("  %-10s %s, weights: %s\n", "model", options->model.file, options->model.weights);
  printf("  %-10s %s, grid %s, %d steps, seed %lld\n", "sampler", options->sampler.name, options->sampler.grid,
         options->sampler.steps, (long long)options->seed);
  printf("  %-10s %g network evaluations for each sample (counted)\n", "NFE", d->evaluations);
  printf("  %-10s %s on %d rank%s, %.4g samples/s\n\n", "time", duration, d->ranks, d->ranks == 1 ? "" : "s",
         (double)samples->count / fmax(d->seconds, 1e-9));
}

static bl_status sample(const bl_invocation *invocation) {
  drawing d = {.options = invocation->options, .comm = invocation->comm};
  bl_status status = BL_OK;
  BL_GOTO(BL_MPI(MPI_Comm_rank(d.comm, &d.rank)));
  BL_GOTO(BL_MPI(MPI_Comm_size(d.comm, &d.ranks)));
  bl_provenance_describe(&d.provenance, d.command, sizeof d.command, d.options, invocation->argc, invocation->argv);
  d.provenance.ranks = d.ranks;
  BL_GOTO(prepare(&d));
  BL_GOTO(draw(&d));
  BL_GOTO(bl_agree(d.rank == 0 ? write_files(&d) : BL_OK, d.comm));
  if (d.rank == 0)
    print_table(&d);
done:
  destroy(&d);
  return status;
}

const bl_program bl_program_sample = {
    .name = "sample", .summary = "draw samples from a diffusion model", .help = help, .run = sample};
