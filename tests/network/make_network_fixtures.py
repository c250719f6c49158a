#!/usr/bin/python3
"""Writes the fixtures of tests/network/pytorch.c: what PyTorch says that the networks have and return.

    make_network_fixtures.py parameters > parameters_fixture.txt
    make_network_fixtures.py results > results_fixture.txt

Needs PyTorch; the tests only need the files. The networks are written down from the papers (Ho et al. 2020; Fan & Lee 2023,
with the names of their public code), without a look at Beeline's own. Parameters: names and shapes, of the networks of the
papers. Results, in double precision: nothing random is stored, as parameters, inputs and output gradients follow from their
names by a hash that the test computes too. Of y and of the gradient by x the file holds norm, product with a direction (again
a hash) and every stride-th number, of the gradient by each parameter the norm and the product.
"""

import math
import sys

import numpy
import torch
import torch.nn.functional as F


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
    """Layers fetch their parameters by name; the first use makes them, on device "meta" without values."""

    def __init__(self, device):
        self.device = device
        self.parameters = {}

    def parameter(self, name, shape, scale, offset=0.0):
        if self.device == "meta":
            self.parameters[name] = torch.empty(shape, dtype=torch.float64, device="meta")
        else:
            values = numpy.float32(offset + scale * hashed(name, math.prod(shape))).astype(numpy.float64)
            self.parameters[name] = torch.tensor(values.reshape(shape), requires_grad=True)
        return self.parameters[name]

    def conv(self, name, x, out, kernel=3, stride=1, padding=(1, 1, 1, 1)):
        fan_in = x.shape[1] * kernel * kernel
        weight = self.parameter(name + ".weight", (out, x.shape[1], kernel, kernel), 1 / math.sqrt(fan_in))
        bias = self.parameter(name + ".bias", (out,), 1 / math.sqrt(fan_in))
        return F.conv2d(F.pad(x, padding), weight, bias, stride=stride)

    def pointwise(self, name, x, out):
        return self.conv(name, x, out, kernel=1, padding=(0, 0, 0, 0))

    def dense(self, name, x, out):
        fan_in = x.shape[1]
        weight = self.parameter(name + ".weight", (out, fan_in), 1 / math.sqrt(fan_in))
        return F.linear(x, weight, self.parameter(name + ".bias", (out,), 1 / math.sqrt(fan_in)))

    def conditional(self, name, x, steps, out, rows):
        linear = self.dense(name + ".lin", x, out)
        return linear * F.embedding(steps, self.parameter(name + ".embed.weight", (rows, out), 0.5, offset=0.5))

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
        angle = (torch.tensor(times, dtype=torch.float32)[:, None] * frequency[None, :]).double().to(self.device)
        return torch.cat([torch.sin(angle), torch.cos(angle)], dim=1)

    def unet(self, x, times, base, multipliers, blocks, attention, patch=1):
        time = self.dense("temb.dense.0", self.embedding(times, base), 4 * base)
        time = self.dense("temb.dense.1", F.silu(time), 4 * base)
        last = len(multipliers) - 1
        x = F.pixel_unshuffle(x, patch)
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
        return F.pixel_shuffle(self.conv("conv_out", F.silu(self.norm("norm_out", h)), x.shape[1]), patch)

    def critic(self, x, times, widths, kernel=4):
        for i, width in enumerate(widths):
            x = F.leaky_relu(self.conv(f"layer{i + 1}", x, width, kernel=4, stride=2), 0.2)
        x = self.conv(f"layer{len(widths) + 1}", x, 1, kernel=kernel, padding=(0, 0, 0, 0))
        return x.mean(dim=(2, 3))

    def point_critic(self, x, times, widths):
        x = x.flatten(1)
        for i, width in enumerate(widths):
            x = F.relu(self.dense(f"lin{i + 1}", x, width))
        return self.dense(f"lin{len(widths) + 1}", x, 1)

    def value(self, x, times, widths, points=False):
        steps = torch.tensor(times, device=self.device).long()
        x = x.flatten(1)
        for i, width in enumerate(widths):
            x = F.relu(self.conditional(f"lin{i + 1}", x, steps, width, 10))
        name = f"lin{len(widths) + 1}"
        return self.conditional(name, x, steps, 1, 10) if points else self.dense(name, x, 1)

    def mlp(self, x, times, widths):
        steps = torch.tensor(times, device=self.device).long()
        h = x.flatten(1)
        for i, width in enumerate(widths):
            h = F.softplus(self.conditional(f"lin{i + 1}", h, steps, width, 10))
        return self.dense(f"lin{len(widths) + 1}", h, x.shape[1])

    def classifier(self, x, times, widths):
        for i, width in enumerate(widths[:-1]):
            x = F.relu(self.conv(f"conv{i + 1}", x, width, stride=1 if i == 0 else 2))
        return self.dense("classes", F.relu(self.dense("features", x.flatten(1), widths[-1])), 10)


