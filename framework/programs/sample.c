#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/print.h"
#include "base/progress.h"
#include "parallel/agree.h"
#include "parallel/interrupt.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "programs/files.h"
#include "programs/identity.h"
#include "programs/model_sampler.h"
#include "programs/output_name.h"
#include "programs/program.h"
#include "store/container.h"
#include "store/dataset.h"
#include "store/output.h"
#include "store/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: [mpirun -n N] beeline sample FILE.yaml [--set key=value]... [--output FILE.nc] [--resume]\n"
    "\n"
    "Draw samples from a diffusion model into a data set, with a picture of the first ones next to it. The samples\n"
    "have the same bits on any number of ranks, and the first ones do not depend on how many are drawn.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  model.file            the model, made by beeline pretrain or beeline finetune\n"
    "  model.weights         its moving average, or its last weights\n"
    "  sampler.*             the sampler, its steps, and how many samples to draw (sampler.count)\n"
    "  sampler.moments       sampler \"analytic\": what beeline moments measured\n"
    "  sampler.head          samplers \"sn_ddpm\" and \"npr_ddpm\": a head that beeline moments trained\n"
    "  seed                  other seeds draw other samples\n"
    "  learner.micro_batch   samples computed at once\n"
    "  compute.*             algorithms of convolutions, bfloat16, threads\n"
    "\n"
    "Written: the output, a data set of 8-bit images or of points, and a PNG of the same name. Until all are drawn, those\n"
    "drawn so far stand in a file next to it (samples.part.nc for samples.nc); --resume goes on from it with the same "
    "bits.\n"
    "\n"
    "Examples:\n"
    "  mpirun -n 2 beeline sample experiments/digits/ddpm1000.yaml --output out/samples.nc\n"
    "  beeline sample --set model.file=out/digits/model.nc --set sampler.count=16 --output few.nc\n";

enum { PATH_LENGTH = 4096, PICTURE_SAMPLES = 100, PICTURE_SIDE = 480, IMAGE_SIDE = 48 };

/* Samples are drawn in pieces: of one micro-batch a rank at first, then of about so many seconds, and at most so many
 * samples. After a piece, what is there is stored, but never more than a twentieth of the time. */
static const double piece_seconds = 10;
enum { PIECE_SAMPLES = 4096 };

/* Everything that drawing needs. */
typedef struct drawing {
  const bl_invocation *invocation;
  const bl_options *options;
  MPI_Comm comm;
  int rank, ranks;
  bool resume;
  bl_lock *lock; /* of the output, as the following on rank 0 */
  bl_identity identity;
  char command[4096];
  bl_provenance provenance; /* borrows command */
  bl_model_sampler sampler;
  float *samples;            /* (pieces of `waves` micro-batches on every rank, at most; size) */
  size_t largest_piece;      /* micro-batches a rank that fit in there */
  double evaluations;        /* of the network, for each sample */
  double seconds;            /* of drawing, in this session */
  bool finished;             /* the output was complete already */
  size_t first, done;        /* samples that were there before this session, and now */
  bl_dataset dataset;        /* the samples as they are stored, (count) on rank 0 */
  char part[PATH_LENGTH];    /* file of the first samples, until all are drawn */
  char picture[PATH_LENGTH]; /* "" when there is none */
} drawing;

static void destroy(drawing *d) {
  bl_lock_release(&d->lock);
  bl_dataset_destroy(&d->dataset);
  bl_free(&d->samples);
  bl_model_sampler_destroy(&d->sampler);
}

/* Room for the samples as they are stored: 8-bit images, or points. */
static bl_status make_dataset(drawing *d) {
  const bl_network_shape *shape = &d->sampler.header.shape;
  const size_t count = (size_t)d->options->sampler.count, elements = count * bl_graph_input_size(d->sampler.graph);
  d->dataset = (bl_dataset){.count = count, .channels = shape->channels, .height = shape->height, .width = shape->width};
  if (shape->height == 1 && shape->width == 1)
    return bl_allocate(&d->dataset.points, elements, sizeof *d->dataset.points);
  return bl_allocate(&d->dataset.pixels, elements, sizeof *d->dataset.pixels);
}

