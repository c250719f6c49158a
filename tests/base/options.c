#include "base/options.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/options_table.h"
#include "support/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Merge text (as the file "folder/run.yaml") and one override (NULL for none). */
static bl_status load(bl_options **options, const char *text, const char *set) {
  return bl_options_parse(options, "folder/run.yaml", text, text == NULL ? 0 : strlen(text), set != NULL, &set);
}

static bl_options *loaded(const char *text, const char *set) {
  bl_options *options;
  if (load(&options, text, set) != BL_OK)
    fail_msg("refused: %s", bl_status_message());
  return options;
}

static int no_leak(void **state) {
  (void)state;
  bl_status_clear();
  return bl_memory_balance() == 0 ? 0 : -1;
}

static void defaults_are_the_paper_s(void **state) {
  (void)state;
  bl_options *o;
  assert_int_equal(bl_options_load(&o, NULL, 0, NULL), BL_OK);
  assert_int_equal(o->diffusion.steps, 1000);
  assert_string_equal(o->diffusion.schedule, "linear");
  assert_true(o->diffusion.beta_first == 1e-4 && o->diffusion.beta_last == 0.02);
  assert_string_equal(o->sampler.grid, "var_quadratic");
  assert_int_equal(o->sampler.steps, 10);
  assert_true(o->sampler.kappa == 1 && o->sampler.final_sigma == 0.001);
  assert_int_equal(o->learner.n_critic, 5);
  assert_int_equal(o->learner.n_generator, 10);
  assert_int_equal(o->learner.batch, 128);
  assert_true(o->learner.optimiser.clip == 0.1 && o->learner.optimiser.rate.first == 1e-6);
  assert_true(o->critic.optimiser.rate.first == 1e-4 && o->value.optimiser.rate.first == 1e-4);
  assert_true(o->learner.optimiser.beta1 == 0.9 && o->learner.optimiser.beta2 == 0.999);
  assert_string_equal(o->learner.log_density, "mean");
  assert_string_equal(o->critic.regulariser, "baseline");
  assert_true(o->critic.weight == 1 && o->learner.baseline);
  assert_int_equal(o->network.multipliers.count, 4);
  assert_int_equal(o->network.multipliers.values[3], 2);
  assert_int_equal(o->network.widths.count, 0);
  assert_string_equal(o->metrics.classifier, "");
  bl_options_destroy(&o);
  assert_null(o);
  bl_options_destroy(&o);
}

/* The text of --defaults; each key is explained where it stands first. */
static void every_key_is_explained(void **state) {
  (void)state;
  char *text;
  assert_int_equal(bl_options_defaults(&text), BL_OK);
  const char *optimiser = strstr(text, "# keys as in learner.optimiser");
  assert_non_null(optimiser);
  for (const char *line = text; line < optimiser; line += strcspn(line, "\n") + 1) {
    const size_t length = strcspn(line, "\n");
    const bool is_value = length > 0 && line[0] != '#' && line[length - 1] != ':';
    if (is_value && memchr(line, '#', length) == NULL)
      fail_msg("the defaults have no comment on: %.*s", (int)length, line);
  }
  free(text);
}

/* The defaults are a configuration, and give nothing that is not the default. */
static void the_defaults_are_a_configuration(void **state) {
  (void)state;
  char *text;
  assert_int_equal(bl_options_defaults(&text), BL_OK);
  bl_options *o = loaded(text, NULL), *none = loaded(NULL, NULL);
  assert_string_equal(bl_options_text(o), bl_options_text(none));
  assert_string_equal(bl_options_digest(o), bl_options_digest(none));
  for (int i = 0; i < bl_options_table_count; i++)
    assert_false(bl_options_changed(o, bl_options_table[i].key));
  bl_options_destroy(&o);
  bl_options_destroy(&none);
  free(text);
}

