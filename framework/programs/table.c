#include "table/table.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/print.h"
#include "base/progress.h"
#include "metrics/sample_stream.h"
#include "parallel/agree.h"
#include "parallel/interrupt.h"
#include "parallel/wait.h"
#include "programs/files.h"
#include "programs/finetune.h"
#include "programs/model_sampler.h"
#include "store/output.h"
#include "table/cell.h"
#include "table/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: [mpirun -n N] beeline table FILE.yaml [--set key=value]... [--output FOLDER]\n"
    "\n"
    "Compare methods at equal numbers of network evaluations: one row a method, over several seeds, all drawn from the\n"
    "same noise and measured by the same metrics on the same data. Rows that name a fine-tuning configuration are\n"
    "fine-tuned first. Every cell is stored as soon as it is done; the same command again computes only what is missing,\n"
    "or was made with another configuration or other files, on any number of ranks, with the same bits. Samples are\n"
    "measured as they are drawn, so that memory does not grow with the number of images.\n"
    "\n"
    "FILE.yaml is a table, not a configuration; paths in it are relative to its folder. Its keys:\n"
    "  title, output         a name for people; the folder to write into (relative to the working folder)\n"
    "  base, set             configuration file and settings (a list of KEY=VALUE, as --set) of all rows\n"
    "  columns               network evaluations a sample, such as [10, 8]: the key sampler.steps of each cell\n"
    "  seeds                 such as [1, 2, 3]\n"
    "  samples               a cell; the key sampler.count\n"
    "  metrics               of fid, sliced_wasserstein, spectrum; if not given, one of the first two\n"
    "  published             what the published numbers of the rows are\n"
    "  rows                  a list, each with\n"
    "    name                the method as people read it\n"
    "    set, model          its settings over those of the table; short for model.file in them\n"
    "    finetune            configuration of beeline finetune, instead of base and set of the table\n"
    "    columns, seeds      instead of the table's\n"
    "    published           numbers of other people by column, such as {10: 34.76}\n"
    "The table's base and set also say what is measured: data.file, metrics.classifier, metrics.reference. --set counts\n"
    "for all rows, for example --set sampler.count=100 for a first look.\n"
    "\n"
    "Written into the output folder: table.nc, table.csv, table.md, table.tex with mean and spread over seeds, network\n"
    "evaluations as counted, and time; grid-10.png and the like, a row of samples for each method; cells and "
    "fine-tunings.\n"
    "\n"
    "Example:\n"
    "  mpirun -n 2 beeline table experiments/digits/table.yaml --output out/digits-table\n";

static void destroy(bl_table *t) {
  bl_lock_release(&t->lock);
  bl_table_meter_destroy(&t->meter);
  bl_options_destroy(&t->options);
  bl_free(&t->cells);
  bl_table_file_destroy(&t->file);
}

/* ---- Before anything is computed --------------------------------------------------------------------------------------
 */

static const char *const reads[] = {"data.", "model.", "sampler.", "metrics.", "critic.", NULL};

/* What all rows read. */
static bl_status check_outputs(const bl_table *t, bl_inputs *inputs) {
  static const char *const names[] = {"table.nc", "table.csv", "table.md", "table.tex"};
  enum { NAMES = sizeof names / sizeof *names };
  char paths[NAMES][BL_TABLE_PATH];
  const char *outputs[NAMES];
  for (int i = 0; i < NAMES; i++) {
    snprintf(paths[i], sizeof paths[i], "%s/%s", t->output, names[i]);
    outputs[i] = paths[i];
  }
  for (int i = 0; i < t->file->row_count && inputs->count < BL_FILES_INPUTS; i++)
    if (t->file->rows[i].finetune.path != NULL)
      inputs->files[inputs->count++] = (bl_input_file){"a configuration", t->file->rows[i].finetune.path};
  bl_files_add(inputs, t->options, reads);
  return bl_files_check(outputs, NAMES, inputs);
}

