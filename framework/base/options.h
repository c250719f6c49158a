/** \file
 * The configuration of a run: one YAML file, any key overridable by "--set section.key=value".
 *
 * The YAML keys are the field paths of bl_options ("learner.rounds"). Every key, its default, its range and its meaning is
 * a row in base/options_table.c (printed by `beeline --defaults`); the user's file and the overrides are merged over the
 * defaults. A key that does not exist, a value of another type or out of range: BL_ERROR_USAGE with file, line, key, what
 * was found and what was expected. A key that is gone: the same, with what became of it (base/options_removed.c). Paths of
 * inputs in a file are relative to that file's folder, paths given by --set and every `output` to the working folder; they
 * are resolved on loading.
 */
#ifndef BEELINE_BASE_OPTIONS_H
#define BEELINE_BASE_OPTIONS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BL_OPTIONS_LIST = 8, BL_OPTIONS_DIGEST = 17 };

/** A short list of integers, for example the channel multipliers of a UNet. */
typedef struct bl_options_list {
  int *values;
  unsigned count; /**< at most BL_OPTIONS_LIST */
} bl_options_list;

/** `import`: which foreign files become a data set. */
typedef struct bl_options_import {
  char *format;    /**< "idx", "cifar10", "folder", "swiss_roll"; of models: "ddpm", "diffusers" */
  char *images;    /**< IDX image file; folder of CIFAR-10 batches; folder of PNG or JPEG files */
  char *labels;    /**< IDX label file; "" for none */
  char *part;      /**< "train", "test" (cifar10: which batches) or "" */
  int resize;      /**< folder: side of the square images; 0: all must be of one size already */
  bool grey;       /**< folder: convert to one channel */
  int pad;         /**< zero-pad every image to this side; 0: do not */
  int maximum;     /**< highest value of the source's pixels, scaled to 255 (16 for the optical digits) */
  int limit;       /**< stop after so many samples; 0: all */
  bool skip_bad;   /**< folder: leave out pictures that cannot be read, and count them */
  int count;       /**< swiss_roll: points to draw */
  double noise;    /**< swiss_roll: standard deviation of the noise before scaling */
  char *model;     /**< ddpm, diffusers: file or folder of the model */
  int sample_size; /**< ddpm, diffusers: side of the images in pixels where the model does not tell; 0: it does */
} bl_options_import;

typedef struct bl_options_data {
  char *file; /**< netCDF data set made by `beeline import` */
  bool flip;  /**< mirror every second image at random while learning */
  char *test; /**< data set that nothing learns from; "" where there is none */
} bl_options_data;

/** The network to pre-train; see bl_network_shape. */
typedef struct bl_options_network {
  char *start; /**< model or checkpoint to go on from; "" for fresh weights */
  char *kind;  /**< "unet", "mlp", "critic", "value", "classifier" */
  int base_channels;
  bl_options_list multipliers;
  int blocks;
  int patch;
  bl_options_list attention;
  bl_options_list attention_levels; /**< instead of `attention`; the first level is 0 */
  int head_width;                   /**< channels of a head of attention; 0: one head */
  int groups;                       /**< of normalisation */
  double norm_epsilon;
  int down_padding;
  char *embedding; /**< of time: "sine_first", "cosine_first" */
  int frequency_shift;
  double dropout;
  bl_options_list widths;
} bl_options_network;

typedef struct bl_options_model {
  char *file;    /**< model to start from; "" where none is needed */
  char *weights; /**< "average" (moving average) or "last" */
} bl_options_model;

typedef struct bl_options_diffusion {
  char *schedule; /**< "linear", "quadratic", "sigmoid", "cosine" */
  int steps;      /**< T */
  double beta_first;
  double beta_last;
} bl_options_diffusion;