/* "samples.nc" becomes "samples.png" with ".png". */
static void name_beside(char *path, size_t size, const char *output, const char *ending) {
  size_t length = strlen(output), stem = length > 3 && strcmp(output + length - 3, ".nc") == 0 ? length - 3 : length;
  snprintf(path, size, "%.*s%s", (int)stem, output, ending);
}

/* The output, on rank 0. */
static bl_status claim(drawing *d) {
  static const char *const reads[] = {"model.file", "sampler.", NULL};
  char picture[PATH_LENGTH];
  name_beside(picture, sizeof picture, d->options->output, ".png");
  BL_TRY(bl_files_claim(&d->lock, d->invocation, reads, (const char *const[]){d->options->output, d->part, picture}, 3));
  bl_identity_create(&d->identity, d->options, reads, false);
  d->provenance.inputs = d->identity.inputs;
  d->provenance.machine = d->identity.machine;
  return BL_OK;
}

/* The network. Choices by measuring are those of the samples drawn already. Collective. */
static bl_status load(drawing *d) {
  char *recorded = NULL;
  bl_status status = BL_OK;
  if (d->rank == 0 && d->resume && d->sampler.computation.algorithms && access(d->part, R_OK) == 0)
    status = bl_container_read_text(&recorded, d->part, "algorithms");
  status = bl_agree(status, d->comm);
  if (status == BL_OK)
    status = bl_model_sampler_load(&d->sampler, recorded);
  d->provenance.algorithms = bl_computation_text(&d->sampler.computation);
  bl_free(&recorded);
  return status;
}

/* Ranks beyond the micro-batches of all samples draw nothing: say so. */
static void tell_idle(const drawing *d) {
  const int batch = d->options->learner.micro_batch, micro_batches = (d->options->sampler.count + batch - 1) / batch;
  if (d->ranks > micro_batches)
    bl_warn(
        "%d of %d ranks have nothing to draw: sampler.count %d in micro-batches of %d is work for %d; start %d, or set a "
        "smaller learner.micro_batch",
        d->ranks - micro_batches, d->ranks, d->options->sampler.count, batch, micro_batches, micro_batches);
}

/* The model and the chain. Collective. */
static bl_status prepare(drawing *d) {
  const bl_options *options = d->options;
  if (options->output[0] == '\0')
    return bl_options_reject(options, "output", "a file to write, for example --output samples.nc");
  BL_TRY(bl_output_name_check(options, "a data set", "; its picture is written next to it, as .png"));
  BL_AGREE(d->rank == 0 ? claim(d) : BL_OK, d->comm);
  BL_TRY(bl_model_sampler_plan(&d->sampler, options, d->comm));
  BL_TRY(load(d));
  tell_idle(d);
  const size_t count = (size_t)options->sampler.count, wave = (size_t)options->learner.micro_batch * (size_t)d->ranks;
  const size_t piece = count < PIECE_SAMPLES ? count : PIECE_SAMPLES;
  d->largest_piece = (piece + wave - 1) / wave;
  bl_status status =
      bl_allocate(&d->samples, d->largest_piece * wave * bl_graph_input_size(d->sampler.graph), sizeof *d->samples);
  if (status == BL_OK && d->rank == 0)
    status = make_dataset(d);
  return bl_agree(status, d->comm);
}

/* ---- Drawing in pieces -------------------------------------------------------------------------------------------------
 */

/* Rank 0: whether a file is of this configuration; refused where it is not, unless --overwrite is given. */
static bl_status check_ours(bool *ours, const drawing *d, const char *path) {
  const bl_status status = bl_identity_check(NULL, &d->identity, path);
  *ours = status == BL_OK;
  if (status != BL_ERROR_INPUT || !d->invocation->overwrite)
    return status;
  bl_warn("%s: replaced, as --overwrite asks", bl_status_message());
  bl_status_clear();
  return BL_OK;
}

