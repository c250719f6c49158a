#!/usr/bin/python3
"""Beeline against PyTorch: the same work in one run and in turn.

    compare.py [options] BUILD

BUILD is the folder of a build with beeline and tests/benchmark/network (`make bench` gives it, and passes BENCH='options').
Every measurement is a process of its own, and the sides take turns, so that what else the machine does hits them alike.
Both sides do equal work with equal layers; without PyTorch only Beeline is measured. `--against OTHER` measures a second build
of Beeline in the same turns, of another commit or with another library. README.md says what is measured and how to read the
output.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LAYOUTS = ("contiguous", "channels_last")
OTHER = "other build"
WORKS = {
    "forward": "forward",
    "both": "forward and backward",
    "rollout": "rollout of 10 steps",
    "round": "round of SFT-PG (B)",
    "finetune": "SFT-PG (B) from end to end",
}
# For each network: the micro-batch; warm-up and repetitions of each work; micro-batch, batch, n_critic, critic_epochs and
# n_generator of the round.
NETWORKS = {
    "digits": (64, {"forward": (2, 20), "both": (2, 10), "rollout": (1, 3), "round": (1, 1)}, (64, 128, 3, 5, 10)),
    "fashion": (64, {"forward": (1, 5), "both": (1, 3), "rollout": (0, 1), "round": (1, 1)}, (64, 128, 1, 5, 7)),
    "cifar10": (16, {"forward": (1, 2), "both": (1, 1), "rollout": (0, 1), "round": (0, 1)}, (16, 32, 1, 1, 2)),
    "swissroll": (0, {"finetune": (0, 0)}, ()),
}
SWISS_ROLL_ROUNDS = 100


def has_torch(python):
    return subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode == 0


def spread(values):
    """First quartile, median, third quartile."""
    return statistics.quantiles(values, n=4) if len(values) > 1 else list(values) * 3


class Runner:
    """Starts the processes of both sides on a number of cores."""

    def __init__(self, choice, cores):
        self.build, self.cores = choice.build, cores
        self.cpus = sorted(os.sched_getaffinity(0))[-cores:]
        self.launcher = []
        if cores > 1:
            launcher = choice.mpiexec or os.environ.get("MPIEXEC") or "mpiexec"
            self.launcher = shlex.split(launcher) + shlex.split(os.environ.get("MPIEXEC_FLAGS", "")) + ["-n", str(cores)]

    def run(self, command, threads=1):
        count = str(threads)
        environment = dict(os.environ, OMP_NUM_THREADS=count, MKL_NUM_THREADS=count, OPENBLAS_NUM_THREADS="1")
        found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False,
                               preexec_fn=lambda: os.sched_setaffinity(0, self.cpus))
        if found.returncode != 0:
            sys.exit(f"{shlex.join(command)} failed:\n{found.stderr}")
        return found.stdout.splitlines()

    def beeline(self, *arguments, build=None):
        return self.run(self.launcher + [os.path.join(build or self.build, "tests/benchmark/network")] + list(arguments))

    def pytorch(self, python, *arguments):
        command = [python, os.path.join(HERE, "pytorch.py")] + list(arguments) + ["--threads", str(self.cores)]
        return self.run(command, threads=self.cores)

    def peak(self):
        """Operations per second of direct convolution, all cores at once."""
        return float(self.beeline("peak")[0].split()[1])

    def finetune(self, rounds, build=None):
        """Fine-tune the swiss roll in Beeline."""
        with tempfile.TemporaryDirectory() as folder:
            sets = [f"learner.rounds={rounds}", "metrics.count=0", "metrics.every=0"]
            self.run(self.launcher + [os.path.join(build or self.build, "beeline"), "finetune",
                                      os.path.join(HERE, "../swissroll/finetune.yaml"), "--output", f"{folder}/run"]
                     + [word for key in sets for word in ("--set", key)])


class Side:
    """What one side took: a list of seconds for each turn."""

    def __init__(self):
        self.turns, self.peaks, self.facts = [], [0], {}

    def add(self, lines):
        """The output of a measurement: seconds of repetitions, then 'samples S flops F parameters P peak M…'."""
        words = lines[-1].split()
        self.turns.append([float(line) for line in lines[:-1]])
        self.facts = {"samples": float(words[1]), "flops": float(words[3]), "parameters": int(words[5])}
        peaks = [float(word) for word in words[7:]]
        self.peaks = peaks if sum(peaks) > sum(self.peaks) else self.peaks

    def seconds(self):
        return [seconds for turn in self.turns for seconds in turn]

    def over(self, other):
        """Ratios of all pairs of repetitions of the same turn."""
        return [a / b for mine, theirs in zip(self.turns, other.turns) for a in mine for b in theirs]


class Case:
    """One work of one network on a number of cores."""

    def __init__(self, choice, name, work, cores):
        self.choice, self.name, self.work, self.cores = choice, name, work, cores
        self.runner, self.peaks, self.sides = Runner(choice, cores), [], {}

    def measure_passes(self):
        micro_batch, counts, settings = NETWORKS[self.name]
        numbers = (micro_batch,) + counts[self.work]
        if self.work == "round":
            numbers = settings[:1] + counts[self.work] + settings[1:]
        arguments = [self.name, self.work] + [str(number) for number in numbers]
        for _ in range(self.choice.turns):
            self.peaks.append(self.runner.peak())
            self.add("Beeline", self.runner.beeline(*arguments))
            if self.choice.against:
                self.add(OTHER, self.runner.beeline(*arguments, build=self.choice.against))
            for layout in LAYOUTS if self.choice.python else ():
                self.add(layout, self.runner.pytorch(self.choice.python, *arguments, "--layout", layout))

    def measure_finetune(self):
        """A whole run, less a run of one round: starting Python or MPI does not count."""
        for _ in range(self.choice.turns):
            self.add("Beeline", self.time_finetune(self.runner.finetune))
            if self.choice.against:
                self.add(OTHER, self.time_finetune(lambda rounds: self.runner.finetune(rounds, self.choice.against)))
            if self.choice.python:
                self.add("PyTorch", self.time_finetune(self.pytorch_finetune))

    def pytorch_finetune(self, rounds):
        self.runner.pytorch(self.choice.python, "swissroll", "finetune", str(rounds))

    def time_finetune(self, run):
        seconds = {}
        for count in (1, self.choice.rounds):
            start = time.perf_counter()
            run(count)
            seconds[count] = time.perf_counter() - start
        difference = (seconds[self.choice.rounds] - seconds[1]) / (self.choice.rounds - 1)
        return [f"{difference:.9f}", "samples 256 flops 0 parameters 0 peak"]

    def add(self, side, lines):
        self.sides.setdefault(side, Side()).add(lines)

    def measure(self):
        if self.work == "finetune":
            self.measure_finetune()
        else:
            self.measure_passes()
        counts = {side.facts["parameters"] for side in self.sides.values()}
        if len(counts) > 1:
            sys.exit(f"{self.name}: the sides have different numbers of parameters: {counts}")
        return self

    def best(self):
        """PyTorch's better layout, or None."""
        others = [side for side in self.sides if side not in ("Beeline", OTHER)]
        return min(others, key=lambda side: statistics.median(self.sides[side].seconds()), default=None)

    def rows(self):
        """A dictionary for each side."""
        ours = self.sides["Beeline"]
        peak = statistics.median(self.peaks) if self.peaks else 0
        for label, side in self.sides.items():
            first, middle, third = spread(side.seconds())
            flops = ours.facts["flops"] / middle
            low, _, high = spread(side.over(ours))
            yield {
                "network": self.name, "work": self.work, "cores": self.cores, "side": label,
                "seconds": middle, "first_quartile": first, "third_quartile": third,
                "ms_a_sample": 1000 * middle / side.facts["samples"], "samples_a_second": side.facts["samples"] / middle,
                "gflops": flops / 1e9, "of_peak": flops / peak if peak else 0, "peak_mib": side.peaks,
                "ratio": middle / statistics.median(ours.seconds()), "ratio_low": low, "ratio_high": high,
            }