typedef struct bl_options_sampler {
  char *name;         /**< a row of sampler/table.c: "ddpm", "fastdpm", … */
  char *grid;         /**< "full", "linear", "even", "quadratic" (steps); FastDPM: "step_linear", "step_quadratic",
                         "var_linear", "var_quadratic", "var_quadratic_exact"; solvers: "log_snr", "time", "linear" */
  int steps;          /**< T' */
  int order;          /**< of a solver; 0: its own */
  char *variance;     /**< ddpm: "small" or "large" */
  double kappa;       /**< FastDPM: 0 deterministic … 1 as DDPM */
  double eta;         /**< ddim, analytic, sn_ddpm, npr_ddpm: 0 deterministic … 1 as DDPM */
  char *moments;      /**< analytic: file made by `beeline moments` */
  char *head;         /**< sn_ddpm, npr_ddpm: file made by `beeline moments` with moments.head */
  double pixel_clip;  /**< analytic, sn_ddpm, npr_ddpm: bound of the noise of the step before the last, in 8-bit levels; 0:
                         none */
  double final_sigma; /**< standard deviation of the last step: 0 for none, negative to keep the sampler's own */
  bool clip;          /**< clip the prediction of x_0 to [−1, 1] (not for fine-tuning) */
  int count;          /**< samples to draw (`sample`) */
} bl_options_sampler;

/** `moments`: Γ_t of a model, or a head for it. */
typedef struct bl_options_moments {
  int count;  /**< samples of the data at each step */
  char *head; /**< "sn" or "npr": train such a head instead */
} bl_options_moments;

/** A learning rate that decays. */
typedef struct bl_options_rate {
  double first;
  char *decay; /**< "none", "linear", "cosine": from `first` in round 0 to `last` in the last round */
  double last;
} bl_options_rate;

typedef struct bl_options_optimiser {
  char *name; /**< "adam", "rmsprop" */
  bl_options_rate rate;
  double beta1;
  double beta2;
  double weight_decay;
  double start_decay; /**< decoupled decay towards the weights at the start; 0: none */
  double clip;        /**< largest norm of the gradient; 0: no clipping */
} bl_options_optimiser;

typedef struct bl_options_learner {
  char *name;                     /**< "denoise", "classify" (pretrain); "sft_pg", "backprop_chain" (finetune); "distill" */
  int rounds;                     /**< denoise, classify: optimiser steps; sft_pg: rounds of collect and improve */
  int batch;                      /**< samples per step */
  int micro_batch;                /**< samples computed at once; divides batch; fixes the bits, not the ranks */
  double average;                 /**< decay of the moving average of the parameters; 0: none */
  bl_options_optimiser optimiser; /**< of θ */
  int n_critic;                   /**< sft_pg: critic steps per round */
  int n_generator;                /**< sft_pg: policy steps per round */
  int critic_epochs;              /**< sft_pg: passes of the critic over the trajectories of a round */
  int warm_up;                    /**< sft_pg: first rounds, in which only critic and value network learn */
  char *log_density;              /**< sft_pg: "mean" or "sum" over the elements of a sample */
  bool baseline;                  /**< sft_pg: subtract V from f in the advantage */
  char *baseline_from;            /**< sft_pg: "value", V(x_t, t); "prediction", a line in f(x̂_0(x_t)) */
  double trace;      /**< sft_pg: λ of the advantage: 1 is f − V, below 1 bootstraps from V of later steps */
  char *step_weight; /**< sft_pg: weight of a transition, "density" (1, the paper's) or "balanced" (σ / |∂μ/∂ε| of its
                          step, divided by the spread of the step's advantages) */
  char *keep;        /**< backprop_chain: "states" or "activations" */
  bool final_step;   /**< sft_pg: learn from the transitions of the last step too */
} bl_options_learner;

/** `distill`: progressive distillation. */
typedef struct bl_options_distill {
  int first;        /**< steps of the first teacher */
  int last;         /**< steps of the last student */
  char *prediction; /**< of the students: "epsilon", "x", "v", "velocity" */
  char *weight;     /**< of the loss: "snr_trunc", "snr", "constant" */
} bl_options_distill;

typedef struct bl_options_critic {
  char *start;            /**< checkpoint to take f and V from; "" for fresh weights */
  bl_options_list widths; /**< of the hidden layers: channels of convolutions, or features on point sets */
  bl_options_optimiser optimiser;
  char *regulariser; /**< "baseline" (SFT-PG (B)), "penalty" (gradient penalty), "none" */
  double weight;     /**< of the regulariser: λ */
} bl_options_critic;

typedef struct bl_options_value {
  bl_options_list widths; /**< of the hidden layers */
  bl_options_optimiser optimiser;
} bl_options_value;