/* Rank 0: the samples that an earlier session drew. */
static bl_status take_part(drawing *d) {
  bl_dataset part = {0};
  bool ours = false;
  if (d->resume && access(d->options->output, F_OK) == 0) {
    BL_TRY(check_ours(&ours, d, d->options->output));
    d->finished = ours && access(d->part, F_OK) != 0;
    if (d->finished)
      return BL_OK;
  }
  if (access(d->part, F_OK) != 0 || (!d->resume && d->invocation->overwrite))
    return BL_OK;
  if (!d->resume)
    return bl_fail(BL_ERROR_USAGE,
                   "output: %s holds the samples of an unfinished run: go on with --resume, or choose another --output, or "
                   "replace them by --overwrite",
                   d->part);
  BL_TRY(check_ours(&ours, d, d->part));
  if (!ours)
    return BL_OK;
  BL_TRY(bl_dataset_read(&part, d->part));
  const size_t size = bl_dataset_sample_size(&d->dataset), batch = (size_t)d->options->learner.micro_batch;
  bl_status status = BL_OK;
  if (!part.pixels != !d->dataset.pixels || bl_dataset_sample_size(&part) != size || part.count > d->dataset.count ||
      part.count % batch != 0)
    status = bl_fail(BL_ERROR_INPUT, "%s: its %zu samples of %zu elements do not belong to this run; delete it", d->part,
                     part.count, bl_dataset_sample_size(&part));
  else if (part.pixels)
    memcpy(d->dataset.pixels, part.pixels, part.count * size);
  else
    memcpy(d->dataset.points, part.points, part.count * size * sizeof *part.points);
  if (status == BL_OK) {
    d->done = part.count;
    bl_identity_go_on(&d->identity, d->part, (int64_t)part.count);
    bl_log("going on after %zu samples of %s", part.count, d->part);
  }
  bl_dataset_destroy(&part);
  return status;
}

/* The same on all ranks. Collective. */
static bl_status resume(drawing *d) {
  BL_AGREE(d->rank == 0 ? take_part(d) : BL_OK, d->comm);
  unsigned long long state[2] = {d->done, d->finished};
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(state, 2, MPI_UNSIGNED_LONG_LONG, 0, d->comm), d->comm));
  d->first = d->done = (size_t)state[0];
  d->finished = state[1] != 0;
  return BL_OK;
}

/* Rank 0: a piece into the data set. */
static void store(drawing *d, size_t count) {
  const size_t size = bl_dataset_sample_size(&d->dataset);
  if (d->dataset.pixels)
    bl_dataset_quantise(d->dataset.pixels + d->done * size, d->samples, count * size);
  else
    memcpy(d->dataset.points + d->done * size, d->samples, count * size * sizeof *d->samples);
}

/* Rank 0: write what is there, so that nothing of it is lost. */
static bl_status write_part(drawing *d) {
  bl_dataset part = d->dataset;
  part.count = d->done;
  BL_TRY(bl_lock_check(d->lock));
  return bl_dataset_write(&part, d->part, &d->provenance);
}

/* Where a signal asks for an end while samples are left: keep those that are there. Collective. */
static bl_status stop_if_asked(drawing *d) {
  bool asked;
  BL_TRY(bl_interrupt_agree(&asked, d->comm));
  if (!asked || d->done == (size_t)d->options->sampler.count)
    return BL_OK;
  BL_AGREE(d->rank == 0 ? write_part(d) : BL_OK, d->comm);
  return bl_fail(BL_INTERRUPTED, "asked by a signal to stop, did so after %zu samples: go on with --resume", d->done);
}

/* Draw all that is left, and count what it took. Collective. */
static bl_status draw(drawing *d) {
  const bl_options *options = d->options;
  const size_t batch = (size_t)options->learner.micro_batch, count = (size_t)options->sampler.count;
  const size_t wave = batch * (size_t)d->ranks;
  const double start = bl_clock_seconds();
  double saved = -1, save_seconds = 0; /* -1: never */
  unsigned long long waves = 1;
  bl_progress *progress = NULL;
  bl_status status = d->rank == 0 ? bl_progress_start(&progress, "sample", (long)d->done, (long)count) : BL_OK;
  BL_GOTO(bl_agree(status, d->comm));
  while (d->done < count) {
    const double began = bl_clock_seconds();
    const size_t left = count - d->done, piece = waves * wave < left ? (size_t)waves * wave : left;
    BL_GOTO(bl_sampler_draw(d->samples, d->done, piece, d->sampler.graph, &d->sampler.chain, d->sampler.condition,
                            (uint64_t)options->seed, 0, batch, NULL, d->comm));
    if (d->rank == 0) {
      store(d, piece);
      d->done += piece;
      bl_progress_update(progress, (long)d->done, "%d steps each", d->sampler.chain.steps);
      const double now = bl_clock_seconds();
      if (d->done < count && (saved < 0 || (now - saved >= piece_seconds && now - saved >= 20 * save_seconds))) {
        status = write_part(d);
        saved = bl_clock_seconds();
        save_seconds = saved - now;
      }
      const double fitting = piece_seconds * (double)waves / fmax(now - began, 1e-6);
      waves = fitting < 2.0 * (double)waves ? (unsigned long long)fmax(fitting, 1) : 2 * waves;
      waves = waves < d->largest_piece ? waves : d->largest_piece;
    } else {
      d->done += piece;
    }
    BL_GOTO(bl_agree(status, d->comm));
    BL_GOTO(stop_if_asked(d));
    BL_GOTO(BL_MPI_SYNCHRONISED(MPI_Bcast(&waves, 1, MPI_UNSIGNED_LONG_LONG, 0, d->comm), d->comm));
  }
  d->seconds = bl_clock_seconds() - start;
  BL_GOTO(bl_model_sampler_evaluations(&d->evaluations, &d->sampler, count - d->first));
  d->provenance.evaluations = d->evaluations;
done:
  bl_progress_finish(&progress);
  return status;
}