UNET = Network.unet
CIFAR10 = dict(base=128, multipliers=[1, 2, 2, 2], blocks=2, attention=[16])
# Name: network, image, its shape, and times of the samples where results are wanted.
NETWORKS = {
    "unet_digits": (UNET, (1, 8, 8), dict(base=32, multipliers=[1, 2], blocks=1, attention=[4]), [0.0, 17.25, 616.734]),
    "unet_colour": (UNET, (3, 16, 16), dict(base=32, multipliers=[1, 1, 2], blocks=2, attention=[8]), [999.0, 93.5]),
    "unet_wide": (UNET, (3, 16, 16), dict(base=64, multipliers=[1, 2], blocks=1, attention=[8]), [5.5, 731.0]),
    "unet_patches": (UNET, (1, 28, 28), dict(base=64, multipliers=[1, 1], blocks=1, attention=[7], patch=2), [44.0, 402.125]),
    "unet_cifar10": (UNET, (3, 32, 32), CIFAR10, [288.375]),
    "unet_celeba": (UNET, (3, 64, 64), dict(CIFAR10, multipliers=[1, 2, 2, 2, 4]), []),
    "unet_lsun": (UNET, (3, 256, 256), dict(CIFAR10, multipliers=[1, 1, 2, 2, 4, 4]), []),
    "critic_digits": (Network.critic, (1, 8, 8), dict(widths=[64, 128], kernel=2), [0.0, 0.0, 0.0]),
    "critic_cifar10": (Network.critic, (3, 32, 32), dict(widths=[128, 256, 512]), [0.0, 0.0]),
    "critic_celeba": (Network.critic, (3, 64, 64), dict(widths=[128, 256, 512]), [0.0]),
    "critic_points": (Network.point_critic, (2, 1, 1), dict(widths=[256, 256]), [0.0] * 4),
    "value_digits": (Network.value, (1, 8, 8), dict(widths=[128, 128, 64]), [4.0, 0.0, 9.0]),
    "value_cifar10": (Network.value, (3, 32, 32), dict(widths=[1024, 1024, 256]), [9.0, 0.0, 4.0]),
    "value_celeba": (Network.value, (3, 64, 64), dict(widths=[2048, 1024, 256]), [7.0, 1.0]),
    "value_points": (Network.value, (2, 1, 1), dict(widths=[256, 256], points=True), [3.0, 0.0, 9.0, 3.0]),
    "mlp_points": (Network.mlp, (2, 1, 1), dict(widths=[128, 128, 128]), [3.0, 0.0, 9.0, 3.0]),
    "classifier_digits": (Network.classifier, (1, 8, 8), dict(widths=[16, 32, 32, 64]), [0.0, 0.0, 0.0]),
    "classifier_fashion": (Network.classifier, (1, 28, 28), dict(widths=[32, 64, 128, 128]), [0.0, 0.0]),
}
PAPERS = ["unet_cifar10", "unet_celeba", "unet_lsun", "critic_cifar10", "critic_celeba", "value_cifar10", "value_celeba"]
NUMBERS = 100  # of y and of the gradient by x: about as many are written


def write_parameters(name):
    build, image, shape, _ = NETWORKS[name]
    network = Network("meta")
    build(network, torch.empty((1,) + image, dtype=torch.float64, device="meta"), [0.0], **shape)
    print("network", name, len(network.parameters), sum(tensor.numel() for tensor in network.parameters.values()))
    for key, tensor in network.parameters.items():
        print(key, *tensor.shape)


def summary(tensor):
    """Norm and product with a direction."""
    numbers = tensor.flatten()
    product = numbers @ torch.tensor(hashed("direction", numbers.numel()))
    return f"{numbers.norm().item():.9g} {product.item():.9g}"


def write_results(name):
    build, image, shape, times = NETWORKS[name]
    size = (len(times),) + image
    x = torch.tensor(hashed("x", math.prod(size)).reshape(size), requires_grad=True)
    network = Network("cpu")
    y = build(network, x, times, **shape)
    y.backward(torch.tensor(hashed("d_y", y.numel()).reshape(y.shape)))
    print("network", name, len(times), x.numel(), y.numel(), len(network.parameters))
    print("time", *(f"{time:.9g}" for time in times))
    for what, tensor in (("y", y.detach()), ("d_x", x.grad)):
        stride = tensor.numel() // NUMBERS | 1  # odd, so that it meets every column of an image
        print(what, stride, summary(tensor))
        numbers = [f"{number:.8g}" for number in tensor.flatten()[::stride].tolist()]
        for i in range(0, len(numbers), 8):
            print(*numbers[i : i + 8])
    for key, tensor in network.parameters.items():
        print(key, tensor.numel(), summary(tensor.grad))


if __name__ == "__main__":
    if sys.argv[1:] == ["parameters"]:
        for paper in PAPERS:
            write_parameters(paper)
    elif sys.argv[1:] == ["results"]:
        for network_name, settings in NETWORKS.items():
            if settings[3]:
                write_results(network_name)
    else:
        sys.exit(__doc__)