typedef struct bl_options_checkpoint {
  int every;      /**< rounds; 0: only at the end */
  int keep;       /**< newest checkpoints to keep, at least 2 */
  int milestones; /**< checkpoints of rounds divisible by it are kept too; 0: none */
  bool final;     /**< the last checkpoint is kept as final.nc, so that a longer run can go on from it */
  int stop;       /**< rounds to do in this session, to go on later with --resume; 0: all */
} bl_options_checkpoint;

/** How networks compute; changes results by rounding at most. */
typedef struct bl_options_compute {
  char *algorithms; /**< of convolutions: "fixed", "measure" */
  bool bf16;        /**< rollouts: round the operands of convolutions to bfloat16 where that is faster */
  bool recompute;   /**< learning: recompute activations in the backward pass instead of keeping them */
  int threads;      /**< of oneDNN, a rank; 0: OMP_NUM_THREADS where it is set, else 1 */
} bl_options_compute;

/** What `finetune` records of each round beyond its losses; changes no parameter. */
typedef struct bl_options_monitor {
  bool critic;  /**< largest singular value of each layer of the critic, and the Lipschitz bound */
  bool policy;  /**< surrogates before and after improve, KL divergence, change of the parameters */
  int held_out; /**< samples on each side of the IPM estimate that the critic does not learn from; 0: none */
} bl_options_monitor;

typedef struct bl_options_export {
  bool chain; /**< with the chain of `sampler` */
} bl_options_export;

typedef struct bl_options_metrics {
  char *classifier; /**< model whose features FID is measured on; "" for none (point sets) */
  char *inception;  /**< weights of Inception-v3, whose features take the place of the classifier's; "" for none */
  char *reference;  /**< statistics of the real data: read when there, else computed from data.file and written */
  char *samples;    /**< `evaluate`: the samples to judge; `finetune`: samples of a reference sampler for the last table, ""
                       for none */
  int count;        /**< `finetune`: samples drawn before and after */
  int every;       /**< `finetune`: measure after every so many rounds too (the learning curve); 0: only before and after */
  int projections; /**< directions of the sliced Wasserstein distance */
  bool kid;        /**< the kernel distance on the features too */
  int neighbours;  /**< neighbours of precision, recall, density and coverage; 0: none of them */
  bool score;      /**< the score of the classes that the network of the features sees */
  int subset;      /**< images of each kind that these three look at, the first ones */
} bl_options_metrics;

/** All that a run can be told. */
typedef struct bl_options {
  char *title;
  int64_t seed;
  char *output;    /**< import, sample, evaluate: file to write; pretrain, finetune: folder to write into */
  char *roles;     /**< "all", "auto" or "G:C:A" */
  double watchdog; /**< minutes without progress after which a rank ends the job; 0: never */
  bl_options_import import;
  bl_options_data data;
  bl_options_network network;
  bl_options_model model;
  bl_options_diffusion diffusion;
  bl_options_sampler sampler;
  bl_options_moments moments;
  bl_options_export export;
  bl_options_learner learner;
  bl_options_distill distill;
  bl_options_critic critic;
  bl_options_value value;
  bl_options_compute compute;
  bl_options_checkpoint checkpoint;
  bl_options_monitor monitor;
  bl_options_metrics metrics;
} bl_options;

/** Merge the defaults, the file \a path ("" or NULL for none) and \a set_count overrides "key.path=value", the last of a
 * key counting most. An override that begins with "--" ("--seed=3") is named so in messages, others as "--set
 * key.path=value". Not collective. \param [out] options  the caller's; release with bl_options_destroy. */
bl_status bl_options_load(bl_options **options, const char *path, int set_count, const char *const *sets);

/** The first half of bl_options_load, for a program in which one rank reads for all: the bytes of a configuration.
 * Not collective. \param [out] text (size), the caller's; release with bl_free.
 * Returns BL_ERROR_INPUT when the file cannot be read, is a folder, or is larger than 1 MiB. */
bl_status bl_options_read_file(char **text, size_t *size, const char *path);

/** The second half of bl_options_load: merge the defaults, the bytes \a text of the file \a path (NULL for none) and the
 * overrides. Not collective. \param [out] options  the caller's; release with bl_options_destroy. */
bl_status bl_options_parse(bl_options **options, const char *path, const char *text, size_t size, int set_count,
                           const char *const *sets);

