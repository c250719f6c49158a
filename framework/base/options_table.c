#include "base/options_table.h"

#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Short forms, so that a row reads: member, default, range, whether it counts, help. */
#define ROW(member, type, ...) \
  { #member, type, offsetof(bl_options, member), __VA_ARGS__ }
#define SECTION(member, help) ROW(member, BL_OPTION_SECTION, "", 0, 0, NULL, false, help)
#define TEXT(member, standard, choices, counts, help) \
  ROW(member, BL_OPTION_TEXT, "\"" standard "\"", 0, 0, choices, counts, help)
#define INPUT(member, counts, help)          ROW(member, BL_OPTION_INPUT, "\"\"", 0, 0, NULL, counts, help)
#define INTEGER(member, standard, ...)       ROW(member, BL_OPTION_INTEGER, standard, __VA_ARGS__)
#define LONG(member, standard, ...)          ROW(member, BL_OPTION_LONG, standard, __VA_ARGS__)
#define NUMBER(member, standard, ...)        ROW(member, BL_OPTION_NUMBER, standard, __VA_ARGS__)
#define BOOL(member, standard, counts, help) ROW(member, BL_OPTION_BOOL, standard, 0, 0, NULL, counts, help)
#define LIST(member, standard, ...)          ROW(member, BL_OPTION_LIST, standard, __VA_ARGS__)

/* Ranges, and what messages call them. */
#define ANY                 NULL
#define NOT_NEGATIVE        0, DBL_MAX, "0 or more"
#define POSITIVE            1, DBL_MAX, "at least 1"
#define BELOW_ONE           0, 1 - DBL_EPSILON, "at least 0 and below 1"
#define BETWEEN             DBL_MIN, 1 - DBL_EPSILON, "above 0 and below 1"
#define FROM_TO(low, high)  low, high, #low " to " #high
#define ELEMENTS(low, high) low, high, "elements from " #low " to " #high

/* Whether a key counts: RESULT can change results, SAME cannot. */
enum { SAME = false, RESULT = true };

/* The keys of an optimiser are explained once. start_decay was found to be of no effect on quality; it stays for
 * experiments/fashion/finetune.yaml, whose model is published. */
#define TOLD(help)   help
#define UNTOLD(help) NULL
#define OPTIMISER(section, what, learning_rate, largest_norm, told)                                                        \
  SECTION(section.optimiser, what),                                                                                        \
      TEXT(section.optimiser.name, "adam", "adam or rmsprop", RESULT, told("adam, rmsprop")),                              \
      SECTION(section.optimiser.rate, NULL),                                                                               \
      NUMBER(section.optimiser.rate.first, learning_rate, NOT_NEGATIVE, RESULT, told("learning rate in the first round")), \
      TEXT(section.optimiser.rate.decay, "none", "none, linear or cosine", RESULT,                                         \
           told("none, linear, cosine: from first to last over all rounds")),                                              \
      NUMBER(section.optimiser.rate.last, "0", NOT_NEGATIVE, RESULT, told("learning rate in the last round")),             \
      NUMBER(section.optimiser.beta1, "0.9", BELOW_ONE, RESULT, told("adam: decay of the first moment")),                  \
      NUMBER(section.optimiser.beta2, "0.999", BELOW_ONE, RESULT,                                                          \
             told("adam: decay of the second moment; rmsprop: its alpha")),                                                \
      NUMBER(section.optimiser.weight_decay, "0", NOT_NEGATIVE, RESULT, told("decoupled weight decay")),                   \
      NUMBER(section.optimiser.start_decay, "0", NOT_NEGATIVE, RESULT,                                                     \
             told("the same towards the weights at the start instead of zero: holds where gradients are but noise")),      \
      NUMBER(section.optimiser.clip, largest_norm, NOT_NEGATIVE, RESULT,                                                   \
             told("largest norm of the gradient; 0: no clipping"))

const bl_option bl_options_table[] = {
    TEXT(title, "", ANY, SAME, "a name for people; stored with every result"),
    LONG(seed, "1", NOT_NEGATIVE, RESULT, "of every random draw; the results do not depend on the number of ranks"),
    TEXT(output, "", ANY, SAME,
         "import, moments, sample, evaluate: file to write; pretrain, finetune, distill, and moments with a head:\n"
         "folder to write into"),
    TEXT(roles, "all", ANY, SAME,
         "ranks per role as generators:critics:aggregators; all: every rank holds every role; auto: the\n"
         "split that is fastest by the costs measured at the start"),
    NUMBER(watchdog, "10", FROM_TO(0, 1000000), SAME,
           "pretrain, finetune, distill: minutes without progress after which a rank says where it stands and\n"
           "ends the job (twice as long for one that waits for others); 0: never"),
    SECTION(import, "beeline import: which foreign files become a data set or a model"),
    TEXT(import.format, "idx", ANY, RESULT,
         "idx, cifar10 (binary batches), folder (of PNG or JPEG), swiss_roll (drawn, not read);\n"
         "of models: ddpm (safetensors, original names), diffusers; keys that a format has no use for are\n"
         "refused, unless they have their defaults"),
    INPUT(import.images, RESULT, "idx: image file, gzipped or not; cifar10: folder of batches; folder: the folder"),
    INPUT(import.labels, RESULT, "idx: label file; \"\" for none"),
    TEXT(import.part, "train", ANY, RESULT, "cifar10: train or test batches"),
    INTEGER(import.resize, "0", FROM_TO(0, 16384), RESULT,
            "folder: side of the square images in pixels; 0: all are of one size already"),
    BOOL(import.grey, "false", RESULT, "folder: convert to one channel"),
    INTEGER(import.pad, "0", FROM_TO(0, 65536), RESULT, "zero-pad every image to this side in pixels; 0: do not"),
    INTEGER(import.maximum, "255", FROM_TO(1, 255), RESULT,
            "highest value of a pixel in the source (16 for the optical digits); scaled to 255"),
    INTEGER(import.limit, "0", NOT_NEGATIVE, RESULT, "stop after so many samples; 0: all"),
    BOOL(import.skip_bad, "false", RESULT,
         "folder: leave out pictures that cannot be read instead of refusing; how many is kept in the file"),
    INTEGER(import.count, "10000", FROM_TO(1, 268435456), RESULT, "swiss_roll: points to draw"),
    NUMBER(import.noise, "0.05", NOT_NEGATIVE, RESULT, "swiss_roll: standard deviation of the noise before scaling"),
    INPUT(import.model, RESULT, "ddpm: a .safetensors file; diffusers: a folder, or the file of weights in it"),
    INTEGER(import.sample_size, "0", FROM_TO(0, 16384), RESULT,
            "ddpm, diffusers: side of the images in pixels where the model does not tell; 0: it does"),
    SECTION(data, NULL),
    INPUT(data.file, RESULT, "data set made by beeline import"),
    BOOL(data.flip, "false", RESULT, "mirror every second image at random while learning"),
    INPUT(data.test, RESULT,
          "data set that nothing learns from: accuracy at the end (classify), monitor.held_out; \"\" for none"),
    SECTION(network, "pretrain: the network to build (fine-tuning takes it from model.file)"),
    INPUT(network.start, RESULT, "model to go on from, with a fresh optimiser; \"\": fresh weights"),
    TEXT(network.kind, "unet", ANY, RESULT, "unet, mlp, classifier"),
    INTEGER(network.base_channels, "128", FROM_TO(0, 65536), RESULT,
            "unet: channels of the first level, a multiple of groups"),
    LIST(network.multipliers, "[1, 2, 2, 2]", ELEMENTS(1, 1024), RESULT,
         "unet: channels of each level in units of base_channels"),
    INTEGER(network.blocks, "2", FROM_TO(0, 1024), RESULT, "unet: residual blocks per level"),
    INTEGER(network.patch, "1", FROM_TO(1, 64), RESULT,
            "unet: side of the squares of pixels that become channels of the first level; 2 saves most of the time"),
    LIST(network.attention, "[16]", ELEMENTS(1, 65536), RESULT,
         "unet: resolutions that get self-attention, in pixels (in patches, where patch is above 1)"),
    LIST(network.attention_levels, "[]", ELEMENTS(0, 7), RESULT,
         "unet: levels that get self-attention, the first being 0, instead of network.attention (diffusers tells\n"
         "it by AttnDownBlock2D); []: as network.attention has it"),
    INTEGER(network.head_width, "0", FROM_TO(0, 65536), RESULT,
            "unet: channels of a head of attention (diffusers: attention_head_dim); 0: one head of all"),
    INTEGER(network.groups, "32", FROM_TO(1, 65536), RESULT, "unet: groups of normalisation"),
    NUMBER(network.norm_epsilon, "1e-6", BETWEEN, RESULT, "unet: added to the variance by normalisation"),
    INTEGER(network.down_padding, "0", FROM_TO(0, 1), RESULT,
            "unet: down-sampling pads 0: below and to the right only; 1: all around (diffusers: downsample_padding)"),
    TEXT(network.embedding, "sine_first", "sine_first or cosine_first", RESULT,
         "unet: order in the embedding of time (diffusers: cosine_first where flip_sin_to_cos is true)"),
    INTEGER(network.frequency_shift, "1", FROM_TO(0, 1), RESULT,
            "unet: s of its frequencies 10000^(-i / (half - s)) (diffusers: freq_shift)"),
    NUMBER(network.dropout, "0.1", BELOW_ONE, RESULT, "unet: share of activations dropped while pre-training"),
    LIST(network.widths, "[]", ELEMENTS(1, 1048576), RESULT,
         "mlp: sizes of its hidden layers; classifier: channels of its convolutions, then its features"),
    SECTION(model, NULL),
    INPUT(model.file, RESULT, "model to start from (finetune, distill) or to draw from (sample)"),
    TEXT(model.weights, "average", "average or last", RESULT,
         "of a checkpoint: average (the moving average, where it has one) or last; a model has one set"),
    SECTION(diffusion, NULL),
    TEXT(diffusion.schedule, "linear", ANY, RESULT, "of beta: linear, quadratic, sigmoid, cosine"),
    INTEGER(diffusion.steps, "1000", FROM_TO(1, 1048576), RESULT, "T, diffusion steps of the pre-trained model"),
    NUMBER(diffusion.beta_first, "1e-4", BETWEEN, RESULT, "beta of step 1"),
    NUMBER(diffusion.beta_last, "0.02", BETWEEN, RESULT, "beta of step T"),
    SECTION(sampler, NULL),
    TEXT(sampler.name, "fastdpm", ANY, RESULT,
         "ddpm, fastdpm, ddim, analytic (Analytic-DPM), sn_ddpm, npr_ddpm; solvers without noise:\n"
         "dpm_solver, dpm_solver_pp (2M), unipc"),
    TEXT(sampler.grid, "var_quadratic", ANY, RESULT,
         "ddpm, ddim, analytic, sn_ddpm, npr_ddpm: full, linear, even (of distilled models), quadratic;\n"
         "fastdpm: step_linear, step_quadratic, var_linear, var_quadratic (of the published results),\n"
         "var_quadratic_exact (starts at pure noise); solvers: log_snr (even steps of log(alpha / sigma)),\n"
         "time (even steps of time), linear (whole steps)"),
    INTEGER(sampler.steps, "10", FROM_TO(1, 1048576), RESULT, "T', network evaluations per sample"),
    INTEGER(sampler.order, "0", FROM_TO(0, 3), RESULT,
            "solvers: 1, 2 or 3; 0: dpm_solver's \"fast\" (3, lower at the end, for any number of\n"
            "evaluations), 2 for dpm_solver_pp, 3 for unipc"),
    TEXT(sampler.variance, "small", ANY, RESULT, "ddpm: of the reverse step, small or large"),
    NUMBER(sampler.kappa, "1", FROM_TO(0, 1), RESULT, "fastdpm: from 0 (deterministic) to 1 (as noisy as DDPM)"),
    NUMBER(sampler.eta, "0", FROM_TO(0, 1), RESULT,
           "ddim, analytic, sn_ddpm, npr_ddpm: from 0 (deterministic) to 1 (as noisy as DDPM)"),
    INPUT(sampler.moments, RESULT, "analytic: file made by beeline moments"),
    INPUT(sampler.head, RESULT, "sn_ddpm, npr_ddpm: file made by beeline moments with moments.head"),
    NUMBER(
        sampler.pixel_clip, "2", NOT_NEGATIVE, RESULT,
        "analytic, sn_ddpm, npr_ddpm: largest noise of the step before the last, in levels of 8-bit pixels; 0: no limit"),
    NUMBER(sampler.final_sigma, "0.001", -1, DBL_MAX, "0 or more, or -1 for the sampler's own", RESULT,
           "standard deviation of the last step; 0: none; -1: the sampler's own (ddpm with large\n"
           "variance: the root of beta_first); fine-tuning needs one above 0 for its log-density; not for\n"
           "solvers"),
    BOOL(sampler.clip, "false", RESULT, "clip the prediction of x_0 to [-1, 1] (not for fine-tuning)"),
    INTEGER(sampler.count, "64", POSITIVE, RESULT, "beeline sample: samples to draw"),
    SECTION(moments, "beeline moments: what the variances of the samplers analytic, sn_ddpm and npr_ddpm are made of"),
    INTEGER(moments.count, "100", POSITIVE, RESULT, "samples of the data at each step of the diffusion"),
    TEXT(moments.head, "", ANY, RESULT, "sn or npr: train such a head on the frozen model, by learner.* as pretrain does"),
    SECTION(export, "beeline export: a model for other programs"),
    BOOL(export.chain, "false", RESULT,
         "diffusers: a pipeline that draws by the chain of the section sampler, in so few steps"),
    SECTION(learner, NULL),
    TEXT(learner.name, "sft_pg", ANY, RESULT, "denoise, classify (pretrain); sft_pg, backprop_chain (finetune); distill"),
    INTEGER(learner.rounds, "78", NOT_NEGATIVE, RESULT,
            "sft_pg, backprop_chain: rounds of collect and improve (78: one epoch of CIFAR-10); others: optimiser steps\n"
            "(distill: for each halving)"),
    INTEGER(learner.batch, "128", POSITIVE, RESULT, "samples per step"),
    INTEGER(learner.micro_batch, "16", POSITIVE, RESULT,
            "samples computed at once; divides batch; part of the result, unlike the number of ranks"),
    NUMBER(learner.average, "0", BELOW_ONE, RESULT,
           "decay of the moving average of the weights, for example 0.9999; 0: none"),
    OPTIMISER(learner, "of the diffusion model (denoise, sft_pg) or the classifier", "1e-6", "0.1", TOLD),
    INTEGER(learner.n_critic, "5", FROM_TO(1, 65536), RESULT, "sft_pg, backprop_chain: critic steps per round"),
    INTEGER(learner.n_generator, "10", FROM_TO(1, 1048576), RESULT, "sft_pg, backprop_chain: policy steps per round"),
    INTEGER(learner.critic_epochs, "1", POSITIVE, RESULT,
            "sft_pg, backprop_chain: passes of the critic over the trajectories of a round"),
    INTEGER(learner.warm_up, "0", NOT_NEGATIVE, RESULT,
            "sft_pg, backprop_chain: first rounds, in which only critic and value network learn"),
    TEXT(learner.log_density, "mean", "mean or sum", RESULT, "sft_pg: mean or sum over the elements of a sample"),
    BOOL(learner.baseline, "true", RESULT, "sft_pg: subtract the value network from the critic in the advantage"),
    TEXT(learner.baseline_from, "value", "value or prediction", RESULT,
         "sft_pg: value: V(x_t, t), as in the paper; prediction: for each step the line through f of x_0 as\n"
         "the network predicts it there, by least squares over the round: far less noise in late steps"),
    NUMBER(learner.trace, "1", FROM_TO(0, 1), RESULT,
           "sft_pg: 1: the advantage is f - V; below 1: generalised advantage estimation, less noise, some bias"),
    TEXT(learner.step_weight, "density", "density or balanced", RESULT,
         "sft_pg: density: the gradient of the log-density; balanced: each step scaled to equal noise\n"
         "in its density and to equal spread of its advantages"),
    BOOL(learner.final_step, "true", RESULT,
         "sft_pg: learn from the transitions of the last step too, whose noise hardly shows"),
    TEXT(learner.keep, "states", "states or activations", SAME,
         "backprop_chain: states, each step's forward pass is run again in the backward pass; activations\n"
         "of all steps: T' times the memory, a quarter less time; the same bits"),
    SECTION(distill,
            "beeline distill: progressive distillation, learner.rounds optimiser steps for each halving of the steps"),
    INTEGER(distill.first, "512", FROM_TO(1, 1048576), RESULT,
            "steps of the first teacher, the model by DDIM; last times a power of two, at most diffusion.steps"),
    INTEGER(distill.last, "1", FROM_TO(1, 1048576), RESULT, "steps of the last student"),
    TEXT(distill.prediction, "v", ANY, RESULT,
         "of the students: epsilon, x, v, velocity; where the model predicts something else, a first student\n"
         "with as many steps learns to predict this instead"),
    TEXT(distill.weight, "snr_trunc", "snr_trunc, snr or constant", RESULT,
         "of the squared error of x: snr_trunc, max(signal/noise, 1); snr; constant"),
    SECTION(critic, "f, the learned distance to the data"),
    INPUT(critic.start, RESULT,
          "checkpoint of a fine-tuning whose f and V to go on from, with fresh optimisers (such as\n"
          "checkpoint.milestones keeps; model.file can be the same); \"\": fresh weights"),
    LIST(critic.widths, "[128, 256, 512]", ELEMENTS(1, 1048576), RESULT,
         "channels of the convolutions, or sizes of the dense layers on point sets"),
    OPTIMISER(critic, "keys as in learner.optimiser", "1e-4", "0", UNTOLD),
    TEXT(critic.regulariser, "baseline", "baseline, penalty or none", RESULT,
         "baseline (SFT-PG (B)), penalty (of the gradient norm), none"),
    NUMBER(critic.weight, "1", NOT_NEGATIVE, RESULT, "of the regulariser"),
    SECTION(value, "V, the expected critic value at each step"),
    LIST(value.widths, "[1024, 1024, 256]", ELEMENTS(1, 1048576), RESULT, "sizes of the hidden layers"),
    OPTIMISER(value, "keys as in learner.optimiser", "1e-4", "0", UNTOLD),
    SECTION(compute, "how networks compute: results differ by rounding at most"),
    TEXT(compute.algorithms, "fixed", "fixed or measure", RESULT,
         "of convolutions: fixed (by shape, the same everywhere) or measure (the fastest on rank 0, found once at\n"
         "the start; kept in checkpoints, so that a resumed run has the same bits)"),
    BOOL(compute.bf16, "false", RESULT,
         "rollouts: convolutions may round their operands to bfloat16; faster only on processors with\n"
         "avx512_bf16, elsewhere slow and only good for seeing what it does to results"),
    BOOL(compute.recompute, "false", SAME,
         "learning: recompute activations in the backward pass; less memory, more time, the same bits"),
    INTEGER(compute.threads, "0", FROM_TO(0, 4096), RESULT,
            "OpenMP threads a rank; 0: OMP_NUM_THREADS where it is set, else 1: one rank a core is fastest"),
    SECTION(checkpoint, NULL),
    INTEGER(checkpoint.every, "10", NOT_NEGATIVE, SAME, "rounds between checkpoints; 0: only at the end"),
    INTEGER(checkpoint.keep, "2", 2, DBL_MAX, "at least 2", SAME, "newest checkpoints to keep, at least 2"),
    INTEGER(checkpoint.milestones, "0", NOT_NEGATIVE, SAME,
            "keep those of rounds divisible by this too, as kept-NNNNNN.nc once the run is finished; 0: none"),
    BOOL(checkpoint.final, "true", SAME,
         "keep the last one as final.nc: --resume with more learner.rounds goes on from it"),
    INTEGER(checkpoint.stop, "0", NOT_NEGATIVE, SAME, "rounds to do in this session, to go on later with --resume; 0: all"),
    SECTION(monitor, "finetune: what the record tells of each round beyond losses; changes no result but the record"),
    BOOL(monitor.critic, "false", SAME,
         "the largest singular value of each layer of the critic, and their product, its Lipschitz bound"),
    BOOL(monitor.policy, "false", SAME,
         "the surrogate before and after the policy steps, KL divergence of each step of the chain, change of\n"
         "the weights; costs two more forward passes of each transition"),
    INTEGER(monitor.held_out, "0", FROM_TO(0, 1048576), SAME,
            "samples for an IPM estimate on real samples of data.test and generated ones that the critic did\n"
            "not learn from, before and after the policy steps; 0: none"),
    SECTION(metrics, NULL),
    INPUT(metrics.classifier, RESULT, "model whose features FID is measured on; \"\" for point sets"),
    INPUT(metrics.inception, RESULT,
          "weights of Inception-v3 as published figures use, made by analysis/inception_to_netcdf.py; its\n"
          "features take the place of the classifier's"),
    INPUT(metrics.reference, RESULT,
          "statistics of the real data: read when there, else computed from data.file and written"),
    INPUT(metrics.samples, RESULT,
          "evaluate: samples to judge; finetune: samples of a reference sampler for the last table"),
    INTEGER(metrics.count, "10000", NOT_NEGATIVE, RESULT,
            "finetune: samples drawn before and after to measure the distance; 0: none"),
    INTEGER(metrics.every, "0", NOT_NEGATIVE, RESULT,
            "finetune: measure after every so many rounds too; 0: only before and after"),
    INTEGER(metrics.projections, "100", POSITIVE, RESULT, "directions of the sliced Wasserstein distance"),
    BOOL(metrics.kid, "false", RESULT,
         "evaluate, finetune's last table: the kernel distance (KID) on the features too; needs data.file;\n"
         "tables show it times 1000"),
    INTEGER(metrics.neighbours, "0", FROM_TO(0, 16), RESULT,
            "the same: neighbours of precision and recall, density and coverage (3 is usual); 0: none of them"),
    BOOL(metrics.score, "false", RESULT,
         "the same: the score of classes, from 1 to their number, in the manner of the Inception score"),
    INTEGER(metrics.subset, "10000", 2, DBL_MAX, "at least 2", RESULT,
            "images of each kind that KID, precision, recall and the score look at: the first ones"),
};

const int bl_options_table_count = sizeof bl_options_table / sizeof *bl_options_table;
_Static_assert(sizeof bl_options_table / sizeof *bl_options_table <= BL_OPTIONS_ROWS, "BL_OPTIONS_ROWS is too small");

int bl_options_row(const char *key) {
  for (int i = 0; i < bl_options_table_count; i++)
    if (strcmp(key, bl_options_table[i].key) == 0)
      return i;
  return -1;
}

/* ---- What a value may be -------------------------------------------------------------------------------------------- */

const char *bl_option_expects_word(const bl_option *row, const char *text) {
  for (const char *at = row->expected; at != NULL && *at != '\0';) {
    const size_t length = strcspn(at, ", ");
    if (strlen(text) == length && strncmp(at, text, length) == 0)
      return NULL;
    at += length;
    at += strspn(at, ", ");
    at += strncmp(at, "or ", 3) == 0 ? 3 : 0;
  }
  return row->expected;
}

const char *bl_option_expects_number(const bl_option *row, double value) {
  return value >= row->low && value <= row->high ? NULL : row->expected;
}

/* ---- What a mistyped key may mean ----------------------------------------------------------------------------------- */

/* Whether `name` is the last words of `key`: "rate.first" of "critic.optimiser.rate.first". */
static bool ends_with(const char *key, const char *name) {
  size_t key_length = strlen(key);
  size_t length = strlen(name);
  if (length > key_length || strcmp(key + key_length - length, name) != 0)
    return false;
  return length == key_length || key[key_length - length - 1] == '.';
}

/* Levenshtein's distance: letters to insert, delete or replace. */
static int edit_distance(const char *a, const char *b) {
  int row[BL_OPTIONS_KEY + 1];
  int columns = (int)strlen(b);
  for (int j = 0; j <= columns; j++)
    row[j] = j;
  for (int i = 0; a[i] != '\0'; i++) {
    int diagonal = row[0];
    row[0] = i + 1;
    for (int j = 0; j < columns; j++) {
      int replace = diagonal + (a[i] != b[j]);
      int shift = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
      diagonal = row[j + 1];
      row[j + 1] = replace < shift ? replace : shift;
    }
  }
  return row[columns];
}

const char *bl_options_nearest(const char *key) {
  const size_t length = strlen(key);
  const char *nearest = "", *dot = strrchr(key, '.');
  int best = length < 6 ? 3 : (int)length / 3 + 1;
  for (int sections = 0; sections < 2; sections++) /* keys first: they win where a section is as near */
    for (int i = 0; i < bl_options_table_count && length < BL_OPTIONS_KEY; i++) {
      const bool section = bl_options_table[i].type == BL_OPTION_SECTION;
      const int distance = section == sections ? edit_distance(key, bl_options_table[i].key) : best;
      if (distance < best)
        nearest = bl_options_table[i].key;
      best = distance < best ? distance : best;
    }
  /* A right name in the wrong section: "rounds" for "learner.rounds". */
  for (int i = 0; i < bl_options_table_count && nearest[0] == '\0' && length < BL_OPTIONS_KEY; i++)
    if (bl_options_table[i].type != BL_OPTION_SECTION && ends_with(bl_options_table[i].key, dot == NULL ? key : dot + 1))
      nearest = bl_options_table[i].key;
  return nearest;
}