/* On rank 0: the output folder. */
static bl_status claim(bl_table *t) {
  char path[BL_TABLE_PATH];
  bl_inputs *inputs = NULL;
  bl_status status = bl_files_of(&inputs, t->invocation, reads);
  if (status == BL_OK)
    status = check_outputs(t, inputs);
  bl_free(&inputs);
  BL_TRY(status);
  snprintf(path, sizeof path, "%s/table.lock", t->output);
  return bl_lock_take(&t->lock, path);
}

/* On rank 0: that the file of a cell is none that its row reads. */
static bl_status check_cell_output(const bl_table *t, const bl_table_cell *cell, const bl_options *options) {
  char path[BL_TABLE_PATH];
  bl_inputs *inputs;
  bl_table_cell_path(path, t, cell);
  BL_TRY(bl_allocate(&inputs, 1, sizeof *inputs));
  bl_files_add(inputs, options, reads);
  const bl_status status = bl_files_check((const char *const[]){path}, 1, inputs);
  bl_free(&inputs);
  return status;
}

/* Whether files can be written, and what there is to do. Collective. */
static bl_status prepare(bl_table *t) {
  const bl_invocation *invocation = t->invocation;
  BL_TRY(bl_table_file_read(&t->file, invocation->arguments[0], invocation->comm));
  t->output = invocation->options->output[0] != '\0' ? invocation->options->output : t->file->output;
  if (t->output[0] == '\0')
    return bl_fail(BL_ERROR_USAGE, "%s: the key output is missing, expected a folder to write into, here or by --output",
                   t->file->path);
  if (strlen(t->output) > BL_TABLE_PATH / 2)
    return bl_fail(BL_ERROR_USAGE, "output: the path is longer than %d bytes", BL_TABLE_PATH / 2);
  BL_AGREE(bl_table_options(&t->options, t), invocation->comm);
  BL_AGREE(t->rank == 0 ? claim(t) : BL_OK, invocation->comm);
  BL_TRY(bl_table_meter_create(&t->meter, t->file, t->options, invocation->comm));
  return bl_table_list_cells(t);
}

static bool begins(const char *text, const char *start) {
  return start != NULL && strncmp(text, start, strlen(start)) == 0;
}

/* Say which row a message is about, and where that stands unless the message begins with a place. Not collective. */
static bl_status blame(const bl_table *t, const bl_table_cell *cell, bl_status status) {
  char message[BL_MESSAGE_SIZE];
  const bl_table_row *row = cell->row;
  if (status != BL_ERROR_USAGE && status != BL_ERROR_INPUT)
    return status;
  snprintf(message, sizeof message, "%s", bl_status_message());
  bl_status_clear();
  const bool placed = begins(message, t->file->path) || begins(message, t->file->base.path) ||
                      begins(message, row->finetune.path) || begins(message, "--");
  return bl_fail(status, "%s%s%s (row %s, %" PRId64 " steps)", placed ? "" : row->place, placed ? "" : ": ", message,
                 row->name, cell->column);
}

static bl_status check_shape(const bl_table *t, const bl_model_sampler *sampler) {
  const bl_network_shape *shape = &sampler->header.shape;
  const bl_dataset *data = &t->meter.data;
  if (shape->channels != data->channels || shape->height != data->height || shape->width != data->width)
    return bl_fail(BL_ERROR_INPUT, "%s: draws %d × %d × %d (channels × height × width), but %s holds %d × %d × %d",
                   sampler->options->model.file, shape->channels, shape->height, shape->width, t->options->data.file,
                   data->channels, data->height, data->width);
  return BL_OK;
}

/* All that can be refused of a cell. Collective. */
static bl_status check_cell(bl_table *t, const bl_table_cell *cell) {
  bl_options *options = NULL, *tuning = NULL;
  bl_model_sampler sampler = {0};
  bl_status status;
  BL_GOTO(bl_table_cell_options(&options, t, cell, BL_TABLE_CELL));
  t->samples = options->sampler.count;
  BL_GOTO(bl_agree(t->rank == 0 ? check_cell_output(t, cell, options) : BL_OK, t->invocation->comm));
  BL_GOTO(bl_model_sampler_plan(&sampler, options, t->invocation->comm));
  BL_GOTO(check_shape(t, &sampler));
  if (cell->folder[0] == '\0')
    goto done;
  BL_GOTO(bl_table_cell_options(&tuning, t, cell, BL_TABLE_TUNE));
  bl_invocation invocation = *t->invocation;
  invocation.options = tuning;
  invocation.resume = true;
  status = bl_finetune_check(&invocation);
done:
  bl_model_sampler_destroy(&sampler);
  bl_options_destroy(&tuning);
  bl_options_destroy(&options);
  return status;
}

