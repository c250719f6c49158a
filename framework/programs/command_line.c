#include "programs/command_line.h"

#include "base/memory.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Options that take no letter; --roles, --seed and --output are short for --set and keep their names in messages. */
enum { SET = 256, SHORTHAND, RESUME, OVERWRITE, ONCE, PROFILE, BATCH, HELP, VERSION, DEFAULTS };

static const struct option long_options[] = {
    {"set", required_argument, NULL, SET},
    {"roles", required_argument, NULL, SHORTHAND},
    {"seed", required_argument, NULL, SHORTHAND},
    {"output", required_argument, NULL, SHORTHAND},
    {"resume", no_argument, NULL, RESUME},
    {"overwrite", no_argument, NULL, OVERWRITE},
    {"once", no_argument, NULL, ONCE},
    {"profile", no_argument, NULL, PROFILE},
    {"batch", required_argument, NULL, BATCH},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {"defaults", no_argument, NULL, DEFAULTS},
    {NULL, 0, NULL, 0},
};

/* Keep "--name=value", or the value alone when name is NULL. */
static bl_status add_set(bl_command_line *line, const char *name, const char *value) {
  if (line->set_count == BL_COMMAND_SETS)
    return bl_fail(BL_ERROR_USAGE, "more than %d overrides; write them into a file", BL_COMMAND_SETS);
  const size_t size = strlen(value) + (name == NULL ? 0 : strlen(name) + 3) + 1;
  char **set = &line->sets[line->set_count];
  BL_TRY(bl_allocate(set, size, 1));
  if (name == NULL)
    snprintf(*set, size, "%s", value);
  else
    snprintf(*set, size, "--%s=%s", name, value);
  line->set_count++;
  return BL_OK;
}

static bl_status read_batch(bl_command_line *line, const char *text) {
  char *end;
  const long batch = strtol(text, &end, 10);
  if (end == text || *end != '\0' || batch < 1 || batch > BL_COMMAND_BATCH)
    return bl_fail(BL_ERROR_USAGE, "--batch %s: expected a whole number from 1 to %d", text, BL_COMMAND_BATCH);
  line->batch = (int)batch;
  return BL_OK;
}

static bl_status add_word(bl_command_line *line, const char *word) {
  if (line->command == NULL)
    line->command = word;
  else if (line->file_count < BL_COMMAND_FILES)
    line->files[line->file_count++] = word;
  else
    return bl_fail(BL_ERROR_USAGE, "more than %d files", BL_COMMAND_FILES);
  return BL_OK;
}

bl_status bl_command_line_read(bl_command_line *line, int argc, char **argv) {
  *line = (bl_command_line){0};
  optind = 0; /* start anew, also in the middle of a word */
  opterr = 0;
  for (;;) {
    int which = 0;
    /* "-" first: words come in their order, as the argument of option 1. */
    const int option = getopt_long(argc, argv, "-:h", long_options, &which);
    switch (option) {
      case -1: /* what stands after "--" */
        for (; optind < argc; optind++)
          BL_TRY(add_word(line, argv[optind]));
        return BL_OK;
      case 1:
        BL_TRY(add_word(line, optarg));
        break;
      case SET:
        if (optarg[0] == '-')
          return bl_fail(BL_ERROR_USAGE, "--set %s: expected KEY=VALUE, for example --set learner.rounds=20", optarg);
        BL_TRY(add_set(line, NULL, optarg));
        break;
      case SHORTHAND:
        BL_TRY(add_set(line, long_options[which].name, optarg));
        break;
      case RESUME:
        line->resume = true;
        break;
      case OVERWRITE:
        line->overwrite = true;
        break;
      case ONCE:
        line->once = true;
        break;
      case PROFILE:
        line->profile = true;
        break;
      case BATCH:
        BL_TRY(read_batch(line, optarg));
        break;
      case HELP:
      case 'h':
        line->help = true;
        break;
      case VERSION:
        line->version = true;
        break;
      case DEFAULTS:
        line->defaults = true;
        break;
      case ':':
        return bl_fail(BL_ERROR_USAGE, "%s needs a value after it", argv[optind - 1]);
      default: /* optopt is the letter, or no letter at all */
        if (optopt > 0 && optopt < SET)
          return bl_fail(BL_ERROR_USAGE, "there is no option -%c; --help lists all", optopt);
        return bl_fail(BL_ERROR_USAGE, "there is no option %s; --help lists all", argv[optind - 1]);
    }
  }
}

void bl_command_line_destroy(bl_command_line *line) {
  for (int i = 0; i < line->set_count; i++)
    bl_free(&line->sets[i]);
  line->set_count = 0;
}