def describe(case):
    """The title of a case."""
    facts, numbers = case.sides["Beeline"].facts, NETWORKS[case.name]
    cores = "1 core" if case.cores == 1 else f"{case.cores} cores"
    if case.work == "finetune":
        rounds = f"{case.choice.rounds} rounds of batch 256 less the first"
        return f"{case.name}, {WORKS[case.work]}, {rounds}, {cores}, a round:"
    title = f"{case.name}, {facts['parameters']} parameters, {WORKS[case.work]}, {cores}"
    if case.work == "round":
        micro_batch, batch, n_critic, epochs, n_generator = numbers[2]
        title += f", batch {batch} (micro-batch {micro_batch}), n_critic {n_critic} x {epochs} epochs"
        title += f", n_generator {n_generator}"
        title += " (scaled down from batch 128, 5, 1, 10)" if case.name == "cifar10" else ""
    else:
        title += f", micro-batch {numbers[0]}" + (" on each" if case.cores > 1 else "")
    peak = statistics.median(case.peaks) / 1e9
    return f"{title}, {facts['flops'] / 1e9:.4g} GFLOP; direct convolution peaks at {peak:.1f} GFLOP/s:"


def print_case(case):
    print(describe(case))
    for row in case.rows():
        whole = case.work in ("round", "finetune")
        scale, unit = (1, "s") if whole else (row["ms_a_sample"] / row["seconds"], "ms a sample")
        line = (f"    {row['side']:14} {scale * row['seconds']:10.4f} {unit} ({scale * row['first_quartile']:.4f} to "
                f"{scale * row['third_quartile']:.4f}) {row['samples_a_second']:10.1f} samples/s")
        if row["gflops"]:
            line += f" {row['gflops']:7.1f} GFLOP/s {row['of_peak']:5.2f} of the peak"
        if sum(row["peak_mib"]):
            line += "  " + " + ".join(f"{peak:.0f}" for peak in row["peak_mib"]) + " MiB"
        print(line)
    for side, name in ((OTHER, "The other build"), (case.best(), "PyTorch's best")):
        row = next((row for row in case.rows() if row["side"] == side), None)
        if not row:
            continue
        line = (f"    {name} takes {row['ratio']:.2f} times as long as Beeline "
                f"({row['ratio_low']:.2f} to {row['ratio_high']:.2f})")
        if sum(row["peak_mib"]):
            line += f" and {sum(row['peak_mib']) / sum(case.sides['Beeline'].peaks):.2f} times the memory"
        print(line)
    sys.stdout.flush()