/* Check every row at every column, look which cells are there. Collective. */
static bl_status check(bl_table *t) {
  const MPI_Comm comm = t->invocation->comm;
  for (int i = 0; i < t->count; i++) {
    bl_table_cell *cell = &t->cells[i];
    if (cell->seed == cell->row->seeds.values[0])
      BL_TRY(blame(t, cell, bl_agree(check_cell(t, cell), comm)));
    if (t->rank == 0)
      bl_table_cell_read(cell, t);
    int there = cell->there;
    BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(&there, 1, MPI_INT, 0, comm), comm));
    cell->there = there != 0;
  }
  return BL_OK;
}

/* ---- Cells ------------------------------------------------------------------------------------------------------------
 */

/* What is said while cells are computed: the bar counts network evaluations, so that time left is about right. */
typedef struct work {
  bl_progress *progress;
  double total, done;        /* evaluations */
  int cells, number;         /* to compute, and of the present one */
  const bl_table_cell *cell; /* the present one */
  MPI_Comm comm;
} work;

static double cost_of(const bl_table *t, const bl_table_cell *cell) {
  return (double)cell->column * (double)t->samples;
}

/* \param [in] samples  of the present cell that were drawn. */
static void say(const work *w, size_t samples) {
  if (w->progress)
    bl_progress_update(w->progress, (long)(w->done + (double)w->cell->column * (double)samples),
                       "cell %d of %d: %s, %" PRId64 " steps, seed %" PRId64, w->number, w->cells, w->cell->row->name,
                       w->cell->column, w->cell->seed);
}

/* Fine-tune, or go on with it. Collective. \param [out] ready  whether there is a model; not when it stopped in between. */
static bl_status tune(bool *ready, bl_table *t, const bl_table_cell *cell) {
  const MPI_Comm comm = t->invocation->comm;
  char model[BL_TABLE_PATH + 16];
  bl_options *options = NULL;
  int there;
  *ready = true;
  if (cell->folder[0] == '\0')
    return BL_OK;
  BL_AGREE(bl_table_cell_options(&options, t, cell, BL_TABLE_TUNE), comm);
  bl_invocation invocation = *t->invocation;
  invocation.options = options;
  invocation.resume = true;
  bl_log("fine-tuning %s for %" PRId64 " steps, seed %" PRId64 ", in %s", cell->row->name, cell->column, cell->seed,
         cell->folder);
  const bl_status status = bl_agree(bl_program_finetune.run(&invocation), comm);
  bl_options_destroy(&options);
  BL_TRY(status);
  snprintf(model, sizeof model, "%s/model.nc", cell->folder);
  there = t->rank == 0 && access(model, R_OK) == 0;
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(&there, 1, MPI_INT, 0, comm), comm));
  *ready = there != 0;
  return BL_OK;
}

/* Between samples of a cell: BL_INTERRUPTED where a signal asks for an end. The cells that are done are there. Collective.
 */
static bl_status look_up(size_t samples, void *watcher) {
  const work *w = watcher;
  bool asked;
  say(w, samples);
  BL_TRY(bl_interrupt_agree(&asked, w->comm));
  if (!asked)
    return BL_OK;
  return bl_fail(BL_INTERRUPTED, "asked by a signal to stop, did so in cell %d of %d: the same command goes on", w->number,
                 w->cells);
}

/* What drawing took. Collective. */
static bl_status account(bl_table_cell *cell, const bl_table *t, const bl_model_sampler *sampler,
                         const bl_sample_stream *stream) {
  const MPI_Comm comm = t->invocation->comm;
  double sums[2] = {stream->seconds, (double)stream->drawn};
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, comm), comm));
  cell->seconds = sums[0] / (double)t->samples;
  return bl_model_sampler_evaluations(&cell->evaluations, sampler, (size_t)sums[1]);
}

