#include "spectral/convolution.h"

#include "base/memory.h"
#include "linear/fortran.h"

#include <cblas.h>
#include <complex.h>
#include <fftw3.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* What LAPACK needs to find the largest eigenvalue of a Hermitian matrix. */
typedef struct eigen_work {
  double *values; /* (size) */
  double _Complex *complex_work;
  double *real_work;
  int *integers;
  int complex_size, real_size, integer_size;
} eigen_work;

struct bl_conv_spectrum {
  bl_circular_convolution shape;
  int rows, columns;      /* of the grid of outputs */
  size_t aliases, across; /* stride_height × stride_width; inputs × aliases, the columns of a block */
  size_t small;           /* the smaller side of a block */
  int count;              /* frequencies up to conjugation */
  int (*frequencies)[2];  /* (count) row and column */
  int row;                /* whose lines are held, −1 for none */
  double _Complex *lines; /* (stride_height, outputs, inputs, width) transforms along the width of this row's aliases */
  fftw_plan plan;
  double _Complex *block;  /* (outputs, across) */
  double _Complex *gram;   /* (small, small): the block times its adjoint, or the other way round */
  double _Complex *turn_y; /* (height) exp(2πi j / height) */
  double value;
  eigen_work eigen;
};

static bl_status check_shape(const bl_circular_convolution *s) {
  if (s->outputs < 1 || s->inputs < 1 || s->kernel_height < 1 || s->kernel_width < 1 || s->height < 1 || s->width < 1 ||
      s->stride_height < 1 || s->stride_width < 1)
    return bl_fail(BL_ERROR_USAGE, "a convolution has sizes of at least 1");
  if (s->height % s->stride_height != 0 || s->width % s->stride_width != 0)
    return bl_fail(BL_ERROR_USAGE, "strides of %d × %d do not divide a grid of %d × %d", s->stride_height, s->stride_width,
                   s->height, s->width);
  return BL_OK;
}

/* Of g and −g, the one that comes first; rows beyond the half are conjugates of others. */
static bl_status list_frequencies(bl_conv_spectrum *s) {
  BL_TRY(bl_allocate(&s->frequencies, (size_t)(s->rows / 2 + 1) * (size_t)s->columns, sizeof *s->frequencies));
  for (int row = 0; row <= s->rows / 2; row++) {
    const bool own_conjugate = 2 * row % s->rows == 0;
    for (int column = 0; column < (own_conjugate ? s->columns / 2 + 1 : s->columns); column++) {
      s->frequencies[s->count][0] = row;
      s->frequencies[s->count++][1] = column;
    }
  }
  return BL_OK;
}

static bl_status tabulate(double _Complex **turns, int count) {
  const double circle = 2 * acos(-1.0);
  BL_TRY(bl_allocate(turns, (size_t)count, sizeof **turns));
  for (int j = 0; j < count; j++)
    (*turns)[j] = cos(circle * j / count) + sin(circle * j / count) * I;
  return BL_OK;
}

/* The largest eigenvalue of the Gram matrix, which is destroyed: the upper triangle in rows is the lower one in columns, of
 * the conjugate matrix. */
static void solve(double *value, int *info, bl_conv_spectrum *s, int complex_size, int real_size, int integer_size) {
  const int size = (int)s->small;
  const double unused = 0, tolerance = 0;
  int found, support[2];
  zheevr_("N", "I", "L", &size, s->gram, &size, &unused, &unused, &size, &size, &tolerance, &found, s->eigen.values, NULL,
          &size, support, s->eigen.complex_work, &complex_size, s->eigen.real_work, &real_size, s->eigen.integers,
          &integer_size, info);
  *value = s->eigen.values[0];
}

