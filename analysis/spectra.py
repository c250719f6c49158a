#!/usr/bin/env python3
"""Draw the radial power spectra of the samples of several methods against that of the real images.

usage: python3 analysis/spectra.py PICTURE.png NAME=EVALUATED.nc [NAME=EVALUATED.nc ...] [--title TEXT]

Each EVALUATED.nc is what `beeline evaluate --output FILE.nc` writes for images with `data.file`: power_samples and power_real,
the mean power of a frequency, by ring (radius in cycles per shorter side). Drawn above are the spectra, below how far each
is above or below the real one in decibels: few-step samplers that lose fine detail fall at the right. The legend gives the
file's spectrum_distance, the root of the mean square over the rings, with the power of 8-bit rounding added to both.

All files must be evaluated against the same real images. Debian packages: python3-numpy, python3-netcdf4, python3-matplotlib.
"""
import argparse

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import netCDF4
import numpy


def read(path):
    """Radius of the rings that hold frequencies; power of the samples and of the real images; distance in dB."""
    with netCDF4.Dataset(path) as file:
        missing = [name for name in ("power_samples", "power_real", "spectrum_distance") if name not in file.variables]
        if missing:
            raise SystemExit(f"{path}: has no {missing[0]}: made by beeline evaluate of images, with data.file?")
        there = file["frequencies"][:] > 0
        rings, samples, real = (numpy.asarray(file[name][:])[there] for name in ("ring", "power_samples", "power_real"))
        return rings, samples, real, float(file["spectrum_distance"][...])


def decibels(power):
    return 10 * numpy.log10(numpy.maximum(power, numpy.finfo(float).tiny))


def main():
    parser = argparse.ArgumentParser(description="Draw power spectra of several methods against the real one.")
    parser.add_argument("picture")
    parser.add_argument("methods", nargs="+", metavar="NAME=EVALUATED.nc")
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    parts = [text.partition("=") for text in arguments.methods]
    if not all(name and path for name, _, path in parts):
        parser.error("expected NAME=EVALUATED.nc for each method")
    methods = [(name, *read(path)) for name, _, path in parts]
    rings, real = methods[0][1], methods[0][3]
    for (_, other_rings, _, other_real, _), (_, _, path) in zip(methods, parts):
        if other_rings.shape != rings.shape or not numpy.allclose(other_real, real, rtol=1e-9):
            raise SystemExit(f"{path}: was evaluated against other real images than {parts[0][2]}")
    figure, (above, below) = plt.subplots(2, 1, figsize=(6.4, 5.6), sharex=True, height_ratios=(3, 2))
    above.plot(rings, decibels(real), color="black", linewidth=2, label="real")
    below.axhline(0, color="black", linewidth=2)
    for place, (name, _, samples, _, distance) in enumerate(methods):
        style = {"color": plt.get_cmap("tab20" if len(methods) > 10 else "tab10")(place), "linewidth": 1,
                 "marker": "osD^vP*X<>"[place % 10], "markersize": 3.5}
        above.plot(rings, decibels(samples), label=f"{name}: {distance:.2f} dB", **style)
        below.plot(rings, decibels(samples) - decibels(real), **style)
    above.set_ylabel("power of a frequency (dB)")
    below.set_ylabel("less the real one (dB)")
    below.set_xlabel("frequency (cycles per shorter side)")
    if rings.size <= 20:
        below.set_xticks(rings)
    above.set_title(arguments.title, fontsize=10)
    above.legend(frameon=False, fontsize=8)
    for axes in (above, below):
        axes.grid(alpha=0.3, linewidth=0.5)
    figure.tight_layout()
    figure.savefig(arguments.picture, dpi=120)


if __name__ == "__main__":
    main()
