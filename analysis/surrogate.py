#!/usr/bin/env python3
"""Draw what the policy steps of fine-tuning runs did, round by round, and count how often the IPM estimate fell.

usage: python3 analysis/surrogate.py PICTURE.png RECORD.nc [RECORD.nc ...] [--label TEXT ...] [--skip ROUNDS] [--title TEXT]

Each RECORD.nc is the record.nc that `beeline finetune` writes with `monitor.policy: true` and, for the IPM estimate,
`monitor.held_out` above 0. Drawn are, against the round,
  surrogate    its fall by the policy steps: mean of A p_new / p_old less mean of A (below 0: the steps lowered it)
  IPM          critic's mean over generated minus over real samples that it does not learn from, before the policy steps
  KL           of the new policy from the old one, mean over transitions, in nats
  clip rate    share of the policy steps whose gradient was clipped
  Lipschitz    bound of the critic, where `monitor.critic: true` recorded it

The table goes to standard output, as Markdown: a row for each run, with the clip norm and n_generator of the configuration that
the record carries, and the share of rounds in which the steps lowered the loss A log p, the surrogate A p_new / p_old and the
held-out IPM estimate of the round's critic, and in which the estimate was lower than in the round before, by that round's
critic. --skip leaves out the first rounds. Debian packages: python3-numpy, python3-netcdf4, python3-matplotlib, python3-yaml.
"""
import argparse
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import matplotlib.ticker
import netCDF4
import numpy
import yaml


class Run:
    """A record: its columns, and what its configuration says."""

    def __init__(self, path, skip):
        with netCDF4.Dataset(path) as record:
            if "surrogate_before" not in record.variables:
                raise SystemExit(f"{path}: has no column surrogate_before: set monitor.policy=true when fine-tuning")
            self.columns = {
                name: numpy.ma.filled(variable[skip:].astype(float), numpy.nan)
                for name, variable in record.variables.items()
            }
            options = yaml.safe_load(record.getncattr("configuration"))
        self.clip = float(options["learner"]["optimiser"]["clip"])
        self.n_generator = int(options["learner"]["n_generator"])
        self.regulariser = options["critic"]["regulariser"]
        self.rounds = self.columns["round"] + 1

    def __getitem__(self, name):
        return self.columns.get(name, numpy.full(self.rounds.size, numpy.nan))

    def name(self):
        clip = f"γ = {self.clip:g}" if self.clip > 0 else "no clipping"
        return f"{clip}, n_generator = {self.n_generator}, {self.regulariser}"


def share(falls):
    """Share of the rounds in which a difference is below 0, of those where it is known."""
    known = falls[numpy.isfinite(falls)]
    return f"{100 * numpy.mean(known < 0):.0f} %" if known.size else "-"


def mean(values, digits=3):
    known = values[numpy.isfinite(values)]
    return f"{numpy.mean(known):.{digits}g}" if known.size else "-"


def table(runs, labels):
    """Markdown."""
    titles = ["run", "γ", "n_generator", "rounds", "A log p fell", "surrogate fell", "IPM fell by the steps",
              "IPM fell from round to round", "IPM, last tenth", "KL", "clip rate"]
    rows = [titles, ["---"] * len(titles)]
    for run, label in zip(runs, labels):
        ipm = run["ipm_held_out"]
        tail = ipm[-max(1, ipm.size // 10):]
        rows.append([label, f"{run.clip:g}" if run.clip > 0 else "none", str(run.n_generator), str(run.rounds.size),
                     share(run["surrogate_after"] - run["surrogate_before"]),
                     share(run["ratio_surrogate_after"] - run["ratio_surrogate_before"]),
                     share(run["ipm_held_out_after"] - ipm), share(numpy.diff(ipm)), mean(tail), mean(run["kl"]),
                     mean(run["clip_rate"], 2)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def styles(runs):
    """A colour for each n_generator and regulariser, dashes for each clip norm: runs that coincide show through each other."""
    dashes = [(), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2)]
    groups = sorted({(run.n_generator, run.regulariser) for run in runs})
    clips = sorted({run.clip for run in runs})
    for run in runs:
        dash = clips.index(run.clip)
        yield {"color": plt.get_cmap("tab10")(groups.index((run.n_generator, run.regulariser)) % 10),
               "dashes": dashes[dash % len(dashes)], "linewidth": 1.1 + 0.4 * min(dash, 2)}


def draw(runs, labels, picture, title):
    panels = [
        ("fall of the surrogate", lambda run: run["ratio_surrogate_after"] - run["ratio_surrogate_before"], "linear"),
        ("held-out IPM estimate", lambda run: run["ipm_held_out"], "linear"),
        ("KL(old ‖ new), nats", lambda run: run["kl"], "log"),
        ("clip rate", lambda run: run["clip_rate"], "linear"),
    ]
    if any("critic_lipschitz" in run.columns for run in runs):
        panels.append(("Lipschitz bound of the critic", lambda run: run["critic_lipschitz"], "log"))
    figure, axes = plt.subplots(len(panels), 1, figsize=(7.5, 2.1 * len(panels)), sharex=True)
    for axis, (name, values, scale) in zip(axes, panels):
        for run, label, style in zip(runs, labels, styles(runs)):
            axis.plot(run.rounds, values(run), label=label, **style)
        axis.set_ylabel(name, fontsize=8)
        axis.set_yscale(scale)
        axis.tick_params(labelsize=8, which="both")
        axis.margins(y=0.08)
        axis.grid(alpha=0.25, linewidth=0.5)
        low, high = axis.get_ylim()
        if scale == "log" and high < 20 * low:  # too few powers of ten to read the axis by
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_locator(matplotlib.ticker.LogLocator(subs=(2, 5)))
            axis.yaxis.set_minor_formatter("{x:g}")
    axes[0].axhline(0, color="black", linewidth=0.7)
    axes[-1].set_xlabel("round")
    axes[0].set_title(title, fontsize=10)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="lower center", ncol=2, frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.02 + 0.018 * ((len(runs) + 1) // 2), 1, 1))
    figure.savefig(picture, dpi=120)


def main():
    parser = argparse.ArgumentParser(description="Draw surrogate, IPM, KL and clip rate of fine-tuning runs.")
    parser.add_argument("picture")
    parser.add_argument("records", nargs="+")
    parser.add_argument("--label", nargs="+", help="a name for each record")
    parser.add_argument("--skip", type=int, default=0, help="rounds to leave out at the start")
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    if arguments.label and len(arguments.label) != len(arguments.records):
        parser.error(f"{len(arguments.label)} labels for {len(arguments.records)} records")
    missing = [path for path in arguments.records if not os.path.exists(path)]
    if missing:
        parser.error(f"{missing[0]}: no such file")
    runs = [Run(path, arguments.skip) for path in arguments.records]
    labels = arguments.label or [run.name() for run in runs]
    print(table(runs, labels))
    draw(runs, labels, arguments.picture, arguments.title)


if __name__ == "__main__":
    main()