static bl_status prepare_eigen(bl_conv_spectrum *s) {
  eigen_work *e = &s->eigen;
  double value;
  int info;
  BL_TRY(bl_allocate(&e->values, s->small, sizeof *e->values));
  BL_TRY(bl_allocate(&e->complex_work, 1, sizeof *e->complex_work));
  BL_TRY(bl_allocate(&e->real_work, 1, sizeof *e->real_work));
  BL_TRY(bl_allocate(&e->integers, 1, sizeof *e->integers));
  solve(&value, &info, s, -1, -1, -1); /* asks for the sizes */
  if (info != 0)
    return bl_fail(BL_ERROR_LIBRARY, "LAPACK's zheevr refuses a matrix of size %zu (info %d)", s->small, info);
  e->complex_size = (int)creal(e->complex_work[0]);
  e->real_size = (int)e->real_work[0];
  e->integer_size = e->integers[0];
  bl_free(&e->complex_work);
  bl_free(&e->real_work);
  bl_free(&e->integers);
  BL_TRY(bl_allocate(&e->complex_work, (size_t)e->complex_size, sizeof *e->complex_work));
  BL_TRY(bl_allocate(&e->real_work, (size_t)e->real_size, sizeof *e->real_work));
  return bl_allocate(&e->integers, (size_t)e->integer_size, sizeof *e->integers);
}

static bl_status prepare(bl_conv_spectrum *s) {
  const bl_circular_convolution *shape = &s->shape;
  const size_t pairs = (size_t)shape->outputs * (size_t)shape->inputs;
  const size_t lines = (size_t)shape->stride_height * pairs;
  BL_TRY(list_frequencies(s));
  BL_TRY(tabulate(&s->turn_y, shape->height));
  BL_TRY(bl_allocate(&s->lines, lines * (size_t)shape->width, sizeof *s->lines));
  BL_TRY(bl_allocate(&s->block, (size_t)shape->outputs * s->across, sizeof *s->block));
  BL_TRY(bl_allocate(&s->gram, s->small * s->small, sizeof *s->gram));
  /* Estimated, not measured: the same plan on every rank. The sign is that of exp(+2πi …). */
  s->plan = fftw_plan_many_dft(1, &shape->width, (int)lines, s->lines, NULL, 1, shape->width, s->lines, NULL, 1,
                               shape->width, FFTW_BACKWARD, FFTW_ESTIMATE);
  if (!s->plan)
    return bl_fail(BL_ERROR_LIBRARY, "FFTW has no plan for %zu transforms of length %d", lines, shape->width);
  return prepare_eigen(s);
}

bl_status bl_conv_spectrum_create(bl_conv_spectrum **spectrum, const bl_circular_convolution *convolution) {
  BL_TRY(check_shape(convolution));
  BL_TRY(bl_allocate(spectrum, 1, sizeof **spectrum));
  bl_conv_spectrum *s = *spectrum;
  s->shape = *convolution;
  s->rows = convolution->height / convolution->stride_height;
  s->columns = convolution->width / convolution->stride_width;
  s->aliases = (size_t)convolution->stride_height * (size_t)convolution->stride_width;
  s->across = (size_t)convolution->inputs * s->aliases;
  s->small = (size_t)convolution->outputs < s->across ? (size_t)convolution->outputs : s->across;
  const bl_status status = prepare(s);
  if (status != BL_OK)
    bl_conv_spectrum_destroy(spectrum);
  return status;
}

void bl_conv_spectrum_destroy(bl_conv_spectrum **spectrum) {
  bl_conv_spectrum *s = *spectrum;
  if (!s)
    return;
  if (s->plan)
    fftw_destroy_plan(s->plan);
  bl_free(&s->frequencies);
  bl_free(&s->lines);
  bl_free(&s->block);
  bl_free(&s->gram);
  bl_free(&s->turn_y);
  bl_free(&s->eigen.values);
  bl_free(&s->eigen.complex_work);
  bl_free(&s->eigen.real_work);
  bl_free(&s->eigen.integers);
  bl_free(spectrum);
}

int bl_conv_spectrum_frequencies(const bl_conv_spectrum *spectrum) {
  return spectrum->count;
}

/* H at all columns of frequencies, for the aliases of output row `row`: along the height directly, since few rows of the
 * grid hold the kernel, along the width by FFT. */
