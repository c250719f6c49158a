/* `beeline export`: a model for other programs. */
#include "base/memory.h"
#include "base/print.h"
#include "base/version.h"
#include "network/network.h"
#include "parallel/agree.h"
#include "programs/export_chain.h"
#include "programs/files.h"
#include "programs/program.h"
#include "programs/source_model.h"
#include "sampler/sampler.h"
#include "store/container.h"
#include "store/model_format.h"

#include <netcdf.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: beeline export MODEL.nc --output FOLDER | --output FILE.safetensors\n"
    "\n"
    "Write a model for other programs: into a folder that diffusers' DDPMPipeline.from_pretrained and, below unet,\n"
    "UNet2DModel.from_pretrained load; or, with an output of that ending, all tensors of any network by their names here,\n"
    "which are those of the public DDPM code, into one safetensors file. Numbers keep their bits, and `beeline import`\n"
    "brings U-Nets back. Where the model comes from is in the metadata of the file of weights.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  model.weights         the moving average of a checkpoint, or its last weights\n"
    "  export.chain          diffusers: with the chain of few steps that the model was fine-tuned for (sampler.*), so "
    "that\n"
    "                        an unmodified DDPMPipeline draws by it, called with as many steps (num_inference_steps);\n"
    "                        DDIMPipeline where there is less noise, called with the eta that is printed. Fractional\n"
    "                        times become rows of a learned embedding; the noise of the last step (final_sigma) is left "
    "out\n"
    "\n"
    "What diffusers has no word for is refused: networks that are no U-Net, patches of pixels, heads.\n"
    "\n"
    "Examples:\n"
    "  beeline export out/finetune/model.nc --output out/diffusers\n"
    "  beeline export out/finetune/model.nc --set export.chain=true --set sampler.steps=10 --output out/pipeline\n"
    "  beeline export out/finetune/checkpoint-000400.nc --output model.safetensors\n";

/* Attributes of the model's file that become metadata. */
static const char *const attributes[] = {"title",  "source",  "history",   "digest",       "roles",
                                         "inputs", "machine", "libraries", "configuration"};

enum { ATTRIBUTES = sizeof attributes / sizeof *attributes, TEXTS = ATTRIBUTES + 2 };

/* Everything that one export needs. */
typedef struct task {
  const bl_invocation *invocation;
  const char *model, *output, *format;
  bl_model_header header;
  bl_graph *graph; /* for its table of parameters */
  float *values;   /* (parameters) */
  char *provenance[ATTRIBUTES];
  char paths[4][BL_MODEL_FORMAT_PATH]; /* of what is written */
  bl_export_chain chain;
  bl_lock *lock;
} task;

static void destroy(task *t) {
  bl_lock_release(&t->lock);
  for (int i = 0; i < ATTRIBUTES; i++)
    bl_free(&t->provenance[i]);
  bl_export_chain_destroy(&t->chain);
  bl_free(&t->values);
  bl_graph_destroy(&t->graph);
}

static bool ends_with(const char *text, const char *ending) {
  const size_t length = strlen(text), tail = strlen(ending);
  return length > tail && strcmp(text + length - tail, ending) == 0;
}

static bl_status check(const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  if (options->output[0] == '\0' || ends_with(options->output, ".nc"))
    return bl_options_reject(options, "output",
                             "a folder, or a file whose name ends in .safetensors, for example --output diffusers");
  if (strlen(options->output) > BL_MODEL_FORMAT_PATH - 64)
    return bl_options_reject(options, "output", "a path of less than %d bytes", BL_MODEL_FORMAT_PATH - 64);
  return BL_OK;
}

static bl_status claim(task *t) {
  const char *outputs[4];
  int count = 0;
  while (count < 4 && bl_model_export_file(t->paths[count], t->format, t->output, count)) {
    outputs[count] = t->paths[count];
    count++;
  }
  return bl_files_claim(&t->lock, t->invocation, (const char *const[]){NULL}, outputs, count);
}

static bl_status read_provenance(task *t) {
  int ncid;
  bl_status status = BL_OK;
  BL_TRY(bl_container_open(&ncid, t->model));
  for (int i = 0; i < ATTRIBUTES && status == BL_OK; i++)
    status = bl_container_copy_text(&t->provenance[i], ncid, attributes[i]);
  nc_close(ncid);
  return status;
}

static bl_status plan_chain(task *t) {
  const bl_options *options = t->invocation->options;
  if (strcmp(t->format, "diffusers") != 0)
    return bl_options_reject(options, "export.chain", "false: a safetensors file has no place for a chain");
  BL_TRY(bl_export_chain_plan(&t->chain, &t->header, options));
  return bl_sampler_check_network(&t->chain.chain, &t->header.shape, options);
}

static bl_status prepare(task *t) {
  BL_TRY(bl_model_read_header(&t->header, t->model));
  BL_TRY(bl_model_export_check(t->format, &t->header, t->model));
  if (t->invocation->options->export.chain)
    BL_TRY(plan_chain(t));
  BL_TRY(claim(t));
  BL_TRY(read_provenance(t));
  BL_TRY(bl_network_create(&t->graph, &t->header.shape, 1, BL_GRAPH_INFERENCE, false));
  const bl_parameter_table *table = bl_graph_parameters(t->graph);
  BL_TRY(bl_allocate(&t->values, table->count, sizeof *t->values));
  return bl_model_read_weights_shared(t->values, t->model, table, bl_source_model_takes_average(t->invocation->options),
                                      MPI_COMM_SELF);
}

static bl_status write_files(const task *t) {
  bl_safetensors_text texts[TEXTS] = {{"format", "pt"}};
  char program[128];
  size_t count = 1;
  snprintf(program, sizeof program, "Beeline %s, commit %s", bl_version, bl_commit);
  texts[count++] = (bl_safetensors_text){"exported by", program};
  for (int i = 0; i < ATTRIBUTES; i++)
    if (t->provenance[i][0] != '\0')
      texts[count++] = (bl_safetensors_text){attributes[i], t->provenance[i]};
  return bl_model_export(t->format, t->output, &t->header, t->chain.foreign.steps > 0 ? &t->chain.foreign : NULL,
                         bl_graph_parameters(t->graph), t->values, texts, count);
}

static void tell(const task *t) {
  const bl_foreign_chain *chain = &t->chain.foreign;
  const bl_parameter_table *table = bl_graph_parameters(t->graph);
  bl_print("%s: %zu tensors, %zu parameters, for %s\n", t->output, table->entry_count, table->count,
           strcmp(t->format, "ddpm") == 0 ? "programs that read safetensors" : "from_pretrained of diffusers");
  if (chain->steps > 0 && chain->eta < 1)
    bl_print("draws by DDIMPipeline, called with num_inference_steps=%d, eta=%.9g\n", chain->steps, chain->eta);
  else if (chain->steps > 0)
    bl_print("draws by DDPMPipeline, called with num_inference_steps=%d\n", chain->steps);
}

static bl_status work(const bl_invocation *invocation) {
  const char *output = invocation->options->output;
  task t = {.invocation = invocation,
            .model = invocation->arguments[0],
            .output = output,
            .format = ends_with(output, ".safetensors") ? "ddpm" : "diffusers"};
  bl_status status = prepare(&t);
  if (status == BL_OK)
    status = write_files(&t);
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

const bl_program bl_program_export = {.name = "export",
                                      .summary = "write a model for diffusers, or as safetensors",
                                      .help = help,
                                      .takes_argument = true,
                                      .run = run};
