#include "base/capture.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/dataset.h"
#include "store/files.h"
#include "store/importer.h"
#include "store/picture.h"
#include "support/cmocka.h"

#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char heard[1 << 15]; /* what the last import said */

/* Import scratch folder \a name, with up to two settings more. */
static bl_status import(bl_dataset *dataset, const char *name, const char *first, const char *second) {
  char images[600];
  snprintf(images, sizeof images, "import.images=%s", scratch(name));
  const char *const sets[] = {"import.format=folder", images, first, first == NULL ? NULL : second, NULL};
  bl_options *options = options_of(sets);
  capture_begin(0);
  const bl_status status = bl_import(dataset, options);
  capture_read(heard, sizeof heard);
  capture_end();
  bl_options_destroy(&options);
  return status;
}

static void refuse(const char *name, const char *setting, const char *reason) {
  bl_dataset dataset;
  const bl_status status = import(&dataset, name, setting, NULL);
  if (status != BL_ERROR_INPUT)
    fail_msg("status %d: %s", (int)status, bl_status_message());
  assert_true(message_has(reason));
  assert_null(dataset.pixels);
}

static void accept(bl_dataset *dataset, const char *name, const char *first, const char *second) {
  if (import(dataset, name, first, second) != BL_OK)
    fail_msg("%s", bl_status_message());
}

static bool hears(const char *text) {
  const bool has = strstr(heard, text) != NULL;
  if (!has)
    print_error("heard \"%s\", expected \"%s\"\n", heard, text);
  return has;
}

static int lines_with(const char *text) {
  int count = 0;
  for (const char *at = strstr(heard, text); at != NULL; at = strstr(at + 1, text))
    count++;
  return count;
}

static void write_picture(const char *name, int channels, int height, int width, int value) {
  bl_picture picture;
  assert_int_equal(bl_picture_blank(&picture, channels, height, width), BL_OK);
  memset(picture.pixels, value, (size_t)(channels * height * width));
  assert_int_equal(bl_picture_write(&picture, scratch(name)), BL_OK);
  bl_picture_destroy(&picture);
}

static void write_text(const char *name, const char *text) {
  write_bytes(scratch(name), text, strlen(text));
}

/* ---- Bad pictures --------------------------------------------------------------------------------------------------- */

static void all_bad_pictures_are_named_at_once(void **state) {
  (void)state;
  char name[64];
  write_picture("bad/good.png", 1, 2, 2, 9);
  write_text("bad/0.png", "nothing of the kind");
  refuse("bad", NULL, "0.png: at byte 0: found 6e 6f 74, expected a PNG");
  refuse("bad", NULL, "set import.skip_bad to leave it out");
  assert_int_equal(lines_with("warning"), 0);
  write_bytes(scratch("bad/1.jpg"), "", 0);
  write_text("bad/2.jpg", "GIF89a");
  refuse("bad", NULL, "bad: 3 of 4 pictures cannot be read, listed above; mend or remove them, or set import.skip_bad");
  assert_true(hears("0.png: at byte 0") && hears("1.jpg: is empty (0 bytes)") && hears("2.jpg: is a GIF picture"));
  assert_int_equal(lines_with("warning: "), 3);
  for (int i = 3; i < 25; i++) {
    snprintf(name, sizeof name, "bad/%d.png", i);
    write_text(name, "x");
  }
  refuse("bad", NULL, "bad: 25 of 26 pictures cannot be read, the first 20 are listed above");
  assert_int_equal(lines_with("warning: "), 20);
  assert_int_equal(lines_with("0.png"), 3); /* 0, 10 and 20, by the bytes of their names */
}

static void bad_pictures_are_left_out_when_asked(void **state) {
  (void)state;
  bl_dataset dataset, again;
  const bl_provenance provenance = {.title = ""};
  long long skipped = 0;
  int ncid;
  assert_int_equal(mkdir(scratch("some"), 0755) | mkdir(scratch("some/a"), 0755) | mkdir(scratch("some/b"), 0755), 0);
  write_text("some/a/1.png", "bad");
  write_picture("some/a/2.png", 1, 2, 2, 20);
  write_picture("some/a/3.png", 3, 2, 2, 30);
  write_text("some/b/4.png", "bad");
  write_picture("some/b/5.png", 1, 2, 2, 50);
  accept(&dataset, "some", "import.skip_bad=true", NULL);
  assert_true(hears("a/1.png: at byte 0") && hears("b/4.png: at byte 0"));
  assert_true(hears("2 of 5 pictures cannot be read and were left out"));
  assert_int_equal(dataset.count, 3);
  assert_int_equal(dataset.skipped, 2);
  const int labels[3] = {0, 0, 1}, values[3] = {20, 30, 50};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(dataset.labels[i], labels[i]);
    assert_int_equal(dataset.pixels[12 * i + 5], values[i]);
  }
  assert_int_equal(bl_dataset_write(&dataset, scratch("some.nc"), &provenance), BL_OK);
  assert_int_equal(nc_open(scratch("some.nc"), NC_NOWRITE, &ncid), NC_NOERR);
  assert_int_equal(nc_get_att_longlong(ncid, NC_GLOBAL, "skipped_pictures", &skipped), NC_NOERR);
  assert_int_equal(skipped, 2);
  nc_close(ncid);
  assert_int_equal(bl_dataset_read(&again, scratch("some.nc")), BL_OK);
  assert_int_equal(again.count, 3);
  bl_dataset_destroy(&again);
  bl_dataset_destroy(&dataset);
  /* A class that loses all, and a folder that does. */
  write_text("some/b/5.png", "bad");
  accept(&dataset, "some", "import.skip_bad=true", NULL);
  assert_true(hears("no sample has label 1 (1 of 2 classes are empty)"));
  bl_dataset_destroy(&dataset);
  write_text("some/a/2.png", "bad");
  write_text("some/a/3.png", "bad");
  refuse("some", "import.skip_bad=true", "some: none of 5 pictures can be read; the first: ");
}

