#include "store/picture.h"

#include "base/memory.h"
#include "store/font.h"
#include "store/picture_format.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GAP = 2, JOIN_GAP = 16, PAPER = 255, INK = 20, FRAME = 160 };

void bl_picture_destroy(bl_picture *picture) {
  bl_free(&picture->pixels);
  memset(picture, 0, sizeof *picture);
}

bl_status bl_picture_blank(bl_picture *picture, int channels, int height, int width) {
  memset(picture, 0, sizeof *picture);
  if ((channels != 1 && channels != 3) || height < 1 || width < 1 || height > INT_MAX / 3 / width)
    return bl_fail(BL_ERROR_USAGE, "a picture of %d channels and %d x %d pixels cannot be made", channels, height, width);
  const size_t size = (size_t)channels * (size_t)height * (size_t)width;
  BL_TRY(bl_allocate(&picture->pixels, size, 1));
  memset(picture->pixels, PAPER, size);
  picture->channels = channels;
  picture->height = height;
  picture->width = width;
  return BL_OK;
}

static uint8_t *pixel_at(const bl_picture *picture, int y, int x) {
  return picture->pixels + ((size_t)y * (size_t)picture->width + (size_t)x) * (size_t)picture->channels;
}

/* ---- Grids ---------------------------------------------------------------------------------------------------------- */

bl_status bl_picture_grid(bl_picture *picture, const uint8_t *pixels, size_t count, int channels, int height, int width,
                          int columns, int zoom) {
  memset(picture, 0, sizeof *picture);
  if (count == 0 || columns < 1 || zoom < 1 || height < 1 || width < 1 || count > 1 << 20)
    return bl_fail(BL_ERROR_USAGE, "a grid of %zu pictures of %d x %d, %d a row, enlarged %d times cannot be made", count,
                   height, width, columns, zoom);
  if (count < (size_t)columns)
    columns = (int)count;
  const int rows = (int)((count + (size_t)columns - 1) / (size_t)columns);
  const double sides[2] = {(double)rows * ((double)height * zoom + GAP) + GAP,
                           (double)columns * ((double)width * zoom + GAP) + GAP};
  if (sides[0] * sides[1] > (double)INT_MAX / 3)
    return bl_fail(BL_ERROR_USAGE, "a grid of %.0f x %.0f pixels is too large", sides[0], sides[1]);
  BL_TRY(bl_picture_blank(picture, channels, (int)sides[0], (int)sides[1]));
  const size_t plane = (size_t)height * (size_t)width;
  for (size_t i = 0; i < count; i++) {
    const int top = GAP + (int)(i / (size_t)columns) * (height * zoom + GAP);
    const int left = GAP + (int)(i % (size_t)columns) * (width * zoom + GAP);
    const uint8_t *sample = pixels + i * plane * (size_t)channels;
    for (int y = 0; y < height * zoom; y++)
      for (int x = 0; x < width * zoom; x++)
        for (int c = 0; c < channels; c++)
          pixel_at(picture, top + y, left + x)[c] =
              sample[(size_t)c * plane + (size_t)(y / zoom) * (size_t)width + (size_t)(x / zoom)];
  }
  return BL_OK;
}

/* ---- Captions ------------------------------------------------------------------------------------------------------- */

/* A letter of UTF-8 goes on in bytes of the form 10xxxxxx; it is drawn once, by its first byte. */
static bool begins_letter(char byte) {
  return ((unsigned char)byte & 0xc0) != 0x80;
}

static int text_width(const char *text, int scale) {
  int letters = 0;
  for (; *text != '\0'; text++)
    letters += begins_letter(*text);
  return letters * (BL_FONT_WIDTH + 1) * scale;
}

static void draw_text(bl_picture *picture, int top, int left, const char *text, int scale) {
  for (; *text != '\0'; text++) {
    if (!begins_letter(*text))
      continue;
    for (int y = 0; y < BL_FONT_HEIGHT * scale; y++)
      for (int x = 0; x < BL_FONT_WIDTH * scale; x++)
        if (bl_font_dot(*text, y / scale, x / scale))
          memset(pixel_at(picture, top + y, left + x), INK, (size_t)picture->channels);
    left += (BL_FONT_WIDTH + 1) * scale;
  }
}

