#include "base/progress.h"

#include "base/capture.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "support/cmocka.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The linker puts this in the place of bl_clock_seconds (--wrap), so that the test decides what time it is. */
static double now;
double __wrap_bl_clock_seconds(void);
double __wrap_bl_clock_seconds(void) {
  return now;
}

/* A terminal of one line: what stands there after `text`, how wide it ever was, and how many lines were ended. */
typedef struct display {
  char line[1024];
  int column, widest, ended;
} display;

static void show(display *screen, const char *text) {
  for (; *text != '\0'; text++)
    if (*text == '\r') {
      screen->column = 0;
    } else if (*text == '\n') {
      screen->ended++;
    } else if (strncmp(text, "\033[K", 3) == 0) {
      screen->line[screen->column] = '\0';
      text += 2;
    } else {
      const int grows = screen->line[screen->column] == '\0';
      screen->line[screen->column++] = *text;
      if (grows)
        screen->line[screen->column] = '\0';
      if (screen->column > screen->widest)
        screen->widest = screen->column;
    }
}

static void read_screen(display *screen) {
  static char text[65536];
  capture_read(text, sizeof text);
  show(screen, text);
}

static void test_bar_on_a_terminal(void **state) {
  (void)state;
  display screen = {0};
  bl_progress *progress = NULL;
  now = 100;
  capture_begin(120);
  assert_int_equal(bl_progress_start(&progress, "fine-tune", 0, 200), BL_OK);
  read_screen(&screen);
  char first[1024], half[1024], last[1024];
  strcpy(first, screen.line);
  for (long step = 1; step <= 100; step++) {
    now += 1;
    bl_progress_update(progress, step, "critic %.2f", -0.25);
    read_screen(&screen); /* a terminal takes only a few thousand bytes before somebody looks */
  }
  strcpy(half, screen.line);
  const int ended = screen.ended;
  for (long step = 101; step <= 200; step++) {
    now += 1;
    bl_progress_update(progress, step, "critic %.2f", -0.5);
    read_screen(&screen);
  }
  bl_progress_finish(&progress);
  read_screen(&screen);
  strcpy(last, screen.line);
  capture_end();
  assert_null(progress);
  assert_string_equal(first, "fine-tune  [                              ]    0 %  0/200  0.0 s");
  assert_string_equal(
      half, "fine-tune  [==============>               ]   50 %  100/200  1 min 40 s, 1 min 40 s left  critic -0.25");
  assert_string_equal(last, "fine-tune  [==============================]  100 %  200/200  3 min 20 s  critic -0.50");
  assert_int_equal(ended, 0);
  assert_int_equal(screen.ended, 1);
  assert_true(screen.widest < 120);
}

static void test_bar_fits_any_width(void **state) {
  (void)state;
  capture_begin(80);
  int widest[201] = {0};
  for (int columns = 1; columns <= 200; columns++) {
    display screen = {0};
    bl_progress *progress = NULL;
    capture_resize(columns);
    bl_progress_start(&progress, "pretrain", 0, 100000);
    now += 1;
    bl_progress_update(progress, 12345, "loss 0.123456  ‖∇‖ 1.234  images/s 12345.6");
    bl_progress_finish(&progress);
    read_screen(&screen);
    widest[columns] = screen.column;
  }
  capture_end();
  for (int columns = 1; columns <= 200; columns++)
    assert_true(widest[columns] < columns + 6); /* six continuation bytes of UTF-8 */
}

/* Figures of changing length leave the bar as it is. */
static void test_bar_keeps_its_length(void **state) {
  (void)state;
  bl_progress *progress = NULL;
  int lengths[40];
  capture_begin(80);
  bl_progress_start(&progress, "x", 0, 100);
  for (int i = 0; i < 40; i++) {
    display screen = {0};
    now += 1;
    bl_progress_update(progress, i, "%.*s", 30 + i % 4, "figures figures figures figures figures");
    read_screen(&screen);
    lengths[i] = (int)(strcspn(screen.line, "]") - strcspn(screen.line, "["));
  }
  bl_progress_finish(&progress);
  capture_end();
  for (int i = 11; i < 40; i++)
    assert_int_equal(lengths[i], lengths[10]);
}

static void test_redraws_ten_times_a_second(void **state) {
  (void)state;
  char text[65536];
  bl_progress *progress = NULL;
  capture_begin(80);
  bl_progress_start(&progress, "sample", 0, 1000);
  for (long step = 1; step < 1000; step++) {
    now += 0.001;
    bl_progress_update(progress, step, "x");
  }
  capture_read(text, sizeof text);
  bl_progress_finish(&progress);
  capture_end();
  int redraws = 0;
  for (const char *at = text; (at = strchr(at, '\r')) != NULL; at++)
    redraws++;
  assert_in_range(redraws, 9, 12);
}