static void file_overrides_defaults_and_arguments_override_the_file(void **state) {
  (void)state;
  bl_options *o = loaded("learner:\n  rounds: 3\n  batch: 32\ntitle: digits # 8 x 8\n", "learner.rounds=20");
  assert_int_equal(o->learner.rounds, 20);
  assert_int_equal(o->learner.batch, 32);
  assert_string_equal(o->title, "digits");
  bl_options_destroy(&o);
  const char *const sets[] = {"seed=5",
                              "network.widths=[1, 2, 3]",
                              "checkpoint={every: 3, keep: 4}",
                              "--seed=7",
                              "title=a: \"b\" # \\c \xC3\xA9 \xE2\x86\x92 \xF0\x9F\x90\x9D",
                              "model.file=",
                              "data.flip=yes",
                              "output=\"in quotes\""};
  assert_int_equal(bl_options_load(&o, "", 8, sets), BL_OK);
  assert_int_equal(o->seed, 7);
  assert_int_equal(o->network.widths.count, 3);
  assert_int_equal(o->network.widths.values[2], 3);
  assert_int_equal(o->checkpoint.every, 3);
  assert_int_equal(o->checkpoint.keep, 4);
  assert_string_equal(o->title, "a: \"b\" # \\c \xC3\xA9 \xE2\x86\x92 \xF0\x9F\x90\x9D");
  assert_string_equal(o->model.file, "");
  assert_true(o->data.flip);
  assert_string_equal(o->output, "in quotes");
  bl_options_destroy(&o);
}

static void input_paths_start_from_the_folder_that_names_them(void **state) {
  (void)state;
  bl_options *o = loaded("data:\n  file: digits.nc\nmodel: {file: /absolute.nc}\noutput: out\n", "metrics.reference=r.nc");
  assert_string_equal(o->data.file, "folder/digits.nc");
  assert_string_equal(o->model.file, "/absolute.nc");
  assert_string_equal(o->output, "out");
  assert_string_equal(o->metrics.reference, "r.nc");
  assert_string_equal(o->metrics.classifier, "");
  bl_options_destroy(&o);
  const char *text = "data: {file: a.nc}";
  assert_int_equal(bl_options_parse(&o, "q\"\\\n\xC3\xA9/run.yaml", text, strlen(text), 0, NULL), BL_OK);
  assert_string_equal(o->data.file, "q\"\\\n\xC3\xA9/a.nc");
  bl_options_destroy(&o);
}

static void the_text_is_a_configuration_again(void **state) {
  (void)state;
  bl_options *o = loaded("title: 'a \"quoted\" \\ title'\nnetwork: {attention: [4, 8]}\nseed: 9223372036854775807\n",
                         "diffusion.beta_first=3e-5");
  bl_options *again;
  const char *text = bl_options_text(o);
  assert_int_equal(bl_options_parse(&again, NULL, text, strlen(text), 0, NULL), BL_OK);
  assert_string_equal(bl_options_text(again), text);
  assert_string_equal(bl_options_digest(again), bl_options_digest(o));
  assert_string_equal(again->title, "a \"quoted\" \\ title");
  assert_true(again->seed == INT64_MAX);
  bl_options_destroy(&o);
  bl_options_destroy(&again);
}

static void digest_counts_what_changes_results(void **state) {
  (void)state;
  bl_options *o = loaded("seed: 1", NULL);
  char digest[32];
  snprintf(digest, sizeof digest, "%s", bl_options_digest(o));
  assert_int_equal(strlen(digest), 16);
  bl_options_destroy(&o);
  const char *const same[] = {"title=x",
                              "output=x",
                              "roles=1:1:1",
                              "checkpoint.every=3",
                              "checkpoint.keep=7",
                              "seed=1",
                              "checkpoint.stop=12",
                              "diffusion.beta_first=0.0001",
                              "sampler.kappa=1.0",
                              "compute.recompute=true",
                              "compute={algorithms: fixed, threads: 0}"};
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
    o = loaded(NULL, same[i]);
    assert_string_equal(bl_options_digest(o), digest);
    bl_options_destroy(&o);
  }
  const char *const other[] = {"seed=2",
                               "data.file=x",
                               "network.widths=[1]",
                               "learner.baseline=false",
                               "sampler.kappa=0.999",
                               "compute.algorithms=measure",
                               "compute.bf16=true",
                               "compute.threads=2"};
  for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
    o = loaded(NULL, other[i]);
    assert_string_not_equal(bl_options_digest(o), digest);
    bl_options_destroy(&o);
  }
}

