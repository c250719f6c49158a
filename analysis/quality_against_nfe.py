#!/usr/bin/env python3
"""Plot a metric of a table against the number of network evaluations, one line a method, with the spread over seeds.

usage: python3 analysis/quality_against_nfe.py PICTURE.png TABLE.nc [--metric NAME] [--methods WORD ...] [--linear]

A method with a single number of evaluations, far above those of the others (DDPM with all steps), becomes a dashed line.
TABLE.nc is the table.nc that `beeline table` writes. --metric is the name of one of its variables: fid, sliced_wasserstein,
spectrum; without it the first that is there. --methods keeps the methods whose names contain one of the words. Debian
packages: python3-numpy, python3-netcdf4, python3-matplotlib.
"""
import argparse

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import netCDF4
import numpy

METRICS = {"fid": "FID", "sliced_wasserstein": "sliced Wasserstein distance", "spectrum": "distance of power spectra (dB)"}


def read(path, metric):
    """Names of methods; evaluations, mean and spread (method, column); number of seeds; what the file says of itself."""
    with netCDF4.Dataset(path) as table:
        if metric is None:
            metric = next(name for name in METRICS if name in table.variables)
        names = [b"".join(row.compressed()).decode() for row in numpy.ma.masked_equal(table["method"][:], b"")]
        values = [numpy.ma.filled(table[name][:].astype(float), numpy.nan)
                  for name in ("network_evaluations", f"{metric}_mean", f"{metric}_spread")]
        seeds = table.dimensions["seed"].size
        about = f"{table.getncattr('samples')} samples, {seeds} seed{'s' if seeds > 1 else ''}"
        return metric, names, *values, about, getattr(table, "title", "")


def main():
    parser = argparse.ArgumentParser(description="Plot quality against network evaluations.")
    parser.add_argument("picture")
    parser.add_argument("table")
    parser.add_argument("--metric", help="variable of the table")
    parser.add_argument("--methods", nargs="+", default=[""], help="words of the names to keep")
    parser.add_argument("--linear", action="store_true", help="a linear axis of the metric")
    arguments = parser.parse_args()
    metric, names, evaluations, mean, spread, about, title = read(arguments.table, arguments.metric)
    figure, axes = plt.subplots(figsize=(6.4, 4))
    markers = "osD^vP*X<>"
    shown = 0
    lone = numpy.sum(numpy.isfinite(mean), axis=1) == 1
    usual = numpy.nanmax(evaluations[~lone], initial=0)
    for row, name in enumerate(names):
        there = numpy.isfinite(mean[row])
        if not there.any() or not any(word in name for word in arguments.methods):
            continue
        order = numpy.argsort(evaluations[row][there])
        x, y = evaluations[row][there][order], mean[row][there][order]
        colour = plt.get_cmap("tab20" if len(names) > 10 else "tab10")(shown)
        if lone[row] and usual > 0 and x[0] > 4 * usual:
            axes.axhline(y[0], color=colour, linestyle="--", linewidth=1, label=f"{name} ({x[0]:g})")
            evaluations[row] = numpy.nan
            shown += 1
            continue
        bars = numpy.nan_to_num(spread[row][there][order])
        if not arguments.linear:  # a bar to below zero has no place on a logarithmic axis
            bars = numpy.array([numpy.minimum(bars, 0.99 * y), bars])
        axes.errorbar(x, y, yerr=bars, label=name, marker=markers[shown % len(markers)], markersize=4, capsize=2, linewidth=1,
                      color=colour)
        shown += 1
    ticks = numpy.unique(evaluations[numpy.isfinite(evaluations)])
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    if not arguments.linear:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        low, high = axes.get_ylim()
        if high < 10 * low:  # too few powers of ten to read the axis by
            axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_xlabel("network evaluations a sample")
    axes.set_ylabel(METRICS.get(metric, metric))
    axes.set_title(f"{title}: {about}" if title else about, fontsize=9)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(arguments.picture, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()