static void transform_row(bl_conv_spectrum *s, const float *kernel, int row) {
  const bl_circular_convolution *shape = &s->shape;
  const size_t pairs = (size_t)shape->outputs * (size_t)shape->inputs, width = (size_t)shape->width;
  const int tall = shape->kernel_height, wide = shape->kernel_width;
  memset(s->lines, 0, (size_t)shape->stride_height * pairs * width * sizeof *s->lines);
  for (int alias = 0; alias < shape->stride_height; alias++)
    for (size_t pair = 0; pair < pairs; pair++) {
      double _Complex *line = s->lines + ((size_t)alias * pairs + pair) * width;
      const float *values = kernel + pair * (size_t)tall * (size_t)wide;
      for (int y = 0; y < tall; y++) {
        const double _Complex turn = s->turn_y[(int64_t)(row + alias * s->rows) * y % shape->height];
        for (int x = 0; x < wide; x++)
          line[x % shape->width] += (double)values[y * wide + x] * turn;
      }
    }
  fftw_execute(s->plan);
  s->row = row;
}

/* The block of frequency (row, column) from the transforms of its row. */
static void gather_block(bl_conv_spectrum *s, int column) {
  const bl_circular_convolution *shape = &s->shape;
  const size_t pairs = (size_t)shape->outputs * (size_t)shape->inputs, width = (size_t)shape->width;
  const double scale = 1 / sqrt((double)s->aliases);
  double _Complex *to = s->block;
  for (size_t pair = 0; pair < pairs; pair++)
    for (int y = 0; y < shape->stride_height; y++)
      for (int x = 0; x < shape->stride_width; x++)
        *to++ = scale * s->lines[((size_t)y * pairs + pair) * width + (size_t)(column + x * s->columns)];
}

static bl_status is_finite(const bl_conv_spectrum *s, const float *kernel) {
  const bl_circular_convolution *shape = &s->shape;
  const size_t count =
      (size_t)shape->outputs * (size_t)shape->inputs * (size_t)shape->kernel_height * (size_t)shape->kernel_width;
  for (size_t i = 0; i < count; i++)
    if (!isfinite(kernel[i]))
      return bl_fail(BL_ERROR_NUMERIC, "a convolution of %d × %d channels has an element that is not finite",
                     shape->outputs, shape->inputs);
  return BL_OK;
}

/* The largest value of the frequencies [first, end). */
static bl_status scan(bl_conv_spectrum *s, const float *kernel, int first, int end) {
  const int across = (int)s->across, small = (int)s->small;
  const bool left = small == s->shape.outputs;
  for (int f = first; f < end; f++) {
    double square;
    int info;
    if (s->frequencies[f][0] != s->row)
      transform_row(s, kernel, s->frequencies[f][0]);
    gather_block(s, s->frequencies[f][1]);
    cblas_zherk(CblasRowMajor, CblasUpper, left ? CblasNoTrans : CblasConjTrans, small, left ? across : s->shape.outputs, 1,
                s->block, across, 0, s->gram, small);
    solve(&square, &info, s, s->eigen.complex_size, s->eigen.real_size, s->eigen.integer_size);
    if (info != 0)
      return bl_fail(BL_ERROR_LIBRARY, "LAPACK's zheevr found no eigenvalue of a matrix of size %d (info %d)", small, info);
    const double found = sqrt(fmax(square, 0));
    s->value = found > s->value ? found : s->value;
  }
  return BL_OK;
}

bl_status bl_conv_spectrum_largest(double *value, bl_conv_spectrum *spectrum, const float *kernel, int first, int end) {
  bl_conv_spectrum *s = spectrum;
  s->value = -1;
  s->row = -1;
  BL_TRY(is_finite(s, kernel));
  /* With more threads OpenBLAS rounds otherwise, and is slower on blocks so small. */
  const int threads = openblas_get_num_threads();
  openblas_set_num_threads(1);
  const bl_status status = scan(s, kernel, first, end);
  openblas_set_num_threads(threads);
  *value = s->value;
  return status;
}