/* A text, and what the message must say. */
typedef struct refusal {
  const char *text;
  const char *message;
} refusal;

static void refuse_all(const refusal *refusals, size_t count, bool as_argument) {
  for (size_t i = 0; i < count; i++) {
    bl_options *o = (bl_options *)1;
    const bl_status status = as_argument ? load(&o, NULL, refusals[i].text) : load(&o, refusals[i].text, NULL);
    if (status != BL_ERROR_USAGE || strncmp(bl_status_message(), refusals[i].message, strlen(refusals[i].message)) != 0)
      fail_msg("%s\n  gave status %d: %s\n  expected       %s", refusals[i].text, (int)status, bl_status_message(),
               refusals[i].message);
    assert_null(o);
    assert_null(strchr(bl_status_message(), '\n'));
    bl_status_clear();
    assert_int_equal(bl_memory_balance(), 0);
  }
}

/* As Windows' editors write: a byte order mark, and lines that end in carriage return and line feed. */
static void a_byte_order_mark_is_no_text(void **state) {
  (void)state;
  bl_options *o = loaded("\xEF\xBB\xBFseed: 3\r\nlearner:\r\n  rounds: 7\r\n", NULL);
  assert_int_equal(o->seed, 3);
  assert_int_equal(o->learner.rounds, 7);
  bl_options_destroy(&o);
  static const refusal refusals[] = {
      {"\xEF\xBB\xBFseed: 3\nsede: 4\n", "folder/run.yaml:2: there is no key sede"},
      {"\xEF\xBB\xBFseed: 3\ntitle: \xE9\n", "folder/run.yaml:2: byte 18 is not text in UTF-8"},
      {"\xEF\xBB\xBF", "folder/run.yaml:1: the configuration is empty"}};
  refuse_all(refusals, sizeof refusals / sizeof refusals[0], false);
  const char wide[] = "\xFF\xFEs\0e\0e\0d\0:\0 \0\x33\0\n\0";
  assert_int_equal(bl_options_parse(&o, "wide.yaml", wide, sizeof wide - 1, 0, NULL), BL_ERROR_USAGE);
  assert_string_equal(bl_status_message(),
                      "wide.yaml: is text in UTF-16LE, expected UTF-8; save it as UTF-8, or convert it: "
                      "iconv -f UTF-16LE -t UTF-8 OLD > NEW");
}

/* YAML 1.1: n, no, false, off and their opposites, each small, with a capital, or in capitals; nothing else. */
static void truth_is_that_of_yaml_1_1(void **state) {
  (void)state;
  static const char *const words[2][12] = {
      {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", "!"},
      {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "!"}};
  static const char *const others[] = {"tRUE", "TRue", "fALSE", "1", "\"true\"", "truee", "t", "oN", "yEs"};
  char text[64];
  for (int truth = 0; truth < 2; truth++)
    for (int i = 0; words[truth][i][0] != '!'; i++) {
      snprintf(text, sizeof text, "data:\n  flip: %s\n", words[truth][i]);
      bl_options *o = loaded(text, NULL);
      assert_int_equal(o->data.flip, truth);
      bl_options_destroy(&o);
    }
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    snprintf(text, sizeof text, "data:\n  flip: %s\n", others[i]);
    refuse_all(&(refusal){text, "folder/run.yaml:2: data.flip is "}, 1, false);
  }
  bl_options *o = loaded("model: {file: NULL}\ntitle: Null\n", NULL);
  assert_string_equal(o->model.file, "");
  assert_string_equal(o->title, "");
  bl_options_destroy(&o);
}

static void a_value_that_equals_the_default_is_no_change(void **state) {
  (void)state;
  bl_options *o =
      loaded("import: {noise: 5e-2, part: train, resize: 0, skip_bad: No, pad: 3}\nnetwork: {attention: [16 ]}\n",
             "import.labels=x");
  static const char *const same[] = {"import.noise",    "import.part",  "import.resize",
                                     "import.skip_bad", "import.count", "network.attention"};
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
    assert_false(bl_options_changed(o, same[i]));
  assert_true(bl_options_changed(o, "import.pad"));
  assert_true(bl_options_changed(o, "import.labels"));
  bl_options_destroy(&o);
}

