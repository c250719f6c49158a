#!/usr/bin/python3
"""One measurement of Beeline's work in PyTorch, in this process.

    pytorch.py NAME forward|both|rollout MICRO_BATCH WARM REPEATS
    pytorch.py NAME round MICRO_BATCH WARM REPEATS BATCH N_CRITIC CRITIC_EPOCHS N_GENERATOR
    pytorch.py swissroll finetune ROUNDS
    options: --layout contiguous|channels_last, --threads N (then on N micro-batches at once)

Prints, as tests/benchmark/network does: seconds of each repetition, then what it did and the peak memory of the process.
`finetune` is the whole of experiments/swissroll/finetune.yaml and prints nothing. A round computes whole batches at once.
"""

import argparse
import math
import time
from types import SimpleNamespace

import torch

import networks
import sft_pg


def peak():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def passes(name, work, batch, layout):
    """The work as a function, and the number of its parameters."""
    network, chain = networks.policy(name).to(memory_format=layout), sft_pg.image_chain()
    x = torch.randn(batch, *networks.sample_shape(name)).contiguous(memory_format=layout)
    t, d_y = torch.linspace(0, 999, batch), torch.randn_like(x)

    def forward():
        with torch.no_grad():
            network(x, t)

    def both():
        network.zero_grad(set_to_none=True)
        network(x, t).backward(d_y)

    def rollout():
        sft_pg.rollout(network, chain, torch.randn_like(x))

    works = {"forward": forward, "both": both, "rollout": rollout}
    return works[work], sum(p.numel() for p in network.parameters())


def rounds(name, layout, batch, n_critic, critic_epochs, n_generator):
    settings = SimpleNamespace(batch=batch, n_critic=n_critic, critic_epochs=critic_epochs, n_generator=n_generator,
                               policy_rate=1e-6, critic_rate=1e-4, critic_decay=0, weight=1, trace=1, clip=0.1, sums=False,
                               average=0)
    data = torch.rand(512, *networks.sample_shape(name)) * 2 - 1
    trainer = sft_pg.Trainer(name, sft_pg.image_chain(), data, layout, settings)
    return trainer.round, trainer.parameters()


def swiss_roll(count):
    """Ten thousand points of a noisy swiss roll, as experiments/swissroll/import.yaml."""
    angle = 1.5 * math.pi * (1 + 2 * torch.rand(count))
    points = torch.stack([angle * angle.cos(), angle * angle.sin()], 1) / 10
    return points + 0.05 * torch.randn_like(points)


def finetune(count):
    settings = SimpleNamespace(batch=256, n_critic=1, critic_epochs=5, n_generator=10, policy_rate=6e-5, critic_rate=1e-3,
                               critic_decay=0.04, weight=0.1, trace=0.95, clip=0, sums=True, average=0.998)
    trainer = sft_pg.Trainer("swissroll", sft_pg.point_chain(), swiss_roll(10000), torch.contiguous_format, settings)
    for _ in range(count):
        trainer.round()


def main():
    options = argparse.ArgumentParser(description="one measurement in PyTorch")
    options.add_argument("name")
    options.add_argument("work")
    options.add_argument("numbers", type=int, nargs="+")
    options.add_argument("--layout", default="contiguous")
    options.add_argument("--threads", type=int, default=1)
    choice = options.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(choice.threads)
    if choice.work == "finetune":
        finetune(choice.numbers[0])
        return
    layout = torch.channels_last if choice.layout == "channels_last" else torch.contiguous_format
    micro_batch, warm, repeats = choice.numbers[:3]
    if choice.work == "round":
        batch, n_critic = choice.numbers[3:5]
        once, parameters = rounds(choice.name, layout, *choice.numbers[3:])
        samples = batch * n_critic
    else:
        samples = micro_batch * choice.threads
        once, parameters = passes(choice.name, choice.work, samples, layout)
    for i in range(-warm, repeats):
        start = time.perf_counter()
        once()
        if i >= 0:
            print(f"{time.perf_counter() - start:.9f}", flush=True)
    print(f"samples {samples} flops 0 parameters {parameters} peak {peak():.1f}")


main()
