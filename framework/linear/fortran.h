/** \file
 * The routines of LAPACK, ScaLAPACK and BLACS that are called here; their libraries come without a header. */
#ifndef BEELINE_LINEAR_FORTRAN_H
#define BEELINE_LINEAR_FORTRAN_H

#include <mpi.h>

int Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int *context, const char *order, int rows, int columns);
void Cblacs_gridinfo(int context, int *rows, int *columns, int *row, int *column);
void Cblacs_gridexit(int context);
enum { BL_BLACS_REPEATABLE = 15, BL_BLACS_COHERENT = 16 }; /* SGET_TOPSREPEAT, SGET_TOPSCOHRNT of BLACS */
void Cblacs_set(int context, int what, const int *value);

int numroc_(const int *size, const int *block, const int *index, const int *source, const int *processes);
void descinit_(int *descriptor, const int *rows, const int *columns, const int *row_block, const int *column_block,
               const int *row_source, const int *column_source, const int *context, const int *local_rows, int *info);

/* Eigenvalues in rising order and eigenvectors of a symmetric matrix, by divide and conquer. */
void dsyevd_(const char *job, const char *triangle, const int *size, double *matrix, const int *stride, double *values,
             double *work, const int *work_size, int *integers, const int *integer_size, int *info);
/* Some eigenvalues of a Hermitian matrix, in rising order, with their eigenvectors. */
void zheevr_(const char *job, const char *range, const char *triangle, const int *size, double _Complex *matrix,
             const int *stride, const double *low, const double *high, const int *first, const int *last,
             const double *tolerance, int *found, double *values, double _Complex *vectors, const int *vector_stride,
             int *support, double _Complex *work, const int *work_size, double *real_work, const int *real_size,
             int *integers, const int *integer_size, int *info);
void pdsyevd_(const char *job, const char *triangle, const int *size, double *matrix, const int *row, const int *column,
              const int *descriptor, double *values, double *vectors, const int *vector_row, const int *vector_column,
              const int *vector_descriptor, double *work, const int *work_size, int *integers, const int *integer_size,
              int *info);

/* C = alpha A B + beta C for symmetric A (side "L"), and C = alpha op(A) op(B) + beta C. */
void pdsymm_(const char *side, const char *triangle, const int *rows, const int *columns, const double *alpha,
             const double *a, const int *a_row, const int *a_column, const int *a_descriptor, const double *b,
             const int *b_row, const int *b_column, const int *b_descriptor, const double *beta, double *c,
             const int *c_row, const int *c_column, const int *c_descriptor);
void pdgemm_(const char *a_form, const char *b_form, const int *rows, const int *columns, const int *inner,
             const double *alpha, const double *a, const int *a_row, const int *a_column, const int *a_descriptor,
             const double *b, const int *b_row, const int *b_column, const int *b_descriptor, const double *beta, double *c,
             const int *c_row, const int *c_column, const int *c_descriptor);

/* B = A, which lies on another grid or in other blocks; the last context holds all processes of both. */
void pdgemr2d_(const int *rows, const int *columns, const double *a, const int *a_row, const int *a_column,
               const int *a_descriptor, double *b, const int *b_row, const int *b_column, const int *b_descriptor,
               const int *context);

#endif