#define AT "folder/run.yaml:"

static void bad_files_are_refused_by_line(void **state) {
  (void)state;
  const refusal refusals[] = {
      {"learner:\n  round: 3\n", AT "2: there is no key learner.round; did you mean learner.rounds?"},
      {"\nrounds: 3\n", AT "2: there is no key rounds; did you mean learner.rounds?"},
      {"lerner: {}\n", AT "1: there is no key lerner; did you mean learner?"},
      {"blubber: {}\n", AT "1: there is no key blubber (beeline --defaults lists all keys)"},
      {"learner.rounds: 3\n", AT "1: learner.rounds is written with dots"},
      {"learner:\n  rounds: many\n", AT "2: learner.rounds is many, expected an integer"},
      {"learner:\n  rounds: 2.5\n", AT "2: learner.rounds is 2.5, expected an integer"},
      {"learner:\n  rounds: \"20\"\n", AT "2: learner.rounds is the text \"20\", expected an integer"},
      {"learner:\n  rounds:\n", AT "2: learner.rounds is empty, expected an integer"},
      {"learner:\n  rounds: [1]\n", AT "2: learner.rounds is a list, expected an integer"},
      {"learner:\n  rounds: {a: 1}\n", AT "2: learner.rounds is a section of keys, expected an integer"},
      {"learner:\n  rounds: 2147483648\n", AT "2: learner.rounds is 2147483648, expected an integer of at most 2147483647"},
      {"seed: 99999999999999999999\n",
       AT "1: seed is 99999999999999999999, expected an integer of at most 9223372036854775807"},
      {"seed: 0x10\n", AT "1: seed is 0x10, expected an integer"},
      {"learner: 3\n", AT "1: learner is 3, expected a section of keys"},
      {"title: [a]\n", AT "1: title is a list, expected text"},
      {"title: \"a\\nb\"\n", AT "1: title has a line break or another control character"},
      {"title: \"a\\0b\"\n", AT "1: title has a line break or another control character"},
      {"title: \"a\\x95b\"\n", AT "1: title has a line break or another control character"},
      {"title: \"a\\u2028b\"\n", AT "1: title has a line break or another control character"},
      {"data: {flip: maybe}\n", AT "1: data.flip is maybe, expected true or false"},
      {"sampler: {kappa: .nan}\n", AT "1: sampler.kappa is .nan, expected a number"},
      {"sampler: {kappa: 1e999}\n", AT "1: sampler.kappa is 1e999, expected a number that fits"},
      {"sampler: {kappa: 1.5}\n", AT "1: sampler.kappa is 1.5, expected 0 to 1"},
      {"sampler: {kappa: -0.5}\n", AT "1: sampler.kappa is -0.5, expected 0 to 1"},
      {"model: {weights: best}\n", AT "1: model.weights is \"best\", expected average or last"},
      {"value: {optimiser: {name: \"\"}}\n", AT "1: value.optimiser.name is \"\", expected adam or rmsprop"},
      {"critic: {spectral_weight: 0}\n", AT "1: critic.spectral_weight is gone since December 2026: the penalty"},
      {"learner:\n  optimiser:\n    rate: {rise: 20}\n", AT "3: learner.optimiser.rate.rise is gone since December 2026"},
      {"learner: {step_weight: even}\n", AT "1: learner.step_weight: even is gone since December 2026"},
      {"learner: {step_weight: odd}\n", AT "1: learner.step_weight is \"odd\", expected density or balanced"},
      {"checkpoint: {keep: 1}\n", AT "1: checkpoint.keep is 1, expected at least 2"},
      {"network: {widths: 3}\n", AT "1: network.widths is 3, expected a list of integers"},
      {"network: {widths: [1, x]}\n", AT "1: network.widths is x, expected an integer"},
      {"network: {widths: [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n", AT "1: network.widths has more elements than 8"},
      {"network: {widths: [[[[[[[[[[\n", AT "1: network.widths is a list, expected an integer"},
      {"seed: 1\n\nseed: 2\n", AT "3: seed is set twice, first in line 1"},
      {"data: {}\ndata: {}\n", AT "2: data is set twice, first in line 1"},
      {"learner:\n\trounds: 1\n", AT "2: not valid YAML: found character that cannot start any token"},
      {"title: \"open\n", AT "2: not valid YAML: "},
      {"seed: &a 1\n", AT "1: anchors and aliases"},
      {"seed: *a\n", AT "1: anchors and aliases"},
      {"seed: !!int 1\n", AT "1: tags (!)"},
      {"? [a]\n: 1\n", AT "1: a list or section is no name of a key"},
      {"seed: 1\n---\nseed: 2\n", AT "2: a second document starts here"},
      {"", AT "1: the configuration is empty"},
      {"# nothing\n", AT "2: the configuration is empty"},
      {"- seed\n", AT "1: the configuration is a list"},
      {"seed:1\n", AT "1: the configuration is seed:1"},
      {"seed: 1\ntitle: \xFF\n", AT "2: byte 15 is not text in UTF-8"},
      {"CDF\x01", AT "1: byte 3 is not text in UTF-8: control characters"},
  };
  refuse_all(refusals, sizeof refusals / sizeof refusals[0], false);
}

