#!/usr/bin/env python3
"""Draw samples of several methods below each other, each row with its name, as in a paper's figure.

usage: python3 analysis/sample_grid.py PICTURE.png LABEL=FILE.nc [LABEL=FILE.nc ...] [--count N] [--title TEXT]

Each FILE.nc holds samples or data: a cell of `beeline table` (below cells/ in its output folder: same seed, same initial
noise), the output of `beeline sample`, or a data set. Images become a row, points of the plane a scatter plot. Debian
packages: python3-numpy, python3-netcdf4, python3-matplotlib.
"""
import argparse

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import netCDF4
import numpy


def read(path, count):
    """Images (sample, height, width[, colour]) or points (sample, 2), the first ones."""
    with netCDF4.Dataset(path) as file:
        if "point" in file.variables:
            return numpy.asarray(file["point"][:])
        images = numpy.asarray(file["image"][:count]).transpose(0, 2, 3, 1)
    return images[..., 0] if images.shape[-1] == 1 else images


def in_a_row(images, count):
    """One wide picture with a margin of one pixel; missing ones stay white."""
    height, width = images.shape[1:3]
    row = numpy.full((height, count * (width + 1) - 1) + images.shape[3:], 255, dtype=numpy.uint8)
    for number, image in enumerate(images):
        row[:, number * (width + 1):number * (width + 1) + width] = image
    return row


def draw_images(figure, labels, sets, count):
    panels = figure.subplots(len(sets), 1, squeeze=False)[:, 0]
    for axes, label, images in zip(panels, labels, sets):
        axes.imshow(in_a_row(images, count), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(False)


def draw_points(figure, labels, sets):
    across = min(len(sets), 4)
    panels = figure.subplots((len(sets) + across - 1) // across, across, squeeze=False).flat
    limit = max(numpy.abs(points).max() for points in sets[-1:])
    for axes, label, points in zip(panels, labels, sets):
        axes.scatter(points[:, 0], points[:, 1], s=1, linewidths=0, color="tab:blue")
        axes.set_title(label, fontsize=8)
        axes.set_xlim(-1.15 * limit, 1.15 * limit)
        axes.set_ylim(-1.15 * limit, 1.15 * limit)
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
    for axes in panels:
        axes.set_visible(False)


def main():
    parser = argparse.ArgumentParser(description="Draw samples of several methods.")
    parser.add_argument("picture")
    parser.add_argument("sets", nargs="+", metavar="LABEL=FILE.nc")
    parser.add_argument("--count", type=int, default=16, help="images a row")
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    labels, sets = [], []
    for word in arguments.sets:
        label, equals, path = word.rpartition("=")
        if not equals:
            parser.error(f"{word}: expected LABEL=FILE.nc, such as DDPM=out/table/cells/ddpm-nfe10-seed1.nc")
        labels.append(label)
        sets.append(read(path, arguments.count))
    points = [samples.ndim == 2 for samples in sets]
    if any(points) and not all(points):
        parser.error("some files hold points, some images")
    if points[0]:
        lines = (len(sets) + 3) // 4
        figure = plt.figure(figsize=(2.2 * min(len(sets), 4), 2.4 * lines))
        draw_points(figure, labels, sets)
    else:
        figure = plt.figure(figsize=(8, 0.55 * len(sets)))
        draw_images(figure, labels, sets, arguments.count)
    figure.suptitle(arguments.title, fontsize=10)
    figure.savefig(arguments.picture, dpi=160, bbox_inches="tight")


if __name__ == "__main__":
    main()
