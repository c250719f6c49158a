/** \file
 * The transforms of Winograd's convolution F(4 × 4, 3 × 3) (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural
 * Networks"; Toom 1963, Cook 1966): y = Aᵀ [(G w Gᵀ) ∘ (Bᵀ x B)] A for each tile of 4 × 4 results, which reads 6 × 6
 * pixels.
 *
 * The product ∘ is a matrix product over channels for each of the 36 places ("frequencies") of a tile: a quarter of the
 * multiplications of the definition. The points of interpolation are 0, ± 5/8, ± 3/2 and infinity, which round less than
 * the usual 0, ± 1, ± 2 (Barabasz et al. 2020, "Error Analysis and Improving the Accuracy of Winograd Convolution").
 *
 * Tensors come in blocks of channels, (batch, channels / block, height, width, block), block 8 or 16; tiles are numbered
 * from left to right, then down, and may hang over the right and lower edges. Transformed data is
 * (36, channels / block, tiles, block). Nothing here is collective.
 */
#ifndef BEELINE_LAYER_WINOGRAD_TRANSFORM_H
#define BEELINE_LAYER_WINOGRAD_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>

enum {
  BL_WINOGRAD_TILE = 4,        /**< results of a tile along each side */
  BL_WINOGRAD_FREQUENCIES = 36 /**< products of a tile */
};

/** One plane of a tensor, the pixels of one block of channels, and its tiles. */
typedef struct bl_winograd_plane {
  int height, width; /**< pixels */
  int block;         /**< 8 or 16 channels */
} bl_winograd_plane;

/** Tiles of a plane. */
int bl_winograd_tiles(const bl_winograd_plane *plane);

/** Floats of scratch that bl_winograd_input needs. */
size_t bl_winograd_work(const bl_winograd_plane *plane);

/** U = G w Gᵀ. \param [out] u  (36, out / block, in / block, block of in, block of out), caller's; the frequencies are \a
 * stride floats apart. \param [in] w  (out / block, in / block, 3, 3, block of in, block of out). \param out, in  channels.
 */
void bl_winograd_weights(float *u, size_t stride, const float *w, int out, int in, int block);

/** The same for the convolution that gives the gradient by x: from \a out to \a in channels, by w turned by 180 degrees.
 * \param [out] u  (36, in / block, out / block, block of out, block of in). \param [in] w  as above. */
void bl_winograd_weights_turned(float *u, size_t stride, const float *w, int out, int in, int block);

/** V = Bᵀ x B of one plane, whose pixels outside are 0. \param [out] v  of the first tile; the frequencies are \a stride
 * floats apart. \param [in] x  (height, width, block). \param work  bl_winograd_work floats. */
void bl_winograd_input(float *v, size_t stride, const float *x, const bl_winograd_plane *plane, float *work);

/** What is added to one plane of a result, in this order; NULL: nothing. */
typedef struct bl_winograd_added {
  const float *bias;   /**< (block) for every pixel */
  const float *vector; /**< (block) for every pixel */
  const float *image;  /**< (height, width, block) */
} bl_winograd_added;

/** y = Aᵀ m A + what is added, of one plane. \param [out] y  (height, width, block). \param [in] m  as v above. */
void bl_winograd_output(float *y, const float *m, size_t stride, const bl_winograd_added *added,
                        const bl_winograd_plane *plane);

/** Z = A dy Aᵀ of one plane, the gradient of bl_winograd_output. \param [out] z  as v above. */
void bl_winograd_output_gradient(float *z, size_t stride, const float *d_y, const bl_winograd_plane *plane);

/** dw = Gᵀ dU G, the gradient of bl_winograd_weights. \param [in,out] d_w as w there. \param [in] d_u  as u there. \param
 * [in] add to what d_w holds, instead of replacing it. */
void bl_winograd_weights_gradient(float *d_w, const float *d_u, size_t stride, int out, int in, int block, bool add);

#endif