static void bad_arguments_are_refused_by_name(void **state) {
  (void)state;
  const refusal refusals[] = {
      {"learner.rounds", "--set learner.rounds: expected KEY=VALUE"},
      {"=3", "--set =3: expected KEY=VALUE"},
      {"", "--set : expected KEY=VALUE"},
      {"lerner.rounds=3", "--set lerner.rounds=3: there is no key lerner.rounds; did you mean learner.rounds?"},
      {"learner..rounds=3", "--set learner..rounds=3: there is no key learner..rounds; did you mean learner.rounds?"},
      {"learner.rounds.x=3", "--set learner.rounds.x=3: there is no key learner.rounds.x; did you mean learner.rounds?"},
      {"learner.rounds=x", "--set learner.rounds=x: learner.rounds is x, expected an integer"},
      {"learner.rounds=", "--set learner.rounds=: learner.rounds is empty, expected an integer"},
      {"learner.rounds=3\nseed: 4", "--set learner.rounds=3\\nseed: 4: "},
      {"learner=3", "--set learner=3: learner is 3, expected a section"},
      {"checkpoint={evry: 1}",
       "--set checkpoint={evry: 1}: there is no key checkpoint.evry; did you mean checkpoint.every?"},
      {"network.widths=[1", "--set network.widths=[1: not valid YAML: "},
      {"title=\xFF", "--set title=\\xff: byte 1 is not text in UTF-8"},
      {"--roles=\t", "--roles=\\t: roles has a line break or another control character"},
      {"learner.normalise_advantage=true", "--set learner.normalise_advantage=true: learner.normalise_advantage is gone"},
      {"--seed=-1", "--seed=-1: seed is -1, expected 0 or more"},
  };
  refuse_all(refusals, sizeof refusals / sizeof refusals[0], true);
}

static void every_number_has_a_range(void **state) {
  (void)state;
  assert_in_range(bl_options_table_count, 70, BL_OPTIONS_ROWS - 1);
  for (int i = 0; i < bl_options_table_count; i++) {
    const bl_option *row = &bl_options_table[i];
    if (row->type < BL_OPTION_INTEGER || row->type == BL_OPTION_BOOL)
      continue;
    char set[2 * BL_OPTIONS_KEY];
    bl_options *o;
    assert_non_null(row->expected);
    snprintf(set, sizeof set, row->type == BL_OPTION_LIST ? "%s=[-2]" : "%s=-2", row->key);
    if (load(&o, NULL, set) != BL_ERROR_USAGE)
      fail_msg("%s is accepted", set);
    bl_status_clear();
  }
}

static void words_are_chosen_from_their_row(void **state) {
  (void)state;
  const bl_option row = {.expected = "one, two or three"}, any = {.expected = NULL};
  assert_null(bl_option_expects_word(&row, "one"));
  assert_null(bl_option_expects_word(&row, "two"));
  assert_null(bl_option_expects_word(&row, "three"));
  assert_non_null(bl_option_expects_word(&row, "or"));
  assert_non_null(bl_option_expects_word(&row, "thre"));
  assert_non_null(bl_option_expects_word(&row, ""));
  assert_null(bl_option_expects_word(&any, "four"));
}