static size_t samples_kept(const bl_table *t) {
  return t->meter.real.points ? BL_TABLE_POINTS : BL_TABLE_IMAGES;
}

/* On rank 0: store the cell with some of its samples. */
static bl_status store(const bl_table_cell *cell, const bl_table *t, const bl_summary *samples,
                       const bl_model_sampler *sampler) {
  const bl_dataset *data = &t->meter.data; /* for its shape */
  const size_t most = samples_kept(t), count = samples->samples_kept < most ? samples->samples_kept : most;
  const size_t elements = count * bl_dataset_sample_size(data);
  bl_dataset kept = {.count = count, .channels = data->channels, .height = data->height, .width = data->width};
  if (data->pixels) {
    BL_TRY(bl_allocate(&kept.pixels, elements, 1));
    bl_dataset_quantise(kept.pixels, samples->samples, elements);
  } else {
    BL_TRY(bl_allocate(&kept.points, elements, sizeof *kept.points));
    memcpy(kept.points, samples->samples, elements * sizeof *kept.points);
  }
  const bl_status status =
      bl_table_cell_write(cell, t, &kept, sampler->options, bl_computation_text(&sampler->computation));
  bl_dataset_destroy(&kept);
  return status;
}

/* Draw and measure in one pass, store. Collective. */
static bl_status compute(bl_table_cell *cell, bl_table *t, work *w) {
  const MPI_Comm comm = t->invocation->comm;
  bl_options *options = NULL;
  bl_model_sampler sampler = {0};
  bl_sample_stream stream = {0};
  bl_measurement measurement = {0};
  bl_status status;
  BL_GOTO(bl_agree(bl_table_cell_options(&options, t, cell, BL_TABLE_DRAW), comm));
  BL_GOTO(bl_agree(bl_model_sampler_plan(&sampler, options, comm), comm));
  BL_GOTO(bl_model_sampler_load(&sampler, NULL));
  status =
      bl_sample_stream_create(&stream, sampler.graph, &sampler.chain, sampler.condition, (uint64_t)options->seed, 0,
                              (size_t)options->learner.micro_batch, (size_t)t->samples, t->meter.real.points, NULL, comm);
  BL_GOTO(bl_agree(status, comm));
  bl_images drawn = bl_sample_stream_images(&stream);
  drawn.pause = look_up;
  drawn.watcher = w;
  BL_GOTO(bl_table_meter_read(cell->values, &measurement, &t->meter, &drawn, samples_kept(t), (uint64_t)cell->seed));
  BL_GOTO(account(cell, t, &sampler, &stream));
  BL_GOTO(bl_agree(t->rank == 0 ? store(cell, t, &measurement.summary, &sampler) : BL_OK, comm));
  cell->there = true;
done:
  bl_measurement_destroy(&measurement);
  bl_sample_stream_destroy(&stream);
  bl_model_sampler_destroy(&sampler);
  bl_options_destroy(&options);
  return status;
}

/* One cell from start to end. A sampler whose numbers explode leaves its cell empty, and the others are computed all the
 * same. Collective. */
static bl_status work_on(bl_table_cell *cell, bl_table *t, work *w, int *failed) {
  bool ready;
  if (cell->folder[0] != '\0')
    bl_progress_finish(&w->progress);
  bl_status status = tune(&ready, t, cell);
  if (status == BL_OK && !ready) {
    bl_log("%s is not finished: run the table again to go on", cell->folder);
  } else if (status == BL_OK) {
    if (t->rank == 0 && !w->progress)
      status = bl_progress_start(&w->progress, "table", (long)w->done, (long)w->total);
    BL_TRY(bl_agree(status, t->invocation->comm));
    say(w, 0);
    status = compute(cell, t, w);
  }
  w->done += cost_of(t, cell);
  if (status == BL_ERROR_NUMERIC) {
    bl_warn("%s, %" PRId64 " steps, seed %" PRId64 " has no result: %s", cell->row->name, cell->column, cell->seed,
            bl_status_message());
    bl_status_clear();
    (*failed)++;
    return BL_OK;
  }
  if (status == BL_OK && cell->there)
    bl_log("%s, %" PRId64 " steps, seed %" PRId64 ": %s %.5g (cell %d of %d)", cell->row->name, cell->column, cell->seed,
           t->meter.metrics[0]->label, cell->values[0], w->number, w->cells);
  return status;
}

