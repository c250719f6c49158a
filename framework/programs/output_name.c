#include "programs/output_name.h"

#include <string.h>
#include <strings.h>

/* The first ones are never text. */
static const char *const endings[] = {"png",  "jpg", "jpeg", "gif", "webp", "bmp", "tif",        "tiff", "pdf",
                                      "svg",  "npz", "npy",  "pt",  "pth",  "zip", "gz",         "tar",  "csv",
                                      "json", "txt", "tex",  "md",  "yaml", "yml", "safetensors"};
enum { NO_TEXT = 17, ENDINGS = sizeof endings / sizeof endings[0] };

/* Bytes before the dot of one of the first \a count endings; 0 where it has none of them. */
static size_t stem_of(const char *path, int count) {
  const char *dot = strrchr(path, '.');
  for (int i = 0; dot != NULL && i < count; i++)
    if (strcasecmp(dot + 1, endings[i]) == 0)
      return (size_t)(dot - path);
  return 0;
}

bl_status bl_output_name_check(const bl_options *options, const char *what, const char *beside) {
  const char *path = options->output;
  const size_t stem = stem_of(path, ENDINGS);
  if (stem == 0)
    return BL_OK;
  return bl_options_reject(options, "output", "%s, which is netCDF: name it %.*s.nc%s", what, (int)stem, path, beside);
}

bl_status bl_output_name_check_text(const bl_options *options, const char *what) {
  const char *path = options->output;
  const size_t stem = stem_of(path, NO_TEXT);
  if (stem == 0)
    return BL_OK;
  return bl_options_reject(options, "output", "%s: name it %.*s.nc for netCDF, or %.*s.txt for text", what, (int)stem, path,
                           (int)stem, path);
}
