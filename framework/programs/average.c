/* `beeline average`: one model from several, by the mean of their weights. */
#include "base/memory.h"
#include "base/print.h"
#include "network/configure.h"
#include "network/network.h"
#include "parallel/agree.h"
#include "programs/files.h"
#include "programs/output_name.h"
#include "programs/program.h"
#include "programs/source_model.h"
#include "store/container.h"
#include "store/model.h"
#include "store/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: beeline average MODEL.nc... --output AVERAGE.nc\n"
    "\n"
    "Write the mean of the weights of several models (a \"model soup\", Wortsman et al. 2022), for example of runs that\n"
    "differ in their seeds only: what such runs have learned stays, and of the noise that each has picked up on its way\n"
    "most goes. It makes sense for models that began at the same weights and are still near each other; the table that\n"
    "is printed tells how far each is from their average. Of one checkpoint it makes a model: its moving average, or\n"
    "its last weights, alone.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  model.weights         their moving averages, where they have one, or their last weights\n"
    "\n"
    "Written: the output, a model with one set of weights.\n"
    "\n"
    "Examples:\n"
    "  beeline average out/seed1/model.nc out/seed2/model.nc out/seed3/model.nc --output out/average.nc\n"
    "  beeline average out/finetune/checkpoint-000400.nc --output model.nc\n";

/* Everything that one average needs. */
typedef struct task {
  const bl_invocation *invocation;
  bl_model_header header;
  bl_graph *graph; /* for its table of parameters */
  float *values;   /* (parameters) of one model, and of the average */
  double *sum;     /* (parameters) */
  double *squares; /* (models) of the distance from the average */
  char *configuration;
  bl_lock *lock; /* of the output */
} task;

static void destroy(task *t) {
  bl_lock_release(&t->lock);
  bl_free(&t->configuration);
  bl_free(&t->squares);
  bl_free(&t->sum);
  bl_free(&t->values);
  bl_graph_destroy(&t->graph);
}

static bl_status check(const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  if (options->output[0] == '\0')
    return bl_options_reject(options, "output", "a file to write, for example --output average.nc");
  return bl_output_name_check(options, "a model", "");
}

/* What tensors do not tell: models of another diffusion have another meaning. */
static bl_status check_alike(const bl_model_header *found, const char *path, const bl_model_header *first,
                             const char *first_path) {
  if (found->head[0] != '\0')
    return bl_fail(BL_ERROR_INPUT, "%s: holds a head (%s) of a diffusion model, expected a model", path, found->head);
  if (found->shape.kind != first->shape.kind)
    return bl_fail(BL_ERROR_INPUT, "%s: holds a %s, expected a %s as in %s", path, bl_network_kind_name(found->shape.kind),
                   bl_network_kind_name(first->shape.kind), first_path);
  const char *key = bl_network_differs(&found->shape, &first->shape);
  if (key != NULL)
    return bl_fail(BL_ERROR_INPUT, "%s: its network differs from that of %s by %s: their weights have no common meaning",
                   path, first_path, key);
  if (strcmp(found->schedule, first->schedule) != 0 || found->diffusion_steps != first->diffusion_steps ||
      found->beta_first != first->beta_first || found->beta_last != first->beta_last ||
      strcmp(found->prediction, first->prediction) != 0 || found->distilled_steps != first->distilled_steps)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: belongs to another diffusion than %s (schedule, steps, what is predicted, distillation), see "
                   "beeline inspect: their weights have no common meaning",
                   path, first_path);
  return BL_OK;
}

static bl_status prepare(task *t) {
  const char *first = t->invocation->arguments[0];
  const size_t models = (size_t)t->invocation->argument_count;
  bl_model_header found;
  BL_TRY(bl_files_claim(&t->lock, t->invocation, (const char *const[]){NULL},
                        (const char *const[]){t->invocation->options->output}, 1));
  for (size_t i = 0; i < models; i++) {
    BL_TRY(bl_model_read_header(&found, t->invocation->arguments[i]));
    if (i == 0)
      t->header = found;
    BL_TRY(check_alike(&found, t->invocation->arguments[i], &t->header, first));
  }
  BL_TRY(bl_container_read_text(&t->configuration, first, "configuration"));
  BL_TRY(bl_network_create(&t->graph, &t->header.shape, 1, BL_GRAPH_INFERENCE, false));
  const size_t parameters = bl_graph_parameters(t->graph)->count;
  BL_TRY(bl_allocate(&t->values, parameters, sizeof *t->values));
  BL_TRY(bl_allocate(&t->sum, parameters, sizeof *t->sum));
  return bl_allocate(&t->squares, models, sizeof *t->squares);
}

