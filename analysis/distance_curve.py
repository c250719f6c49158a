#!/usr/bin/env python3
"""Plot the measured distance of fine-tuning runs over their rounds.

usage: python3 analysis/distance_curve.py PICTURE.png RECORD.nc [RECORD.nc ...] [--line VALUE] [--title TEXT]

Each RECORD.nc is the record.nc that `beeline finetune` writes with `metrics.every` above 0. --line draws a dashed line at a
value, for example at the distance that is aimed at. Debian packages: python3-numpy, python3-netcdf4, python3-matplotlib.
"""
import argparse

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import netCDF4
import numpy


def read(path):
    """Rounds done and distance, where it was measured."""
    with netCDF4.Dataset(path) as record:
        distance = numpy.ma.filled(record["distance"][:].astype(float), numpy.nan)
        first = int(record["round"][0]) if "round" in record.variables else 0
    rounds = first + 1 + numpy.arange(distance.size)
    measured = numpy.isfinite(distance)
    return rounds[measured], distance[measured]


def main():
    parser = argparse.ArgumentParser(description="Plot measured distances over rounds.")
    parser.add_argument("picture")
    parser.add_argument("records", nargs="+")
    parser.add_argument("--line", type=float, help="draw a dashed line at this distance")
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for number, path in enumerate(arguments.records):
        axes.plot(*read(path), marker=".", linewidth=1, label=f"run {number + 1}")
    if arguments.line is not None:
        axes.axhline(arguments.line, color="black", linestyle="--", linewidth=0.8, label=f"{arguments.line:g}")
    axes.set_yscale("log")
    axes.set_xlabel("round")
    axes.set_ylabel("distance to the data")
    axes.set_title(arguments.title)
    axes.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(arguments.picture, dpi=120)


if __name__ == "__main__":
    main()