/* Copy a part into a larger picture; grey parts become RGB where the picture is. */
static void paste(bl_picture *picture, const bl_picture *part, int top, int left) {
  for (int y = 0; y < part->height; y++)
    for (int x = 0; x < part->width; x++)
      for (int c = 0; c < picture->channels; c++)
        pixel_at(picture, top + y, left + x)[c] = pixel_at(part, y, x)[part->channels == 1 ? 0 : c];
}

bl_status bl_picture_join(bl_picture *picture, const bl_picture *parts, const char *const *captions, int count) {
  int height = 0, channels = 1;
  double width = JOIN_GAP;
  memset(picture, 0, sizeof *picture);
  for (int i = 0; i < count; i++)
    height = parts[i].height > height ? parts[i].height : height;
  const int scale = height >= 200 ? 2 : 1;
  const int head = (BL_FONT_HEIGHT + 4) * scale;
  for (int i = 0; i < count; i++) {
    const int text = text_width(captions[i], scale);
    channels = parts[i].channels == 3 ? 3 : channels;
    width += (parts[i].width > text ? parts[i].width : text) + JOIN_GAP;
  }
  if (count < 1 || width * (height + head + 2.0 * JOIN_GAP) > (double)INT_MAX / 3)
    return bl_fail(BL_ERROR_USAGE, "%d pictures of %.0f x %d pixels together cannot be joined", count, width, height);
  BL_TRY(bl_picture_blank(picture, channels, height + head + 2 * JOIN_GAP, (int)width));
  int left = JOIN_GAP;
  for (int i = 0; i < count; i++) {
    const int text = text_width(captions[i], scale);
    draw_text(picture, JOIN_GAP, left, captions[i], scale);
    paste(picture, &parts[i], JOIN_GAP + head, left);
    left += (parts[i].width > text ? parts[i].width : text) + JOIN_GAP;
  }
  return BL_OK;
}

bl_status bl_picture_stack(bl_picture *picture, const bl_picture *parts, const char *const *captions, int count) {
  enum { SCALE = 2, HEAD = (BL_FONT_HEIGHT + 4) * SCALE };
  int width = 1, channels = 1;
  double height = JOIN_GAP;
  memset(picture, 0, sizeof *picture);
  for (int i = 0; i < count; i++) {
    const int text = text_width(captions[i], SCALE);
    width = parts[i].width > width ? parts[i].width : width;
    width = text > width ? text : width;
    channels = parts[i].channels == 3 ? 3 : channels;
    height += parts[i].height + (captions[i][0] != '\0' ? HEAD : 0) + JOIN_GAP;
  }
  if (count < 1 || height * (width + 2.0 * JOIN_GAP) > (double)INT_MAX / 3)
    return bl_fail(BL_ERROR_USAGE, "%d pictures of %d x %.0f pixels together cannot be stacked", count, width, height);
  BL_TRY(bl_picture_blank(picture, channels, (int)height, width + 2 * JOIN_GAP));
  int top = JOIN_GAP;
  for (int i = 0; i < count; i++) {
    draw_text(picture, top, JOIN_GAP, captions[i], SCALE);
    top += captions[i][0] != '\0' ? HEAD : 0;
    paste(picture, &parts[i], top, JOIN_GAP);
    top += parts[i].height + JOIN_GAP;
  }
  return BL_OK;
}

/* ---- Scatter plots -------------------------------------------------------------------------------------------------- */

/* Blend a disk around (y, x) into the picture; its edge is smoothed over one pixel. */
static void draw_dot(bl_picture *picture, double y, double x, double radius, const uint8_t colour[3]) {
  const double opacity = 0.5;
  const int reach = (int)radius + 1;
  for (int py = (int)y - reach; py <= (int)y + reach; py++)
    for (int px = (int)x - reach; px <= (int)x + reach; px++) {
      if (py < 0 || px < 0 || py >= picture->height || px >= picture->width)
        continue;
      const double cover = opacity * fmin(1.0, fmax(0.0, radius + 0.5 - hypot(py - y, px - x)));
      uint8_t *pixel = pixel_at(picture, py, px);
      for (int c = 0; c < picture->channels; c++)
        pixel[c] = (uint8_t)(pixel[c] + cover * (colour[c] - pixel[c]) + 0.5);
    }
}