static void bad_places_are_refused(void **state) {
  (void)state;
  bl_options *o;
  assert_int_equal(bl_options_load(&o, "/nonexistent/run.yaml", 0, NULL), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "/nonexistent/run.yaml: No such file"));
  bl_status_clear();
  assert_int_equal(bl_options_load(&o, "/", 0, NULL), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "/ is a folder"));
  bl_status_clear();
  assert_int_equal(bl_options_load(&o, "/dev/zero", 0, NULL), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "larger than 1 MiB"));
  assert_null(o);
}

static void a_rejected_value_is_named_with_its_place(void **state) {
  (void)state;
  bl_options *o = loaded("seed: 1\nlearner:\n  batch: 100\n  name: \"x\"\n", "learner.micro_batch=16");
  assert_int_equal(bl_options_reject(o, "learner.batch", "a multiple of learner.micro_batch (%d)", 16), BL_ERROR_USAGE);
  assert_string_equal(bl_status_message(), AT "3: learner.batch is 100, expected a multiple of learner.micro_batch (16)");
  bl_status_clear();
  bl_options_reject(o, "learner.micro_batch", "a divisor");
  assert_string_equal(bl_status_message(), "--set learner.micro_batch=16: learner.micro_batch is 16, expected a divisor");
  bl_status_clear();
  bl_options_reject(o, "learner.rounds", "less");
  assert_string_equal(bl_status_message(), "learner.rounds is 78 (the default), expected less");
  bl_status_clear();
  assert_int_equal(bl_options_blame(o, "learner.name", bl_fail(BL_ERROR_USAGE, "no learner x")), BL_ERROR_USAGE);
  assert_string_equal(bl_status_message(), AT "4: learner.name: no learner x");
  bl_status_clear();
  bl_options_blame(o, "learner.name", bl_fail(BL_ERROR_USAGE, "learner.batch is odd"));
  assert_string_equal(bl_status_message(), AT "3: learner.batch is odd");
  bl_status_clear();
  assert_int_equal(bl_options_blame(o, "learner.name", BL_OK), BL_OK);
  assert_string_equal(bl_status_message(), "");
  bl_options_destroy(&o);
}

/* Whatever bytes come: a status and a message, no crash and no leak (the sanitizers look on). */
static void mangled_configurations_do_no_harm(void **state) {
  (void)state;
  char *defaults;
  assert_int_equal(bl_options_defaults(&defaults), BL_OK);
  const size_t size = strlen(defaults);
  char *text = malloc(size);
  assert_non_null(text);
  uint32_t random = 1;
  for (int i = 0; i < 400; i++) {
    memcpy(text, defaults, size);
    for (int k = 0; k < 1 + i % 5; k++) {
      random = random * 1664525u + 1013904223u;
      const size_t at = (random >> 4) % size;
      random = random * 1664525u + 1013904223u;
      text[at] = "\t\n :[]{}&*!|>'\"%@`#-,?0x\xC3\x80\x01"[(random >> 8) % 28];
    }
    bl_options *o;
    const bl_status status = bl_options_parse(&o, "run.yaml", text, size - (random >> 8) % 50, 0, NULL);
    assert_true((status == BL_OK) == (o != NULL));
    assert_true(status == BL_OK || status == BL_ERROR_USAGE);
    assert_true((status == BL_OK) == (bl_status_message()[0] == '\0'));
    bl_status_clear();
    bl_options_destroy(&o);
  }
  free(text);
  free(defaults);
}