static bl_status read_weights(const task *t, int model) {
  return bl_model_read_weights_shared(t->values, t->invocation->arguments[model], bl_graph_parameters(t->graph),
                                      bl_source_model_takes_average(t->invocation->options), MPI_COMM_SELF);
}

/* The mean, summed in the order of the files, and how far each is from it. */
static bl_status average(task *t) {
  const int models = t->invocation->argument_count;
  const size_t parameters = bl_graph_parameters(t->graph)->count;
  for (int model = 0; model < models; model++) {
    BL_TRY(read_weights(t, model));
    for (size_t i = 0; i < parameters; i++)
      t->sum[i] += (double)t->values[i];
  }
  for (size_t i = 0; i < parameters; i++)
    t->sum[i] /= models;
  for (int model = 0; model < models; model++) {
    BL_TRY(read_weights(t, model));
    for (size_t i = 0; i < parameters; i++) {
      const double difference = (double)t->values[i] - t->sum[i];
      t->squares[model] += difference * difference;
    }
  }
  for (size_t i = 0; i < parameters; i++)
    t->values[i] = (float)t->sum[i];
  return BL_OK;
}

static bl_status write(task *t) {
  const bl_invocation *invocation = t->invocation;
  const bl_parameter_table *table = bl_graph_parameters(t->graph);
  const bl_model_part part = {.name = "model", .table = table, .values = t->values};
  bl_provenance provenance;
  char command[4096], title[64];
  bl_provenance_describe(&provenance, command, sizeof command, invocation->options, invocation->argc, invocation->argv);
  snprintf(title, sizeof title, "average of %d models", invocation->argument_count);
  provenance.title = invocation->argument_count > 1 ? title : "model of a checkpoint";
  provenance.ranks = 1;
  provenance.configuration = t->configuration; /* of the first model, whose network it describes */
  provenance.digest = t->header.digest;
  bl_model_header header = t->header;
  if (invocation->argument_count > 1)
    header.accuracy = 0; /* of none of them */
  memset(header.optimiser_steps, 0, sizeof header.optimiser_steps);
  header.row_steps = 0;
  return bl_model_write(invocation->options->output, &header, &part, 1, &provenance);
}

static void tell(const task *t) {
  double square = 0;
  for (size_t i = 0; i < bl_graph_parameters(t->graph)->count; i++)
    square += t->sum[i] * t->sum[i];
  bl_print("\n  %10s  %s\n", "distance", "from the average (norm of the difference of weights)");
  for (int model = 0; model < t->invocation->argument_count; model++)
    bl_print("  %10.4g  %s\n", sqrt(t->squares[model]), t->invocation->arguments[model]);
  bl_print("\n  the average, of norm %.4g, is in %s\n\n", sqrt(square), t->invocation->options->output);
}

static bl_status work(const bl_invocation *invocation) {
  task t = {.invocation = invocation};
  bl_status status = prepare(&t);
  if (status == BL_OK)
    status = average(&t);
  if (status == BL_OK)
    status = write(&t);
  if (status == BL_OK)
    tell(&t);
  destroy(&t);
  return status;
}

static bl_status run(const bl_invocation *invocation) {
  int rank;
  BL_TRY(check(invocation));
  MPI_Comm_rank(invocation->comm, &rank);
  return bl_agree(rank == 0 ? work(invocation) : BL_OK, invocation->comm);
}

const bl_program bl_program_average = {.name = "average",
                                       .summary = "average the weights of models",
                                       .help = help,
                                       .takes_argument = true,
                                       .takes_many = true,
                                       .run = run};