void bl_picture_scatter(bl_picture *picture, const float *points, size_t count, double limit, const uint8_t colour[3]) {
  const int last_y = picture->height - 1, last_x = picture->width - 1;
  for (size_t i = 0; i < count; i++) {
    const double x = (points[2 * i] / limit + 1.0) / 2.0, y = (1.0 - points[2 * i + 1] / limit) / 2.0;
    if (x >= 0.0 && x <= 1.0 && y >= 0.0 && y <= 1.0)
      draw_dot(picture, y * last_y, x * last_x, fmax(0.5, picture->height / 400.0), colour);
  }
  for (int y = 0; y <= last_y; y++) {
    memset(pixel_at(picture, y, 0), FRAME, (size_t)picture->channels);
    memset(pixel_at(picture, y, last_x), FRAME, (size_t)picture->channels);
  }
  memset(pixel_at(picture, 0, 0), FRAME, (size_t)picture->width * (size_t)picture->channels);
  memset(pixel_at(picture, last_y, 0), FRAME, (size_t)picture->width * (size_t)picture->channels);
}

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

static bl_status read_file(uint8_t **data, size_t *size, const char *path) {
  enum { LARGEST = 1 << 28 };
  struct stat what;
  const int file = stat(path, &what) == 0 && S_ISREG(what.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0)
    return bl_fail(BL_ERROR_INPUT, "%s: cannot be read: %s", path,
                   errno != 0              ? strerror(errno)
                   : S_ISDIR(what.st_mode) ? "a folder, expected a picture"
                                           : "not a regular file");
  bl_status status = BL_OK;
  if (what.st_size == 0)
    status = bl_fail(BL_ERROR_INPUT, "%s: is empty (0 bytes), expected a PNG or JPEG file", path);
  if (what.st_size > LARGEST)
    status =
        bl_fail(BL_ERROR_INPUT, "%s: %lld bytes, expected a picture of at most %d", path, (long long)what.st_size, LARGEST);
  if (status == BL_OK)
    status = bl_allocate(data, (size_t)what.st_size, 1);
  *size = 0;
  while (status == BL_OK && *size < (size_t)what.st_size) {
    const ssize_t got = read(file, *data + *size, (size_t)what.st_size - *size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      status = bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: %s", path, *size, got < 0 ? strerror(errno) : "the file ends");
    else
      *size += (size_t)got;
  }
  close(file);
  return status;
}

static bl_status refuse_kind(const uint8_t *data, size_t size, const char *path) {
  const char *kind = bl_picture_kind(data, size);
  if (kind != NULL)
    return bl_fail(BL_ERROR_INPUT, "%s: is %s, whatever its name; expected PNG or JPEG, so convert it", path, kind);
  return bl_fail(BL_ERROR_INPUT, "%s: at byte 0: found %02x %02x %02x, expected a PNG (89 50 4e) or JPEG file (ff d8 ff)",
                 path, data[0], size > 1 ? data[1] : 0, size > 2 ? data[2] : 0);
}

bl_status bl_picture_read(bl_picture *picture, const char *path) {
  static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[3] = {0xff, 0xd8, 0xff};
  uint8_t *data = NULL;
  size_t size = 0;
  memset(picture, 0, sizeof *picture);
  errno = 0;
  bl_status status = read_file(&data, &size, path);
  if (status == BL_OK) {
    if (size >= sizeof png && memcmp(data, png, sizeof png) == 0)
      status = bl_picture_decode_png(picture, data, size, path);
    else if (size >= sizeof jpeg && memcmp(data, jpeg, sizeof jpeg) == 0)
      status = bl_picture_decode_jpeg(picture, data, size, path);
    else
      status = refuse_kind(data, size, path);
  }
  bl_free(&data);
  return status;
}