/* Settings that stand in another file: their place is told, and their paths begin in that file's folder. */
static void settings_say_where_they_stand(void **state) {
  (void)state;
  const char *key = NULL, *text = "data: {file: a.nc}\nmodel: {file: b.nc}\n";
  const bl_options_setting settings[] = {{"model.file=say \"c\".nc", "tables/table.yaml:7", "tables/table.yaml"},
                                         {"metrics.classifier=d.nc", NULL, NULL},
                                         {"learner.batch=7", "tables/table.yaml:8", "tables/table.yaml"}};
  bl_options *o;
  assert_int_equal(bl_options_parse_settings(&o, "folder/run.yaml", text, strlen(text), 3, settings), BL_OK);
  assert_string_equal(o->data.file, "folder/a.nc");
  assert_string_equal(o->model.file, "tables/say \"c\".nc");
  assert_string_equal(o->metrics.classifier, "d.nc");
  assert_int_equal(bl_options_reject(o, "learner.batch", "another"), BL_ERROR_USAGE);
  assert_string_equal(bl_status_message(), "tables/table.yaml:8: learner.batch is 7, expected another");
  bl_status_clear();
  /* The inputs are those of the options, resolved. */
  char path[64];
  int count = 0, found = 0;
  for (; bl_options_input(&key, path, sizeof path, o, count); count++) {
    const char *expected = strcmp(key, "data.file") == 0            ? o->data.file
                           : strcmp(key, "model.file") == 0         ? o->model.file
                           : strcmp(key, "metrics.classifier") == 0 ? o->metrics.classifier
                                                                    : "";
    assert_string_equal(path, expected);
    found += path[0] != '\0';
  }
  assert_int_equal(found, 3);
  assert_true(count > 5);
  bl_options_destroy(&o);
  const bl_options_setting wrong = {"learner.bacth=7", "tables/table.yaml:8", NULL};
  assert_int_equal(bl_options_parse_settings(&o, NULL, NULL, 0, 1, &wrong), BL_ERROR_USAGE);
  assert_null(o);
  assert_non_null(strstr(bl_status_message(), "tables/table.yaml:8: there is no key learner.bacth"));
}

/* ---- What was written in November 2026 ------------------------------------------------------------------------------ */

static const char november[] =
    "title: of November\n"
    "seed: 7\n"
    "import: {format: swiss_roll, count: 50, noise: 0.050}\n"
    "model: {file: model.nc, weights: last}\n"
    "network: {attention: [4, 8]}\n"
    "sampler: {steps: 8, kappa: 0.5, eta: 0.0, order: 2}\n"
    "learner:\n"
    "  rounds: 30\n"
    "  average: 0.999\n"
    "  optimiser:\n"
    "    rate: {first: 2.50e-5, decay: cosine, last: 1e-6}\n"
    "  baseline_from: prediction\n"
    "  step_weight: balanced\n"
    "critic: {weight: 1.0}\n"
    "checkpoint: {every: 3}\n"
    "metrics: {kid: Yes, count: 2000}\n";

/* The same digests in every later version, whatever keys it has. The first is today's; 0ac7… was written by the last
 * version of the old rule (commit 84f39bd); the others are by its rule and the keys of commits 6644955, before start_decay,
 * and 0d09aba, before critic.start: later versions refused their files. */
static void digests_stay_what_they_are(void **state) {
  (void)state;
  static const char *const digests[BL_OPTIONS_RULES] = {"d6e8a9efc9062b1b", "0ac716e1ac6f3601", "c004c6b6989e0ef1",
                                                        "d8a3513a7ba25c52"};
  char digest[BL_OPTIONS_DIGEST];
  bl_options *o = loaded(november, NULL), *other = loaded(november, "critic.start=f.nc");
  for (int rule = 0; rule < BL_OPTIONS_RULES; rule++) {
    bl_options_digest_by(digest, o, "", rule);
    assert_string_equal(digest, digests[rule]);
    assert_true(bl_options_digest_fits(o, digests[rule]));
    assert_false(bl_options_digest_fits(other, digests[rule]));
    bl_options_digest_by(digest, o, "metrics", rule);
    assert_string_equal(digest, rule == 0 ? "abdcd1e79155f77e" : "cd1c735a95da343b");
  }
  assert_string_equal(bl_options_digest(o), digests[0]);
  bl_options_destroy(&o);
  bl_options_destroy(&other);
}

