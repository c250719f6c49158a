#!/usr/bin/env python3
"""Plot how fine-tunings went: columns of their records over rounds, one panel a column, one colour a group of runs.

usage: python3 analysis/learning_curves.py PICTURE.png LABEL=RECORD.nc[,RECORD.nc ...] [LABEL=...] [--columns NAME ...]

Each RECORD.nc is the record.nc of a run of `beeline finetune` (or of a fine-tuned row of `beeline table`, below finetune/ in
its output folder); those of one label, usually its seeds, are drawn thin, with their mean in bold. Columns that are hardly
there, such as distance with metrics.every above 1, are drawn at the rounds where they are. `beeline inspect RECORD.nc` lists
the columns. Debian packages: python3-numpy, python3-netcdf4, python3-matplotlib.
"""
import argparse

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import netCDF4
import numpy

COLUMNS = ["distance", "ipm", "value_loss", "gradient_norm"]
LOGARITHMIC = {"distance", "value_loss", "gradient_norm", "critic_gradient_norm"}


def read(path, column):
    """Rounds done and values of a column where it has any."""
    with netCDF4.Dataset(path) as record:
        if column not in record.variables:
            return numpy.empty(0), numpy.empty(0)
        values = numpy.ma.filled(record[column][:].astype(float), numpy.nan)
        rounds = 1 + numpy.asarray(record["round"][:], dtype=float)
    there = numpy.isfinite(values)
    return rounds[there], values[there]


def draw_group(axes, curves, colour, label):
    """Thin lines, and the mean over the rounds that all of them have."""
    curves = [(rounds, values) for rounds, values in curves if rounds.size]
    for rounds, values in curves:
        axes.plot(rounds, values, color=colour, linewidth=0.6, alpha=0.5 if len(curves) > 1 else 1,
                  label=label if len(curves) == 1 else None, marker="." if rounds.size < 30 else None)
    if len(curves) > 1:
        shared = curves[0][0]
        for rounds, _ in curves[1:]:
            shared = numpy.intersect1d(shared, rounds)
        mean = numpy.mean([values[numpy.isin(rounds, shared)] for rounds, values in curves], axis=0)
        axes.plot(shared, mean, color=colour, linewidth=1.6, label=f"{label}, mean of {len(curves)}")
    return bool(curves)


def main():
    parser = argparse.ArgumentParser(description="Plot records of fine-tunings.")
    parser.add_argument("picture")
    parser.add_argument("runs", nargs="+", metavar="LABEL=RECORD.nc[,RECORD.nc]")
    parser.add_argument("--columns", nargs="+", default=COLUMNS)
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    groups = []
    for run in arguments.runs:
        label, equals, paths = run.partition("=")
        if not equals:
            parser.error(f"{run}: expected LABEL=RECORD.nc, such as seed1=out/digits/record.nc")
        groups.append((label, paths.split(",")))
    count = len(arguments.columns)
    across = min(count, 2)
    down = (count + across - 1) // across
    figure, panels = plt.subplots(down, across, figsize=(4.4 * across, 2.8 * down), squeeze=False)
    for panel in panels.flat[count:]:
        panel.set_visible(False)
    for column, axes in zip(arguments.columns, panels.flat):
        drawn = False
        for number, (label, paths) in enumerate(groups):
            curves = [read(path, column) for path in paths]
            drawn = draw_group(axes, curves, plt.get_cmap("tab10")(number), label) or drawn
        positive = all(line.get_ydata().min() > 0 for line in axes.get_lines() if len(line.get_ydata()))
        if drawn and positive and column in LOGARITHMIC:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            low, high = axes.get_ylim()
            if high < 10 * low:  # too few powers of ten to read the axis by
                axes.yaxis.set_minor_formatter("{x:g}")
        if not drawn:
            axes.text(0.5, 0.5, "not in these records", ha="center", va="center", transform=axes.transAxes, fontsize=8)
        axes.set_xlabel("round")
        axes.set_ylabel(column.replace("_", " "))
        axes.grid(alpha=0.3, linewidth=0.5)
    panels.flat[0].legend(frameon=False, fontsize=7)
    figure.suptitle(arguments.title, fontsize=10)
    figure.tight_layout()
    figure.savefig(arguments.picture, dpi=120)


if __name__ == "__main__":
    main()
