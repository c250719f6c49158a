/* Configurations as text: the defaults with their explanations, and a merged configuration. */
#include "base/memory.h"
#include "base/options_values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN = 28 }; /* of comments */

static const char head[] =
    "# Every key of Beeline with its default: what a configuration leaves out has the value given here. Where the paper "
    "on\n"
    "# shortcut fine-tuning gives a value (CIFAR-10, 10 steps), it is the default.\n"
    "# Copy what you want to change into a file of your own and run `beeline COMMAND FILE.yaml`; on the command line,\n"
    "# `--set learner.rounds=20` changes one key. Paths of inputs are relative to the folder of the file that names them.\n"
    "\n";

static bl_status refuse_memory(void) {
  return bl_fail(BL_ERROR_SYSTEM, "cannot write the configuration to memory: %s", strerror(errno));
}

/* The indented last word of a key and its colon. Returns how many letters. */
static int write_name(FILE *stream, const char *key) {
  const char *word = key;
  int depth = 0;
  for (const char *dot = strchr(key, '.'); dot != NULL; dot = strchr(word, '.')) {
    word = dot + 1;
    depth++;
  }
  return fprintf(stream, "%*s%s:", 2 * depth, "", word);
}

/* ---- Defaults ------------------------------------------------------------------------------------------------------- */

/* Words stand without quotes. */
static int write_default(FILE *stream, const bl_option *row) {
  if (row->type == BL_OPTION_SECTION)
    return 0;
  if (row->type == BL_OPTION_TEXT && row->standard[1] != '"')
    return fprintf(stream, " %.*s", (int)strlen(row->standard) - 2, row->standard + 1);
  return fprintf(stream, " %s", row->standard);
}

static void write_help(FILE *stream, const char *help, int used) {
  while (help != NULL && *help != '\0') {
    const int length = (int)strcspn(help, "\n");
    fprintf(stream, "%*s# %.*s\n", used < COLUMN ? COLUMN - used : 1, "", length, help);
    help += length + (help[length] == '\n');
    used = 0;
  }
}

bl_status bl_options_defaults(char **text) {
  size_t size = 0;
  FILE *stream = open_memstream(text, &size);
  if (stream == NULL)
    return refuse_memory();
  fputs(head, stream);
  for (int i = 0; i < bl_options_table_count; i++) {
    const bl_option *row = &bl_options_table[i];
    if (row->type == BL_OPTION_SECTION && strchr(row->key, '.') == NULL)
      fputc('\n', stream);
    int used = write_name(stream, row->key);
    used += write_default(stream, row);
    if (row->help == NULL)
      fputc('\n', stream);
    write_help(stream, row->help, used);
  }
  return fclose(stream) == 0 ? BL_OK : refuse_memory();
}

/* ---- A merged configuration ----------------------------------------------------------------------------------------- */

/* A resolved path in quotes; the folder of a file may hold anything. */
static void write_path(FILE *stream, const char *path) {
  fputs(" \"", stream);
  for (const char *at = path; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20)
      fprintf(stream, "\\x%02X", (unsigned)*at);
    else
      fprintf(stream, "%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
  fputs("\"\n", stream);
}

bl_status bl_options_write(bl_options_loaded *loaded) {
  size_t size = 0;
  FILE *stream = open_memstream(&loaded->text, &size);
  if (stream == NULL)
    return refuse_memory();
  for (int i = 0; i < bl_options_table_count; i++) {
    const bl_option *row = &bl_options_table[i];
    write_name(stream, row->key);
    if (row->type == BL_OPTION_INPUT)
      write_path(stream, *(char **)(void *)((char *)&loaded->options + row->offset));
    else if (row->type == BL_OPTION_SECTION)
      fputc('\n', stream);
    else
      fprintf(stream, " %s\n", loaded->slots[i].text);
  }
  return fclose(stream) == 0 ? BL_OK : refuse_memory();
}
