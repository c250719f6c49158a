#!/usr/bin/python3
"""Writes tests/network/unet_fixture.txt: what PyTorch says that the U-Net of Ho et al. (2020) returns, in double precision.

    make_unet_fixture.py > unet_fixture.txt

Needs PyTorch; the tests only need the file. Nothing random is stored: parameters, inputs and output gradients follow from
their names by a hash that tests/network/unet.c computes too. The file holds the output, the gradient by x, and for each
parameter the norm of its gradient and the product of that gradient with a direction (again a hash).
"""

import math

import numpy
import torch
import torch.nn.functional as F

NETWORKS = {  # name: image (channels, side), base, multipliers, blocks, attention resolutions, times
    "digits": dict(channels=1, side=8, base=32, multipliers=[1, 2], blocks=1, attention=[4], times=[0.0, 17.25, 616.734]),
    "colour": dict(channels=3, side=16, base=32, multipliers=[1, 1, 2], blocks=2, attention=[8], times=[999.0, 93.5]),
}


def hashed(name, count):
    """`count` numbers in [-1, 1) that follow from the name: FNV-1a of the name, then a 32-bit integer finaliser."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    with numpy.errstate(over="ignore"):
        h = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(seed)
        for multiplier in (0x85EBCA6B, 0xC2B2AE35):
            h = (h ^ (h >> numpy.uint32(16))) * numpy.uint32(multiplier)
        h = h ^ (h >> numpy.uint32(16))
    return (h >> numpy.uint32(8)).astype(numpy.float64) / 2**23 - 1.0


class Network:
    """Layers fetch their parameters by name; the first use makes them."""

    def __init__(self):
        self.parameters = {}

    def parameter(self, name, shape, scale, offset=0.0):
        values = numpy.float32(offset + scale * hashed(name, math.prod(shape))).astype(numpy.float64)
        self.parameters[name] = torch.tensor(values.reshape(shape), requires_grad=True)
        return self.parameters[name]

    def conv(self, name, x, out, kernel=3, stride=1, padding=(1, 1, 1, 1)):
        fan_in = x.shape[1] * kernel * kernel
        weight = self.parameter(name + ".weight", (out, x.shape[1], kernel, kernel), fan_in**-0.5)
        bias = self.parameter(name + ".bias", (out,), fan_in**-0.5)
        return F.conv2d(F.pad(x, padding), weight, bias, stride=stride)

    def pointwise(self, name, x, out):
        return self.conv(name, x, out, kernel=1, padding=(0, 0, 0, 0))

    def dense(self, name, x, out):
        fan_in = x.shape[1]
        weight = self.parameter(name + ".weight", (out, fan_in), fan_in**-0.5)
        return F.linear(x, weight, self.parameter(name + ".bias", (out,), fan_in**-0.5))

    def norm(self, name, x):
        weight = self.parameter(name + ".weight", (x.shape[1],), 0.25, offset=1.0)
        return F.group_norm(x, 32, weight, self.parameter(name + ".bias", (x.shape[1],), 0.25), eps=1e-6)

    def residual(self, name, x, time, out):
        h = self.conv(name + ".conv1", F.silu(self.norm(name + ".norm1", x)), out)
        h = h + self.dense(name + ".temb_proj", F.silu(time), out)[:, :, None, None]
        h = self.conv(name + ".conv2", F.silu(self.norm(name + ".norm2", h)), out)
        return h + (x if x.shape[1] == out else self.pointwise(name + ".nin_shortcut", x, out))

    def attention(self, name, x):
        h = self.norm(name + ".norm", x)
        q, k, v = (self.pointwise(f"{name}.{part}", h, x.shape[1]).flatten(2) for part in "qkv")
        weights = torch.softmax(torch.einsum("nci,ncj->nij", q, k) / math.sqrt(x.shape[1]), dim=2)
        mixed = torch.einsum("nij,ncj->nci", weights, v).reshape(x.shape)
        return x + self.pointwise(name + ".proj_out", mixed, x.shape[1])

    def embedding(self, times, features):
        """In single precision up to the angle, as in the public code."""
        half = features // 2
        frequency = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000) / (half - 1)))
        angle = (torch.tensor(times, dtype=torch.float32)[:, None] * frequency[None, :]).double()
        return torch.cat([torch.sin(angle), torch.cos(angle)], dim=1)

    def forward(self, x, times, base, multipliers, blocks, attention):
        time = self.dense("temb.dense.0", self.embedding(times, base), 4 * base)
        time = self.dense("temb.dense.1", F.silu(time), 4 * base)
        last = len(multipliers) - 1
        h = self.conv("conv_in", x, base)
        skips = [h]
        for level, multiplier in enumerate(multipliers):
            for i in range(blocks):
                h = self.residual(f"down.{level}.block.{i}", h, time, base * multiplier)
                if h.shape[2] in attention:
                    h = self.attention(f"down.{level}.attn.{i}", h)
                skips.append(h)
            if level < last:
                h = self.conv(f"down.{level}.downsample.conv", h, h.shape[1], stride=2, padding=(0, 1, 0, 1))
                skips.append(h)
        h = self.residual("mid.block_1", h, time, h.shape[1])
        h = self.residual("mid.block_2", self.attention("mid.attn_1", h), time, h.shape[1])
        for level in range(last, -1, -1):
            for i in range(blocks + 1):
                h = self.residual(f"up.{level}.block.{i}", torch.cat([h, skips.pop()], 1), time, base * multipliers[level])
                if h.shape[2] in attention:
                    h = self.attention(f"up.{level}.attn.{i}", h)
            if level > 0:
                h = self.conv(f"up.{level}.upsample.conv", F.interpolate(h, scale_factor=2, mode="nearest"), h.shape[1])
        return self.conv("conv_out", F.silu(self.norm("norm_out", h)), x.shape[1])


def write(name, channels, side, times, **shape):
    size = (len(times), channels, side, side)
    x = torch.tensor(hashed("x", math.prod(size)).reshape(size), requires_grad=True)
    network = Network()
    y = network.forward(x, times, **shape)
    y.backward(torch.tensor(hashed("d_y", math.prod(size)).reshape(size)))
    print("network", name, math.prod(size), len(network.parameters))
    for tensor in (y.detach(), x.grad):
        print("\n".join(f"{value:.9g}" for value in tensor.flatten().tolist()))
    for key, tensor in network.parameters.items():
        gradient = tensor.grad.flatten()
        product = gradient @ torch.tensor(hashed("direction", gradient.numel()))
        print(key, gradient.numel(), f"{gradient.norm().item():.9g} {product.item():.9g}")


for network_name, settings in NETWORKS.items():
    write(network_name, **settings)
