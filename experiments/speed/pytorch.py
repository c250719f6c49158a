#!/usr/bin/python3
"""One measurement of the U-Net of Ho et al. (2020) in PyTorch, as a user would write it.

    pytorch.py NETWORK forward|both BATCH REPEATS contiguous|channels_last

Prints, as tests/benchmark/network does: seconds a sample of each repetition, then the peak memory of the process in MiB.
"""

import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

NETWORKS = {  # name: channels, side, base, multipliers, blocks, attention resolutions, patch
    "cifar10": (3, 32, 128, (1, 2, 2, 2), 2, (16,), 1),
    "digits": (1, 8, 32, (1, 2), 1, (4,), 1),
    "fashion": (1, 28, 64, (1, 1), 1, (7,), 2),
}


def norm(channels):
    return nn.GroupNorm(32, channels, eps=1e-6)


class Residual(nn.Module):
    def __init__(self, channels, out, features):
        super().__init__()
        self.norm1, self.conv1 = norm(channels), nn.Conv2d(channels, out, 3, padding=1)
        self.time = nn.Linear(features, out)
        self.norm2, self.conv2 = norm(out), nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(time)[:, :, None, None]
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = norm(channels)
        self.q, self.k, self.v, self.out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x):
        h = self.norm(x)
        q, k, v = (part(h).flatten(2) for part in (self.q, self.k, self.v))
        weights = torch.softmax(torch.bmm(q.transpose(1, 2), k) * q.shape[1] ** -0.5, dim=2)
        return x + self.out(torch.bmm(v, weights.transpose(1, 2)).reshape(x.shape))


class UNet(nn.Module):
    def __init__(self, channels, side, base, multipliers, blocks, attention, patch):
        super().__init__()
        self.base, self.patch = base, patch
        features, size, channels = 4 * base, side // patch, channels * patch * patch
        self.time = nn.Sequential(nn.Linear(base, features), nn.SiLU(), nn.Linear(features, features), nn.SiLU())
        self.conv_in = nn.Conv2d(channels, base, 3, padding=1)
        self.down, self.up, kept, now = nn.ModuleList(), nn.ModuleList(), [base], base
        for level, multiplier in enumerate(multipliers):
            for _ in range(blocks):
                attends = size in attention
                self.down.append(nn.ModuleList([Residual(now, base * multiplier, features)]))
                now = base * multiplier
                if attends:
                    self.down[-1].append(Attention(now))
                kept.append(now)
            if level + 1 < len(multipliers):
                self.down.append(nn.ModuleList([nn.Conv2d(now, now, 3, stride=2)]))
                kept.append(now)
                size //= 2
        self.middle = nn.ModuleList([Residual(now, now, features), Attention(now), Residual(now, now, features)])
        for level in reversed(range(len(multipliers))):
            for _ in range(blocks + 1):
                self.up.append(nn.ModuleList([Residual(now + kept.pop(), base * multipliers[level], features)]))
                now = base * multipliers[level]
                if size in attention:
                    self.up[-1].append(Attention(now))
            if level > 0:
                self.up.append(nn.ModuleList([nn.Conv2d(now, now, 3, padding=1)]))
                size *= 2
        self.norm_out, self.conv_out = norm(now), nn.Conv2d(now, channels, 3, padding=1)

    def embed(self, t):
        half = self.base // 2
        angle = t[:, None] * torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))[None, :]
        return self.time(torch.cat([angle.sin(), angle.cos()], 1))

    def forward(self, x, t):
        time = self.embed(t)
        h = self.conv_in(F.pixel_unshuffle(x, self.patch) if self.patch > 1 else x)
        kept = [h]
        for layers in self.down:
            if isinstance(layers[0], Residual):
                h = layers[0](h, time)
                h = layers[1](h) if len(layers) > 1 else h
            else:
                h = layers[0](F.pad(h, (0, 1, 0, 1)))
            kept.append(h)
        h = self.middle[2](self.middle[1](self.middle[0](h, time)), time)
        for layers in self.up:
            if isinstance(layers[0], Residual):
                h = layers[0](torch.cat([h, kept.pop()], 1), time)
                h = layers[1](h) if len(layers) > 1 else h
            else:
                h = layers[0](F.interpolate(h, scale_factor=2, mode="nearest"))
        h = self.conv_out(F.silu(self.norm_out(h)))
        return F.pixel_shuffle(h, self.patch) if self.patch > 1 else h


def peak():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def main():
    name, work, batch, repeats, layout = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    torch.manual_seed(1)
    network = UNet(*NETWORKS[name])
    channels, side = NETWORKS[name][:2]
    x, t = torch.randn(batch, channels, side, side), torch.linspace(0, 999, batch)
    d_y = torch.randn_like(x)
    if layout == "channels_last":
        network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)

    def once():
        if work == "forward":
            with torch.no_grad():
                network(x, t)
        else:
            network.zero_grad(set_to_none=True)
            network(x, t).backward(d_y)

    once()
    for _ in range(repeats):
        start = time.perf_counter()
        once()
        print(f"{(time.perf_counter() - start) / batch:.9f}")
    print(f"peak {peak():.1f} parameters {sum(p.numel() for p in network.parameters())}")


main()
