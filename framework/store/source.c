#include "store/source.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bl_status bl_source_open(bl_source *source, const char *path) {
  struct stat what;
  *source = (bl_source){.path = path};
  if (stat(path, &what) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: %s", path, strerror(errno));
  if (!S_ISREG(what.st_mode))
    return bl_fail(BL_ERROR_INPUT, "%s: is %s, expected a file", path,
                   S_ISDIR(what.st_mode) ? "a folder" : "no regular file");
  if (what.st_size == 0)
    return bl_fail(BL_ERROR_INPUT, "%s: is empty (0 bytes)", path);
  source->size = (size_t)what.st_size;
  errno = 0;
  source->file = gzopen(path, "rb");
  if (source->file == NULL)
    return bl_fail(BL_ERROR_INPUT, "%s: %s", path, errno != 0 ? strerror(errno) : "out of memory");
  gzbuffer(source->file, 1 << 17);
  return BL_OK;
}

bl_status bl_source_plausible(const bl_source *source, double bytes, const char *what) {
  const double most = gzdirect(source->file) ? (double)source->size : 1040.0 * (double)source->size;
  if (bytes <= most)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT, "%s: its header announces %s, %.0f bytes, but the file has only %zu%s", source->path, what,
                 bytes, source->size, gzdirect(source->file) ? "" : " packed ones");
}

/* Why reading stopped: "the file ends", "the gzip stream is damaged: …". */
static const char *reason_of(const bl_source *source) {
  int code;
  const char *text = gzerror(source->file, &code);
  if (code == Z_ERRNO)
    return strerror(errno);
  if (code == Z_OK || code == Z_STREAM_END)
    return source->offset == 0 && !gzdirect(source->file) ? "its gzip stream is empty" : "the file ends";
  return code == Z_BUF_ERROR ? "the gzip stream ends before its time" : text;
}

bl_status bl_source_read(bl_source *source, void *bytes, size_t size, const char *what) {
  const size_t start = source->offset;
  while (source->offset - start < size) {
    const size_t done = source->offset - start, left = size - done;
    const int got = gzread(source->file, (char *)bytes + done, left < 1U << 30 ? (unsigned)left : 1U << 30);
    if (got <= 0)
      return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu + %zu: %s, expected %zu bytes (%s)", source->path, start, done,
                     reason_of(source), size, what);
    source->offset += (size_t)got;
  }
  return BL_OK;
}

bl_status bl_source_end(bl_source *source) {
  char more;
  const int got = gzread(source->file, &more, 1);
  if (got > 0)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: the file goes on, expected its end", source->path, source->offset);
  int code;
  gzerror(source->file, &code);
  if (got < 0 || code == Z_BUF_ERROR)
    return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: %s", source->path, source->offset, reason_of(source));
  return BL_OK;
}

void bl_source_close(bl_source *source) {
  if (source->file != NULL)
    gzclose(source->file);
  source->file = NULL;
}
