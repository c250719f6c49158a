#!/usr/bin/python3
"""Beeline's networks against PyTorch's, in one run and in turn.

    compare.py [--quick] [--csv] [--python PYTHON] BENCHMARK

BENCHMARK is tests/benchmark/network of a build. Every measurement is a process of its own with one thread, and the sides take
turns, so that what else the machine does hits them alike (`taskset -c 1 compare.py …` keeps all to one core). Prints, for each
side, the median and the quartiles of all repetitions, the peak memory of its process, and how many times Beeline's time and
memory these are. The better of PyTorch's two layouts counts.
"""

import argparse
import os
import statistics
import subprocess
import sys

CASES = [  # network, micro-batch, repetitions of forward, of both
    ("cifar10", 16, 2, 1),
    ("fashion", 64, 8, 4),
    ("digits", 64, 30, 10),
]


def run(command):
    """Seconds a sample of each repetition, peak memory in MiB, parameters."""
    settings = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    lines = subprocess.run(command, check=True, capture_output=True, text=True, env=settings).stdout.split("\n")
    last = lines[-2].split()
    return [float(line) for line in lines[:-2]], float(last[1]), int(last[3])


def quartiles(values):
    return statistics.quantiles(values, n=4) if len(values) > 1 else values * 3


def has_torch(python):
    return subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode == 0


def main():
    options = argparse.ArgumentParser(description="Beeline's networks against PyTorch's, in one run and in turn")
    options.add_argument("benchmark")
    options.add_argument("--quick", action="store_true", help="one turn instead of five")
    options.add_argument("--python", default="", help="a Python that has PyTorch")
    options.add_argument("--csv", action="store_true", help="CSV instead of a table for people")
    choice = options.parse_args()
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pytorch.py")
    python = next((p for p in (choice.python, "python3", "/usr/bin/python3") if p and has_torch(p)), None)
    layouts = ("contiguous", "channels_last") if python else ()
    if not python:
        print("no PyTorch here (Debian: python3-torch): Beeline's numbers only", file=sys.stderr)
    if choice.csv:
        print("network,work,batch,side,median_ms,first_quartile_ms,third_quartile_ms,peak_mib,ratio_time,ratio_memory")
    for name, batch, forward, both in CASES:
        for work, repeats in (("forward", forward), ("both", both)):
            seconds, peak = {}, {}
            for _ in range(1 if choice.quick else 5):
                for side in ("beeline",) + layouts:
                    command = [choice.benchmark, name, work, str(batch), str(repeats)]
                    if side != "beeline":
                        command = [python, script, name, work, str(batch), str(repeats), side]
                    times, memory, parameters = run(command)
                    seconds.setdefault(side, []).extend(times)
                    peak[side] = max(peak.get(side, 0), memory)
            ours = statistics.median(seconds["beeline"])
            if not choice.csv:
                print(f"{name}, {parameters} parameters, {'forward' if work == 'forward' else 'forward and backward'}, "
                      f"micro-batch {batch}, a sample on one core:")
            for side, times in seconds.items():
                low, middle, high = (1000 * q for q in quartiles(times))
                ratio, memory = statistics.median(times) / ours, peak[side] / peak["beeline"]
                if choice.csv:
                    print(f"{name},{work},{batch},{side},{middle:.4f},{low:.4f},{high:.4f},{peak[side]:.0f},"
                          f"{ratio:.2f},{memory:.2f}")
                else:
                    print(f"    {side:14} {middle:9.3f} ms ({low:.3f} to {high:.3f}) {peak[side]:8.0f} MiB"
                          f"    {ratio:5.2f} x the time, {memory:5.2f} x the memory")
            sys.stdout.flush()


main()