def print_csv(case):
    for row in case.rows():
        row = dict(row, peak_mib=" ".join(f"{peak:.1f}" for peak in row["peak_mib"]))
        print(",".join(f"{value:.6g}" if isinstance(value, float) else str(value) for value in row.values()))
    sys.stdout.flush()


def speed(case, side):
    """Samples per second."""
    return case.sides[side].facts["samples"] / statistics.median(case.sides[side].seconds())


def print_scaling(cases):
    """How much faster several cores are than one, in samples per second."""
    for case in cases:
        one = next((c for c in cases if c.cores == 1 and (c.name, c.work) == (case.name, case.work)), None)
        if case.cores == 1 or not one:
            continue
        gains = [f"Beeline {speed(case, 'Beeline') / speed(one, 'Beeline'):.2f}"]
        if case.best():
            gains.append(f"PyTorch's best {speed(case, case.best()) / speed(one, one.best()):.2f}")
        print(f"{case.name}, {WORKS[case.work]}, {case.cores} cores against 1: {', '.join(gains)} times the speed")


def parse():
    def names(known):
        def read(text):
            words = text.split(",")
            if not set(words) <= set(known):
                raise argparse.ArgumentTypeError(f"{text}: expected some of {','.join(known)}")
            return words
        return read

    options = argparse.ArgumentParser(description="Beeline against PyTorch: the same work in one run and in turn")
    options.add_argument("build", help="the folder of a build")
    options.add_argument("--quick", action="store_true", help="one turn instead of three, fewer rounds of swissroll")
    options.add_argument("--turns", type=int, default=0, help="how often the sides take turns")
    options.add_argument("--networks", type=names(NETWORKS), default=list(NETWORKS), help=",".join(NETWORKS))
    options.add_argument("--works", type=names(WORKS), default=list(WORKS), help=",".join(WORKS))
    options.add_argument("--cores", type=names(["1", "2"]), default=None, help="1, 2 or 1,2 (both where there are two)")
    options.add_argument("--against", default="", help="the folder of another build, to compare with in the same turns")
    options.add_argument("--no-pytorch", action="store_true", help="leave PyTorch out")
    options.add_argument("--python", default="", help="a Python that has PyTorch")
    options.add_argument("--mpiexec", default="", help="the launcher ($MPIEXEC, else mpiexec)")
    options.add_argument("--csv", action="store_true", help="CSV instead of a text for people")
    choice = options.parse_args()
    available = len(os.sched_getaffinity(0))
    choice.cores = [int(n) for n in choice.cores] if choice.cores else [1, 2]
    if max(choice.cores) > available:
        print(f"this process may use {available} core only: no measurements on 2", file=sys.stderr)
        choice.cores = [n for n in choice.cores if n <= available]
    choice.turns = choice.turns or (1 if choice.quick else 3)
    choice.rounds = SWISS_ROLL_ROUNDS // 4 if choice.quick else SWISS_ROLL_ROUNDS
    pythons = () if choice.no_pytorch else (choice.python, "python3", "/usr/bin/python3")
    choice.python = next((p for p in pythons if p and has_torch(p)), None)
    return choice


def main():
    choice = parse()
    if not choice.python and not choice.no_pytorch:
        print("no PyTorch here (Debian: python3-torch): Beeline's numbers only", file=sys.stderr)
    if choice.csv:
        print("network,work,cores,side,seconds,first_quartile,third_quartile,ms_a_sample,samples_a_second,gflops,of_peak,"
              "peak_mib,ratio,ratio_low,ratio_high")
    cases = []
    for name in choice.networks:
        for work in (work for work in choice.works if work in NETWORKS[name][1]):
            for cores in choice.cores:
                cases.append(Case(choice, name, work, cores).measure())
                (print_csv if choice.csv else print_case)(cases[-1])
    if not choice.csv:
        print_scaling(cases)


main()