/* It is of what differs from the defaults and nothing else, so that a key that is added has no part in it. */
static void a_later_key_changes_no_digest(void **state) {
  (void)state;
  static const char lines[] = "seed=7\nsampler.kappa=0.5\nlearner.rounds=30\ncritic.widths=[8]\n";
  char digest[BL_OPTIONS_DIGEST];
  bl_options *o = loaded(
      "seed: 7\ntitle: x\nsampler: {kappa: 0.50, eta: 0.0, steps: 10}\ncritic: {widths: [8]}\n"
      "network: {kind: unet}\n",
      "learner.rounds=30");
  snprintf(digest, sizeof digest, "%016" PRIx64, bl_hash_text(BL_HASH_EMPTY, lines));
  assert_string_equal(bl_options_digest(o), digest);
  bl_options_destroy(&o);
  o = loaded(NULL, NULL);
  snprintf(digest, sizeof digest, "%016" PRIx64, BL_HASH_EMPTY);
  assert_string_equal(bl_options_digest(o), digest);
  bl_options_destroy(&o);
}

/* Keys that are gone, and had their defaults, are passed over in what a file holds; other values cannot be computed. */
static void stored_configurations_may_have_removed_keys(void **state) {
  (void)state;
  static const char text[] =
      "seed: 7\nlearner:\n  optimiser:\n    rate:\n      first: 0.5\n      rise: 0\n    beta1: 0.5\n"
      "  normalise_advantage: false\n  trace: 0.5\ncritic:\n  spectral_weight: 0\n  spectral_bound: 1.0\n  weight: 2\n";
  bl_options *o,
      *now = loaded("seed: 7\nlearner: {optimiser: {rate: {first: 0.5}, beta1: 0.5}, trace: 0.5}\n", "critic.weight=2");
  bl_options_change change;
  assert_int_equal(bl_options_parse_stored(&o, text), BL_OK);
  assert_false(bl_options_difference(&change, o, now, 0));
  assert_string_equal(bl_options_digest(o), bl_options_digest(now));
  bl_options_destroy(&o);
  bl_options_destroy(&now);
  static const char *const others[][2] = {
      {"critic: {spectral_weight: 0.5}", "configuration:1: critic.spectral_weight is gone since"},
      {"learner: {normalise_advantage: true}", "configuration:1: learner.normalise_advantage is gone since"},
      {"learner: {optimiser: {rate: {rise: [0]}}}", "configuration:1: learner.optimiser.rate.rise is gone since"},
      {"learner:\n  step_weight: \"even\"", "configuration:2: learner.step_weight: even is gone since"}};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    assert_int_equal(bl_options_parse_stored(&o, others[i][0]), BL_ERROR_USAGE);
    assert_null(o);
    assert_int_equal(strncmp(bl_status_message(), others[i][1], strlen(others[i][1])), 0);
    bl_status_clear();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(defaults_are_the_paper_s, no_leak),
      cmocka_unit_test_teardown(every_key_is_explained, no_leak),
      cmocka_unit_test_teardown(the_defaults_are_a_configuration, no_leak),
      cmocka_unit_test_teardown(file_overrides_defaults_and_arguments_override_the_file, no_leak),
      cmocka_unit_test_teardown(a_byte_order_mark_is_no_text, no_leak),
      cmocka_unit_test_teardown(truth_is_that_of_yaml_1_1, no_leak),
      cmocka_unit_test_teardown(a_value_that_equals_the_default_is_no_change, no_leak),
      cmocka_unit_test_teardown(input_paths_start_from_the_folder_that_names_them, no_leak),
      cmocka_unit_test_teardown(the_text_is_a_configuration_again, no_leak),
      cmocka_unit_test_teardown(digest_counts_what_changes_results, no_leak),
      cmocka_unit_test_teardown(bad_files_are_refused_by_line, no_leak),
      cmocka_unit_test_teardown(bad_arguments_are_refused_by_name, no_leak),
      cmocka_unit_test_teardown(every_number_has_a_range, no_leak),
      cmocka_unit_test_teardown(words_are_chosen_from_their_row, no_leak),
      cmocka_unit_test_teardown(bad_places_are_refused, no_leak),
      cmocka_unit_test_teardown(a_rejected_value_is_named_with_its_place, no_leak),
      cmocka_unit_test_teardown(mangled_configurations_do_no_harm, no_leak),
      cmocka_unit_test_teardown(settings_say_where_they_stand, no_leak),
      cmocka_unit_test_teardown(digests_stay_what_they_are, no_leak),
      cmocka_unit_test_teardown(a_later_key_changes_no_digest, no_leak),
      cmocka_unit_test_teardown(stored_configurations_may_have_removed_keys, no_leak),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
