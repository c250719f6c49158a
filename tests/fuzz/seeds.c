/* Writes the seeds of netCDF files into the folder that is named: each as Beeline writes it, and without groups in netCDF's
 * classic format too, which has no checksums. */
#include "fuzz/readers.h"

#include "base/memory.h"
#include "base/options.h"
#include "metrics/reference.h"
#include "store/container.h"
#include "store/dataset.h"
#include "store/model.h"
#include "store/moments.h"
#include "store/picture.h"

#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* jpeglib.h needs size_t and FILE before it. */
#include <jpeglib.h>
#include <png.h>

/* libFuzzer's functions, which this program does not use. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit) {
  (void)data;
  (void)limit;
  return size;
}

static char path[1024];

static const char *in(const char *folder, const char *name) {
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void must(bl_status status) {
  if (status != BL_OK) {
    fprintf(stderr, "seeds: %s\n", bl_status_message());
    exit(1);
  }
}

/* To be shown turned by a quarter. */
static const uint8_t exif[] = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0";

/* Grey, in colours and in inks; Beeline itself only reads JPEG. */
static void jpeg(const char *file, const uint8_t *pixels, int channels) {
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  FILE *stream = fopen(file, "wb");
  if (stream == NULL)
    exit(1);
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_stdio_dest(&jpeg, stream);
  jpeg.image_width = jpeg.image_height = 8;
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  if (channels == 3)
    jpeg_simple_progression(&jpeg);
  jpeg.arith_code = channels == 4 ? TRUE : FALSE;
  jpeg_start_compress(&jpeg, TRUE);
  jpeg_write_marker(&jpeg, JPEG_APP0 + 1, exif, sizeof exif);
  for (int y = 0; y < 8; y++) {
    uint8_t row[32];
    memcpy(row, pixels + y * 8 * channels, (size_t)(8 * channels));
    jpeg_write_scanlines(&jpeg, (JSAMPROW[]){row}, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  fclose(stream);
}

static void turned_png(const char *file) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  FILE *stream = fopen(file, "wb");
  uint8_t block[sizeof exif - 6];
  if (stream == NULL)
    exit(1);
  memcpy(block, exif + 6, sizeof block);
  png_init_io(png, stream);
  png_set_IHDR(png, info, 4, 2, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_ADAM7, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_set_eXIf_1(png, info, sizeof block, block);
  png_write_info(png, info);
  for (int row = 0; row < 2 * png_set_interlace_handling(png); row++)
    png_write_row(png, (const uint8_t *)"abcd");
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  fclose(stream);
}

static void datasets(const char *folder, bl_dataset *images) {
  float points[6] = {0.5F, -0.5F, 0.25F, 0, 1, -1};
  const bl_dataset few = {.count = 3, .channels = 2, .height = 1, .width = 1, .points = points};
  *images = (bl_dataset){.count = 4, .channels = 1, .height = 8, .width = 8, .classes = 2};
  must(bl_allocate(&images->pixels, 256, 1));
  must(bl_allocate(&images->labels, 4, sizeof *images->labels));
  must(bl_allocate(&images->class_names, 2, sizeof *images->class_names));
  for (int i = 0; i < 256; i++)
    images->pixels[i] = (uint8_t)(i * i);
  images->labels[1] = 1;
  memcpy(images->class_names[0], "cat", 4);
  memcpy(images->class_names[1], "dog", 4);
  must(bl_dataset_write(images, in(folder, "images.nc"), &fuzz_provenance));
  must(bl_dataset_write(&few, in(folder, "points.nc"), &fuzz_provenance));
  bl_picture picture;
  must(bl_picture_grid(&picture, images->pixels, 4, 1, 8, 8, 2, 1));
  must(bl_picture_write(&picture, in(folder, "grey.png")));
  bl_picture_destroy(&picture);
  must(bl_picture_blank(&picture, 3, 8, 8));
  must(bl_picture_write(&picture, in(folder, "colour.png")));
  bl_picture_destroy(&picture);
  jpeg(in(folder, "grey.jpg"), images->pixels, 1);
  jpeg(in(folder, "colour.jpg"), images->pixels, 3);
  jpeg(in(folder, "inks.jpg"), images->pixels, 4);
  turned_png(in(folder, "turned.png"));
}

static void model(const char *folder) {
  bl_graph *graph;
  float *values;
  bl_model_header header = {.shape = fuzz_mlp, .schedule = "sigmoid", .diffusion_steps = 3, .beta_last = 0.01, .round = 1};
  must(bl_network_create(&graph, &fuzz_mlp, 1, BL_GRAPH_INFERENCE, false));
  const bl_parameter_table *table = bl_graph_parameters(graph);
  must(bl_allocate(&values, table->count, sizeof *values));
  const bl_model_part parts[2] = {{"model", table, values}, {"average", table, values}};
  must(bl_model_write(in(folder, "model.nc"), &header, parts, 2, &fuzz_provenance));
  bl_free(&values);
  bl_graph_destroy(&graph);
}

static void numbers(const char *folder) {
  bl_record *record;
  bl_moments moments;
  must(bl_record_open(&record, in(folder, "record.nc"), fuzz_columns, 2, 0, 10, &fuzz_provenance));
  for (int round = 0; round < 5; round++)
    must(bl_record_append(record, round, (const double[]){round, 2 * round}));
  must(bl_record_close(&record));
  must(bl_moments_create(&moments, 4));
  moments.count = 7;
  must(bl_moments_write(&moments, in(folder, "moments.nc"), &fuzz_provenance));
  bl_moments_destroy(&moments);
}

static void reference(const char *folder, const bl_dataset *images) {
  bl_features *features = fuzz_features();
  const bl_images real = bl_images_of_dataset(images);
  bl_reference statistics;
  must(bl_reference_get(&statistics, in(folder, "reference.nc"), features, &real, &fuzz_provenance, MPI_COMM_SELF));
  bl_reference_destroy(&statistics);
  bl_features_destroy(&features);
}

/* The same in another format of netCDF; the classic ones have no unsigned bytes but CDF-5. */
static void copy(const char *folder, const char *from, const char *to, int format) {
  int input, output, count, dimensions, variables, attributes, id, ids[8];
  char name[NC_MAX_NAME + 1];
  if (nc_open(in(folder, from), NC_NOWRITE, &input) != NC_NOERR || nc_create(in(folder, to), format, &output) != NC_NOERR)
    must(bl_fail(BL_ERROR_SYSTEM, "%s: cannot be copied", path));
  nc_inq(input, &dimensions, &variables, &attributes, NULL);
  for (int d = 0; d < dimensions; d++) {
    size_t length;
    int unlimited = -1;
    nc_inq_unlimdim(input, &unlimited);
    nc_inq_dim(input, d, name, &length);
    nc_def_dim(output, name, d == unlimited ? NC_UNLIMITED : length, &id);
  }
  for (int a = 0; a < attributes; a++) {
    nc_inq_attname(input, NC_GLOBAL, a, name);
    if (strcmp(name, "seal") != 0)
      nc_copy_att(input, NC_GLOBAL, name, output, NC_GLOBAL);
  }
  for (int v = 0; v < variables; v++) {
    nc_type type;
    nc_inq_var(input, v, name, &type, &count, ids, &attributes);
    nc_def_var(output, name, type, count, ids, &id);
    for (int a = 0; a < attributes; a++) {
      nc_inq_attname(input, v, a, name);
      nc_copy_att(input, v, name, output, id);
    }
  }
  nc_enddef(output);
  for (int v = 0; v < variables; v++)
    nc_copy_var(input, v, output);
  nc_close(input);
  nc_close(output);
}

/* A configuration: the text of --defaults. */
static void defaults(const char *folder) {
  char *text;
  must(bl_options_defaults(&text));
  FILE *stream = fopen(in(folder, "defaults.yaml"), "w");
  if (stream == NULL || fputs(text, stream) < 0 || fclose(stream) != 0)
    exit(1);
  free(text);
}

int main(int argc, char **argv) {
  static const char *const files[] = {"images", "points", "model", "moments", "reference"};
  char from[64], to[64];
  bl_dataset images;
  if (argc != 2)
    return 99;
  defaults(argv[1]);
  datasets(argv[1], &images);
  model(argv[1]);
  numbers(argv[1]);
  reference(argv[1], &images);
  bl_dataset_destroy(&images);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(from, sizeof from, "%s.nc", files[i]);
    snprintf(to, sizeof to, "%s5.nc", files[i]);
    copy(argv[1], from, to, NC_64BIT_DATA);
  }
  copy(argv[1], "record.nc", "record4.nc", NC_NETCDF4);
  return 0;
}