/* All that are missing. Collective. \param [out] failed  cells without a result. */
static bl_status compute_all(bl_table *t, int *failed) {
  work w = {.comm = t->invocation->comm};
  bl_status status = BL_OK;
  *failed = 0;
  for (int i = 0; i < t->count; i++)
    if (!t->cells[i].there) {
      w.cells++;
      w.total += cost_of(t, &t->cells[i]);
    }
  bl_log("%d of %d cells are there already", t->count - w.cells, t->count);
  for (int i = 0; i < t->count && status == BL_OK; i++)
    if (!t->cells[i].there) {
      w.number++;
      w.cell = &t->cells[i];
      status = work_on(&t->cells[i], t, &w, failed);
    }
  bl_progress_finish(&w.progress);
  return status;
}

/* ---- The end ----------------------------------------------------------------------------------------------------------
 */

static bl_status write_text(const bl_table *t, const bl_table_line *lines, int count, const char *name,
                            void (*print)(FILE *, const bl_table *, const bl_table_line *, int)) {
  char path[BL_TABLE_PATH];
  char *text = NULL;
  bl_bytes bytes = {0};
  FILE *file = open_memstream(&text, &bytes.size);
  if (file == NULL)
    return bl_fail(BL_ERROR_SYSTEM, "out of memory for the table");
  print(file, t, lines, count);
  fclose(file);
  bytes.data = text;
  snprintf(path, sizeof path, "%s/%s", t->output, name);
  const bl_status status = bl_output_write(path, &bytes, 1);
  free(text);
  return status;
}

/* On rank 0. */
static bl_status report(const bl_table *t) {
  char path[BL_TABLE_PATH];
  bl_table_line *lines = NULL;
  int count;
  bl_status status;
  BL_GOTO(bl_table_summarise(&lines, &count, t));
  snprintf(path, sizeof path, "%s/table.nc", t->output);
  BL_GOTO(bl_table_write_netcdf(path, t, lines, count));
  BL_GOTO(write_text(t, lines, count, "table.csv", bl_table_print_csv));
  BL_GOTO(write_text(t, lines, count, "table.md", bl_table_print_markdown));
  BL_GOTO(write_text(t, lines, count, "table.tex", bl_table_print_latex));
  BL_GOTO(bl_table_write_pictures(t));
  bl_table_print_markdown(stdout, t, lines, count);
  bl_print("\n  tables and pictures  %s\n\n", t->output);
done:
  bl_free(&lines);
  return status;
}

static bl_status table(const bl_invocation *invocation) {
  const MPI_Comm comm = invocation->comm;
  bl_table t = {.invocation = invocation};
  char command[4096];
  bl_provenance provenance;
  int failed = 0;
  bl_status status;
  BL_GOTO(BL_MPI(MPI_Comm_rank(comm, &t.rank)));
  BL_GOTO(BL_MPI(MPI_Comm_size(comm, &t.ranks)));
  BL_GOTO(bl_agree(prepare(&t), comm));
  BL_GOTO(check(&t));
  bl_provenance_describe(&provenance, command, sizeof command, t.options, invocation->argc, invocation->argv);
  provenance.ranks = t.ranks;
  BL_GOTO(bl_table_meter_prepare(&t.meter, &provenance));
  BL_GOTO(compute_all(&t, &failed));
  BL_GOTO(bl_agree(t.rank == 0 ? report(&t) : BL_OK, comm));
  if (failed > 0)
    status = bl_fail(BL_ERROR_NUMERIC, "%d cell%s no result, see the warnings above; the others are there", failed,
                     failed == 1 ? " has" : "s have");
done:
  destroy(&t);
  return status;
}

const bl_program bl_program_table = {.name = "table",
                                     .summary = "compare methods at equal numbers of network evaluations",
                                     .help = help,
                                     .resumes = true,
                                     .takes_argument = true,
                                     .run = table};
