#include "programs/command_line.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <string.h>

enum { WORDS = 512 };

/* Read the words of a command line, written with single blanks. */
static bl_status read_line(bl_command_line *line, const char *text) {
  static char copy[4096]; /* the line borrows from it */
  static char *words[WORDS + 1];
  int count = 0;
  assert_true(strlen(text) < sizeof copy);
  strcpy(copy, text);
  for (char *word = strtok(copy, " "); word != NULL && count < WORDS; word = strtok(NULL, " "))
    words[count++] = word;
  words[count] = NULL;
  return bl_command_line_read(line, count, words);
}

static void options_stand_anywhere(void **state) {
  (void)state;
  const char *const texts[] = {
      "beeline finetune run.yaml --set a.b=1 --roles 2:1:1 --seed 3 --output out --resume",
      "beeline --resume --set a.b=1 finetune --roles=2:1:1 --seed=3 run.yaml --output=out",
      "beeline --resume --set=a.b=1 --roles=2:1:1 --seed=3 --output=out -- finetune run.yaml",
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    bl_command_line line;
    assert_int_equal(read_line(&line, texts[i]), BL_OK);
    assert_string_equal(line.command, "finetune");
    assert_int_equal(line.file_count, 1);
    assert_string_equal(line.files[0], "run.yaml");
    assert_true(line.resume);
    assert_false(line.help || line.version || line.defaults);
    assert_int_equal(line.set_count, 4);
    assert_string_equal(line.sets[0], "a.b=1");
    assert_string_equal(line.sets[1], "--roles=2:1:1");
    assert_string_equal(line.sets[2], "--seed=3");
    assert_string_equal(line.sets[3], "--output=out");
    bl_command_line_destroy(&line);
    assert_int_equal(bl_memory_balance(), 0);
  }
}

static void files_keep_their_order(void **state) {
  (void)state;
  bl_command_line line;
  char text[6 * BL_COMMAND_FILES + 64] = "beeline average";
  assert_int_equal(read_line(&line, "beeline average c.nc --output d.nc a.nc -- --b"), BL_OK);
  assert_int_equal(line.file_count, 3);
  assert_string_equal(line.files[0], "c.nc");
  assert_string_equal(line.files[1], "a.nc");
  assert_string_equal(line.files[2], "--b");
  bl_command_line_destroy(&line);
  for (int i = 0; i <= BL_COMMAND_FILES; i++)
    strcat(text, " m.nc");
  assert_int_equal(read_line(&line, text), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "more than 256 files"));
  bl_status_clear();
  bl_command_line_destroy(&line);
}

static void nothing_is_asked_for_unless_said(void **state) {
  (void)state;
  bl_command_line line;
  assert_int_equal(read_line(&line, "beeline"), BL_OK);
  assert_null(line.command);
  assert_int_equal(line.file_count, 0);
  assert_int_equal(line.set_count, 0);
  assert_int_equal(read_line(&line, "beeline sample -h"), BL_OK);
  assert_true(line.help && !line.version && !line.defaults);
  assert_int_equal(read_line(&line, "beeline --version --defaults"), BL_OK);
  assert_true(!line.help && line.version && line.defaults);
  assert_true(!line.profile && line.batch == 0);
  assert_int_equal(read_line(&line, "beeline inspect --batch=8 m.nc --profile"), BL_OK);
  assert_true(line.profile && line.batch == 8);
}

static void mistakes_are_named(void **state) {
  (void)state;
  const struct {
    const char *text;
    const char *message;
  } mistakes[] = {
      {"beeline finetune --sed 3", "there is no option --sed; --help lists all"},
      {"beeline finetune -qz", "there is no option -q; --help lists all"},
      {"beeline finetune --resume=3", "there is no option --resume=3; --help lists all"},
      {"beeline finetune --set", "--set needs a value after it"},
      {"beeline finetune --output", "--output needs a value after it"},
      {"beeline finetune --set --resume", "--set --resume: expected KEY=VALUE"},
      {"beeline inspect --profile m.nc --batch", "--batch needs a value after it"},
      {"beeline inspect --profile --batch 0 m.nc", "--batch 0: expected a whole number from 1 to 65536"},
      {"beeline inspect --profile --batch 1e3 m.nc", "--batch 1e3: expected a whole number from 1 to 65536"},
  };
  for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
    bl_command_line line;
    assert_int_equal(read_line(&line, mistakes[i].text), BL_ERROR_USAGE);
    if (strncmp(bl_status_message(), mistakes[i].message, strlen(mistakes[i].message)) != 0)
      fail_msg("%s: \"%s\", expected \"%s\"", mistakes[i].text, bl_status_message(), mistakes[i].message);
    bl_status_clear();
    bl_command_line_destroy(&line);
    assert_int_equal(bl_memory_balance(), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_stand_anywhere),
      cmocka_unit_test(files_keep_their_order),
      cmocka_unit_test(nothing_is_asked_for_unless_said),
      cmocka_unit_test(mistakes_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