/* ---- Results -----------------------------------------------------------------------------------------------------------
 */

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

/* On rank 0. */
static bl_status write_files(drawing *d) {
  bl_picture picture = {0};
  BL_TRY(bl_lock_check(d->lock));
  BL_TRY(bl_dataset_write(&d->dataset, d->options->output, &d->provenance));
  if (unlink(d->part) != 0 && access(d->part, F_OK) == 0)
    bl_log("%s is not needed any more, but cannot be removed", d->part);
  bool grey_or_colour = d->dataset.channels == 1 || d->dataset.channels == 3;
  if (d->dataset.pixels ? !grey_or_colour : d->dataset.channels != 2)
    return BL_OK;
  name_beside(d->picture, sizeof d->picture, d->options->output, ".png");
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
  bl_print("\n  %-10s %s: %zu ", "samples", options->output, samples->count);
  if (samples->pixels)
    bl_print("images of %d × %d × %d (channels, height, width)\n", samples->channels, samples->height, samples->width);
  else
    bl_print("points of %d coordinates\n", samples->channels);
  if (d->picture[0])
    bl_print("  %-10s %s\n", "picture", d->picture);
  bl_print("  %-10s %s, weights: %s\n", "model", options->model.file, options->model.weights);
  bl_print("  %-10s %s, grid %s, %d steps, seed %lld\n", "sampler", options->sampler.name, options->sampler.grid,
           options->sampler.steps, (long long)options->seed);
  bl_print("  %-10s %g network evaluations for each sample (counted)\n", "NFE", d->evaluations);
  const size_t drawn = samples->count - d->first;
  bl_print("  %-10s %s on %d rank%s, %.4g samples/s", "time", duration, d->ranks, d->ranks == 1 ? "" : "s",
           (double)drawn / fmax(d->seconds, 1e-9));
  if (d->first > 0)
    bl_print(" (the last %zu of them, in this session)", drawn);
  bl_print("\n\n");
}

static bl_status sample(const bl_invocation *invocation) {
  drawing d = {.invocation = invocation, .options = invocation->options, .comm = invocation->comm};
  bl_status status = BL_OK;
  BL_GOTO(BL_MPI(MPI_Comm_rank(d.comm, &d.rank)));
  BL_GOTO(BL_MPI(MPI_Comm_size(d.comm, &d.ranks)));
  bl_provenance_describe(&d.provenance, d.command, sizeof d.command, d.options, invocation->argc, invocation->argv);
  d.provenance.ranks = d.ranks;
  d.resume = invocation->resume;
  name_beside(d.part, sizeof d.part, d.options->output, ".part.nc");
  BL_GOTO(prepare(&d));
  BL_GOTO(resume(&d));
  if (d.finished) {
    bl_log("%s: these samples are drawn already", d.options->output);
    goto done;
  }
  BL_GOTO(draw(&d));
  BL_GOTO(bl_agree(d.rank == 0 ? write_files(&d) : BL_OK, d.comm));
  if (d.rank == 0)
    print_table(&d);
done:
  destroy(&d);
  return status;
}

const bl_program bl_program_sample = {
    .name = "sample", .summary = "draw samples from a diffusion model", .help = help, .resumes = true, .run = sample};