static void other_sizes_are_counted_and_never_skipped(void **state) {
  (void)state;
  bl_dataset dataset;
  write_picture("sizes/1.png", 1, 4, 5, 1);
  write_picture("sizes/2.png", 1, 5, 4, 2);
  refuse("sizes", "import.skip_bad=true", "2.png: is 5 x 4 pixels (height x width), but ");
  write_picture("sizes/3.png", 1, 6, 6, 3);
  refuse("sizes", "import.skip_bad=true",
         "sizes: 2 of 3 pictures have another size than the first, listed above; set import.resize");
  accept(&dataset, "sizes", "import.resize=3", NULL);
  assert_int_equal(dataset.count, 3);
  assert_int_equal(lines_with("warning"), 0);
  bl_dataset_destroy(&dataset);
}

/* ---- What is in folders --------------------------------------------------------------------------------------------- */

static void what_systems_leave_is_no_picture(void **state) {
  (void)state;
  bl_dataset dataset;
  write_picture("used/cat/1.JPEG", 1, 2, 2, 10);
  write_picture("used/cat/2.jfif", 1, 2, 2, 20);
  write_picture("used/dog/3.PnG", 1, 2, 2, 30);
  write_picture("used/__MACOSX/._1.png", 1, 9, 9, 0);
  write_picture("used/.ipynb_checkpoints/1.png", 1, 9, 9, 0);
  write_picture("used/@eaDir/1.png", 1, 9, 9, 0);
  write_text("used/cat/._1.JPEG", "Mac OS X");
  write_text("used/cat/Thumbs.db", "x");
  write_text("used/cat/.DS_Store", "x");
  write_text("used/desktop.ini", "x");
  accept(&dataset, "used", NULL, NULL);
  assert_int_equal(dataset.count, 3);
  assert_int_equal(dataset.classes, 2);
  assert_string_equal(dataset.class_names[1], "dog");
  assert_int_equal(lines_with("warning"), 0);
  bl_dataset_destroy(&dataset);
  write_text("used/cat/notes.txt", "x");
  write_picture("used/cat/more/4.png", 1, 2, 2, 40);
  accept(&dataset, "used", NULL, NULL);
  assert_int_equal(dataset.count, 3);
  assert_true(hears("1 file does not end in .png, .jpg or .jpeg and was skipped, the first: "));
  assert_true(hears("used/cat/notes.txt") && hears("1 folder inside of class folders was not looked into, the first: "));
  bl_dataset_destroy(&dataset);
}

static void a_level_too_high_is_explained(void **state) {
  (void)state;
  write_picture("high/train/cat/1.png", 1, 2, 2, 1);
  refuse("high", NULL, "high/train: has no file that ends in .png, .jpg or .jpeg, but folders, as cat");
  assert_int_equal(mkdir(scratch("texts"), 0755), 0);
  write_text("texts/a.txt", "x");
  refuse("texts/a.txt", NULL, "a.txt: is a file, expected a folder of pictures");
  refuse("texts", NULL, "texts: has no file that ends in .png, .jpg or .jpeg, but other files, as ");
}

