#include "store/picture_format.h"

#include <string.h>

/* What other files begin with: bytes from an offset on. */
static const struct {
  const char *name;
  size_t offset, length;
  const char *bytes;
} table[] = {
    {"a GIF picture", 0, 4, "GIF8"},
    {"a WebP picture", 8, 4, "WEBP"},
    {"a TIFF or raw picture", 0, 4, "II*\0"},
    {"a TIFF or raw picture", 0, 4, "MM\0*"},
    {"a TIFF picture", 0, 4, "II+\0"},
    {"a TIFF picture", 0, 4, "MM\0+"},
    {"an AVIF picture", 4, 8, "ftypavif"},
    {"an AVIF picture", 4, 8, "ftypavis"},
    {"a HEIC picture", 4, 7, "ftyphei"},
    {"a HEIC picture", 4, 7, "ftyphev"},
    {"a HEIC picture", 4, 8, "ftypmif1"},
    {"a HEIC picture", 4, 8, "ftypmsf1"},
    {"a film (MP4 or QuickTime)", 4, 4, "ftyp"},
    {"a JPEG 2000 picture", 0, 8, "\0\0\0\x0cjP  "},
    {"a JPEG 2000 picture", 0, 4, "\xff\x4f\xff\x51"},
    {"a JPEG XL picture", 0, 8, "\0\0\0\x0cJXL "},
    {"a JPEG XL picture", 0, 2, "\xff\x0a"},
    {"a BMP picture", 0, 2, "BM"},
    {"a Photoshop picture", 0, 4, "8BPS"},
    {"an OpenEXR picture", 0, 4, "\x76\x2f\x31\x01"},
    {"a QOI picture", 0, 4, "qoif"},
    {"a PBM picture", 0, 3, "P1\n"},
    {"a PGM picture", 0, 3, "P2\n"},
    {"a PPM picture", 0, 3, "P3\n"},
    {"a PBM picture", 0, 3, "P4\n"},
    {"a PGM picture", 0, 3, "P5\n"},
    {"a PPM picture", 0, 3, "P6\n"},
    {"an icon (ICO)", 0, 4, "\0\0\x01\0"},
    {"an SVG drawing", 0, 4, "<svg"},
    {"XML or an SVG drawing", 0, 5, "<?xml"},
    {"a web page (HTML)", 0, 5, "<!DOC"},
    {"a web page (HTML)", 0, 5, "<!doc"},
    {"a web page (HTML)", 0, 5, "<html"},
    {"a PDF file", 0, 4, "%PDF"},
    {"a netCDF or HDF5 file", 0, 4, "\x89HDF"},
    {"a gzip file", 0, 2, "\x1f\x8b"},
    {"a ZIP file", 0, 4, "PK\x03\x04"},
    {"a pointer of Git LFS, not the picture itself", 0, 24, "version https://git-lfs."},
    {"what macOS keeps beside a file, no picture", 0, 4, "\0\x05\x16\x07"},
};

const char *bl_picture_kind(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (size >= table[i].offset + table[i].length && memcmp(data + table[i].offset, table[i].bytes, table[i].length) == 0)
      return table[i].name;
  return NULL;
}