static void test_lines_in_a_pipe(void **state) {
  (void)state;
  static char text[65536];
  bl_progress *progress = NULL;
  now = 0;
  capture_begin(0);
  bl_progress_start(&progress, "fine-tune", 0, 100);
  for (long step = 1; step <= 100; step++) {
    now += 0.25;
    bl_progress_update(progress, step, "critic %.1f", 0.5);
  }
  bl_progress_finish(&progress);
  capture_read(text, sizeof text);
  capture_end();
  assert_string_equal(text,
                      "fine-tune   40 %  40/100  10 s, 15 s left  critic 0.5\n"
                      "fine-tune   80 %  80/100  20 s, 5.0 s left  critic 0.5\n"
                      "fine-tune  100 %  100/100  25 s  critic 0.5\n");
}

static void test_time_left_follows_the_present_rate(void **state) {
  (void)state;
  display screen = {0};
  bl_progress *progress = NULL;
  now = 0;
  capture_begin(100);
  /* Slow at first (compilers of kernels, cold caches), then 100 times as fast: 500 steps are left at 10 a second. */
  bl_progress_start(&progress, "x", 0, 2000);
  for (long step = 1; step <= 10; step++) {
    now += 10;
    bl_progress_update(progress, step, "-");
  }
  for (long step = 11; step <= 1500; step++) {
    now += 0.1;
    bl_progress_update(progress, step, "-");
    read_screen(&screen);
  }
  bl_progress_finish(&progress);
  capture_end();
  const char *left = strstr(screen.line, "s, ");
  assert_non_null(left);
  assert_in_range(atoi(left + 3), 50, 75); /* the plain mean would say 83 s */
}

static void test_resumed_steps_do_not_count_as_fast(void **state) {
  (void)state;
  display screen = {0};
  bl_progress *progress = NULL;
  now = 0;
  capture_begin(100);
  bl_progress_start(&progress, "x", 900, 1000);
  now += 10;
  bl_progress_update(progress, 910, "-");
  read_screen(&screen);
  bl_progress_finish(&progress);
  capture_end();
  assert_non_null(strstr(screen.line, "91 %  910/1000  10 s, 1 min 30 s left"));
}

static void test_message_between_redraws(void **state) {
  (void)state;
  static char text[4096];
  bl_progress *progress = NULL;
  capture_begin(60);
  bl_progress_start(&progress, "x", 0, 10);
  bl_log("checkpoint");
  bl_progress_finish(&progress);
  capture_read(text, sizeof text);
  capture_end();
  assert_non_null(strstr(text, "\r\033[Kcheckpoint\r\n\rx  ["));
}

static void test_silence(void **state) {
  (void)state;
  char text[256];
  bl_progress *progress = NULL;
  capture_begin(80);
  bl_log_speak(false);
  bl_progress_start(&progress, "x", 0, 10);
  now += 20;
  bl_progress_update(progress, 5, "%d", 5);
  bl_progress_finish(&progress);
  bl_progress_finish(&progress);
  bl_log_speak(true);
  capture_read(text, sizeof text);
  capture_end();
  assert_string_equal(text, "");
}

static void test_nothing_to_do(void **state) {
  (void)state;
  char text[256];
  bl_progress *progress = NULL;
  capture_begin(0);
  bl_progress_start(&progress, "x", 0, 0);
  bl_progress_finish(&progress);
  capture_read(text, sizeof text);
  capture_end();
  assert_string_equal(text, "x  100 %  0/0  0.0 s\n");
}

static void test_wish(void **state) {
  (void)state;
  static char text[4096];
  bl_progress *progress = NULL;
  setenv("BEELINE_PROGRESS", "bar", 1);
  capture_begin(0);
  bl_progress_start(&progress, "x", 0, 2);
  bl_progress_finish(&progress);
  capture_read(text, sizeof text);
  capture_end();
  assert_non_null(strstr(text, "\rx  [ "));
  setenv("BEELINE_PROGRESS", "lines", 1);
  capture_begin(80);
  bl_progress_start(&progress, "x", 0, 2);
  bl_progress_finish(&progress);
  capture_read(text, sizeof text);
  capture_end();
  unsetenv("BEELINE_PROGRESS");
  assert_null(strchr(text, '['));
}

static int no_leak(void **state) {
  (void)state;
  return bl_memory_balance() == 0 ? 0 : -1;
}

int main(void) {
  unsetenv("BEELINE_PROGRESS");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bar_on_a_terminal),
      cmocka_unit_test(test_bar_fits_any_width),
      cmocka_unit_test(test_bar_keeps_its_length),
      cmocka_unit_test(test_redraws_ten_times_a_second),
      cmocka_unit_test(test_lines_in_a_pipe),
      cmocka_unit_test(test_time_left_follows_the_present_rate),
      cmocka_unit_test(test_resumed_steps_do_not_count_as_fast),
      cmocka_unit_test(test_message_between_redraws),
      cmocka_unit_test(test_silence),
      cmocka_unit_test(test_nothing_to_do),
      cmocka_unit_test(test_wish),
  };
  return cmocka_run_group_tests(tests, NULL, no_leak);
}