/** An override that stands in another file than the configuration. Borrowed. */
typedef struct bl_options_setting {
  const char *text;  /**< "key.path=value" or "--seed=3", as bl_options_load takes it */
  const char *place; /**< for messages: "table.yaml:12"; NULL: the text itself */
  const char *path;  /**< file in whose folder a relative path of an input begins; NULL: the working folder */
} bl_options_setting;

/** bl_options_parse with overrides that say where they stand. Not collective. \param [out] options  the caller's; release
 * with bl_options_destroy. */
bl_status bl_options_parse_settings(bl_options **options, const char *path, const char *text, size_t size, int count,
                                    const bl_options_setting *settings);

/** A configuration that a file holds (bl_options_text), by this version or an earlier one: keys that are gone since, and
 * had their defaults, are passed over. Not collective. \param [out] options  the caller's; release with bl_options_destroy.
 * Returns BL_ERROR_USAGE where this version cannot compute what it describes; the message names its lines. */
bl_status bl_options_parse_stored(bl_options **options, const char *text);

/** Every key with its default and its meaning, as YAML. Not collective. \param [out] text  the caller's; release with free.
 * Returns BL_ERROR_SYSTEM when memory is short. */
bl_status bl_options_defaults(char **text);

/** Release *\a options and set it to NULL; NULL is allowed. Not collective. */
void bl_options_destroy(bl_options **options);

/** The merged configuration as YAML text, paths resolved, for provenance. Not collective. Borrowed from \a options. */
const char *bl_options_text(const bl_options *options);

/** Hexadecimal digest (64-bit FNV-1a) of what can change results, where it differs from its default: no later key, and no
 * default that is written out, changes it. Left out are output, roles, watchdog, checkpoint, monitor, compute.recompute,
 * learner.keep and title. Numbers count by value, paths as they were written. Not collective. Borrowed from \a options. */
const char *bl_options_digest(const bl_options *options);

/** The rules of digests: 0 is today's; the others are those of files from before December 2026. */
enum { BL_OPTIONS_RULES = 4 };

/** The digest of one section, "metrics", or of all, "", by \a rule. Not collective. \param [out] digest  the caller's. */
void bl_options_digest_by(char digest[BL_OPTIONS_DIGEST], const bl_options *options, const char *section, int rule);

/** Whether \a digest, which a file holds, is that of \a options by any of the rules. Not collective. */
bool bl_options_digest_fits(const bl_options *options, const char *digest);

/** A key whose values differ in two configurations; borrowed from them. */
typedef struct bl_options_change {
  const char *key, *before, *now; /**< values as YAML */
} bl_options_change;

/** The change number \a index, counted from 0, of those that can change results, from \a before to \a now; files that are
 * read (bl_options_input) are left out, since another name may be the same file. Not collective. Returns false, and nothing
 * else, when there are no more. */
bool bl_options_difference(bl_options_change *change, const bl_options *before, const bl_options *now, int index);

/** The path of the configuration's file, "" where there is none. Not collective. Borrowed from \a options. */
const char *bl_options_path(const bl_options *options);

/** The input file number \a index, counted from 0 in the order of --defaults: key and resolved path, "" where none is
 * named. Not collective. \param [out] key  borrowed from \a options. \param [out] path  (size) caller's, cut where it is
 * longer. Returns false, and nothing else, when there are no more keys of inputs. */
bool bl_options_input(const char **key, char *path, size_t size, const bl_options *options, int index);

/** Whether \a key, "import.resize", has another value than the default; one that is written out and equals it has not. Not
 * collective. */
bool bl_options_changed(const bl_options *options, const char *key);

/** Refuse a value that is well-formed but makes no sense: "FILE:LINE: learner.batch is 100, expected a multiple of
 * learner.micro_batch (16)". Not collective. \param [in] key  "learner.batch". \param [in] expected  printf's format.
 * Returns BL_ERROR_USAGE. */
bl_status bl_options_reject(const bl_options *options, const char *key, const char *expected, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/** Put the place where \a key got its value before the recorded message, when \a status is BL_ERROR_USAGE or
 * BL_ERROR_INPUT: for a value that a function without options refused, or a file that it names, as in `return
 * bl_options_blame(options, "network.kind", bl_network_kind_parse(…));`. A message that begins with another key gets that
 * one's place. Not collective. Returns \a status. */
bl_status bl_options_blame(const bl_options *options, const char *key, bl_status status);

#endif