static void links_are_followed_and_loops_end(void **state) {
  (void)state;
  bl_dataset dataset;
  write_picture("store/1.png", 1, 2, 2, 10);
  write_picture("linked/a/2.png", 1, 2, 2, 20);
  assert_int_equal(symlink(scratch("store"), scratch("linked/b")), 0);
  assert_int_equal(symlink("../../store/1.png", scratch("linked/a/link.png")), 0);
  assert_int_equal(symlink("loop", scratch("linked/loop")), 0);
  assert_int_equal(symlink("..", scratch("linked/a/up")), 0);
  accept(&dataset, "linked", NULL, NULL);
  assert_int_equal(dataset.count, 3);
  assert_int_equal(dataset.classes, 2);
  assert_true(hears("linked/loop") && hears("linked/a/up"));
  bl_dataset_destroy(&dataset);
  assert_int_equal(symlink("nowhere.png", scratch("linked/a/broken.png")), 0);
  refuse("linked", NULL, "a/broken.png: cannot be read: No such file");
  assert_int_equal(unlink(scratch("linked/a/broken.png")), 0);
  assert_int_equal(symlink("round.png", scratch("linked/a/round.png")), 0);
  refuse("linked", NULL, "a/round.png: cannot be read: Too many levels of symbolic links");
  assert_int_equal(unlink(scratch("linked/a/round.png")), 0);
  assert_int_equal(mkfifo(scratch("linked/a/pipe.png"), 0600), 0);
  refuse("linked", NULL, "a/pipe.png: cannot be read: not a regular file");
}

/* The end of a name says nothing: the bytes do. */
static void names_do_not_decide(void **state) {
  (void)state;
  bl_dataset dataset;
  write_picture("names/1.jpg", 1, 2, 2, 10);
  write_picture("names/2.webp", 1, 2, 2, 20);
  accept(&dataset, "names", NULL, NULL);
  assert_int_equal(dataset.count, 2);
  bl_dataset_destroy(&dataset);
  write_bytes(scratch("names/3.png"), "RIFF\x10\0\0\0WEBPVP8L", 16);
  refuse("names", NULL, "3.png: is a WebP picture, whatever its name; expected PNG or JPEG, so convert it");
}

static void class_names_are_any_a_file_may_have(void **state) {
  (void)state;
  char path[1100],
      names[4][256] = {"a\nb", "\xe7\x8c\xab \xd0\xba\xd0\xbe\xd1\x88\xd0\xba\xd0\xb0 \xf0\x9f\x90\x88", "\xff\xfe", ""};
  const bl_provenance provenance = {.title = ""};
  bl_dataset dataset, again;
  for (int i = 0; i < 255; i++)
    names[3][i] = "\xe9\xb3\xa5"[i % 3];
  for (int i = 0; i < 4; i++) {
    snprintf(path, sizeof path, "any/%s/1.png", names[i]);
    write_picture(path, 1, 2, 2, 10 * i);
  }
  accept(&dataset, "any", NULL, NULL);
  assert_int_equal(dataset.classes, 4);
  assert_int_equal(bl_dataset_write(&dataset, scratch("any.nc"), &provenance), BL_OK);
  assert_int_equal(bl_dataset_read(&again, scratch("any.nc")), BL_OK);
  static const int order[4] = {0, 1, 3, 2}; /* by bytes */
  for (int i = 0; i < 4; i++) {
    assert_string_equal(dataset.class_names[i], names[order[i]]);
    assert_string_equal(again.class_names[i], names[order[i]]);
    assert_int_equal(again.pixels[4 * i], 10 * order[i]);
  }
  bl_dataset_destroy(&again);
  bl_dataset_destroy(&dataset);
  /* Messages hold no control characters, nor bytes that are no letters. */
  snprintf(path, sizeof path, "any/a\nb/\x1b[31m\xff.png");
  write_text(path, "x");
  snprintf(path, sizeof path, "any/a\nb/2.png");
  write_text(path, "x");
  refuse("any", NULL, "2 of 6 pictures");
  assert_true(hears("any/a\\nb/\\x1b[31m\\xff.png: at byte 0"));
  assert_null(strchr(heard, '\x1b'));
}

static void grey_and_colour_go_together(void **state) {
  (void)state;
  bl_dataset dataset;
  write_picture("mixed/1.png", 1, 2, 2, 10);
  accept(&dataset, "mixed", NULL, NULL);
  assert_int_equal(dataset.count, 1);
  assert_int_equal(dataset.channels, 1);
  bl_dataset_destroy(&dataset);
  write_picture("mixed/2.png", 3, 2, 2, 20);
  accept(&dataset, "mixed", NULL, NULL);
  assert_int_equal(dataset.channels, 3);
  assert_int_equal(dataset.pixels[11], 10);
  assert_int_equal(dataset.pixels[12], 20);
  bl_dataset_destroy(&dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_bad_pictures_are_named_at_once),
      cmocka_unit_test(bad_pictures_are_left_out_when_asked),
      cmocka_unit_test(other_sizes_are_counted_and_never_skipped),
      cmocka_unit_test(what_systems_leave_is_no_picture),
      cmocka_unit_test(a_level_too_high_is_explained),
      cmocka_unit_test(links_are_followed_and_loops_end),
      cmocka_unit_test(names_do_not_decide),
      cmocka_unit_test(class_names_are_any_a_file_may_have),
      cmocka_unit_test(grey_and_colour_go_together),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
