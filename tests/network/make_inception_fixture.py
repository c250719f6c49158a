#!/usr/bin/python3
"""Writes the fixture of tests/network/inception.c: the features that PyTorch finds with the FID variant of Inception-v3.

    make_inception_fixture.py > inception_fixture.txt

Needs PyTorch; the test only needs the file. The network is written down from the paper (Szegedy et al. 2016) with torchvision's
names and the known differences of the variant, without a look at Beeline's own; batch normalisations are not folded here.
Weights and images follow from their names by a hash that the test computes too. In double precision.
"""

import math

import torch
import torch.nn.functional as F

from make_network_fixtures import hashed

IMAGES = {"colour": (2, 3, 32, 32), "grey": (1, 1, 28, 28)}
STRIDE = 37  # every so many features are written


def parameter(name, shape, scale, offset=0.0):
    values = torch.tensor(hashed(name, math.prod(shape)), dtype=torch.float64)
    return (offset + scale * values).float().double().reshape(shape)


def conv(x, name, out, kernel=(1, 1), stride=1, padding=(0, 0)):
    weight = parameter(name + ".conv.weight", (out, x.shape[1], *kernel), math.sqrt(6 / (x.shape[1] * kernel[0] * kernel[1])))
    x = F.conv2d(x, weight, stride=stride, padding=padding)
    scale, shift = parameter(name + ".bn.weight", (out,), 0.25, 1.0), parameter(name + ".bn.bias", (out,), 0.25)
    mean, variance = parameter(name + ".bn.running_mean", (out,), 0.25), parameter(name + ".bn.running_var", (out,), 0.5, 1.0)
    return F.relu(F.batch_norm(x, mean, variance, scale, shift, training=False, eps=0.001))


def mean_pool(x):
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def three(x, name, out, **settings):
    return conv(x, name, out, kernel=(3, 3), **settings)


def row(x, name, out, length=7):
    return conv(x, name, out, kernel=(1, length), padding=(0, length // 2))


def column(x, name, out, length=7):
    return conv(x, name, out, kernel=(length, 1), padding=(length // 2, 0))


def mixed_35(x, n, pooled):
    five = conv(conv(x, n + ".branch5x5_1", 48), n + ".branch5x5_2", 64, kernel=(5, 5), padding=(2, 2))
    double = three(conv(x, n + ".branch3x3dbl_1", 64), n + ".branch3x3dbl_2", 96, padding=(1, 1))
    double = three(double, n + ".branch3x3dbl_3", 96, padding=(1, 1))
    pool = conv(mean_pool(x), n + ".branch_pool", pooled)
    return torch.cat([conv(x, n + ".branch1x1", 64), five, double, pool], 1)


def mixed_17(x, n, inner):
    seven = column(row(conv(x, n + ".branch7x7_1", inner), n + ".branch7x7_2", inner), n + ".branch7x7_3", 192)
    double = row(column(conv(x, n + ".branch7x7dbl_1", inner), n + ".branch7x7dbl_2", inner), n + ".branch7x7dbl_3", inner)
    double = row(column(double, n + ".branch7x7dbl_4", inner), n + ".branch7x7dbl_5", 192)
    return torch.cat([conv(x, n + ".branch1x1", 192), seven, double, conv(mean_pool(x), n + ".branch_pool", 192)], 1)


def mixed_8(x, n, pool):
    one = conv(x, n + ".branch3x3_1", 384)
    two = three(conv(x, n + ".branch3x3dbl_1", 448), n + ".branch3x3dbl_2", 384, padding=(1, 1))
    parts = [conv(x, n + ".branch1x1", 320), row(one, n + ".branch3x3_2a", 384, 3), column(one, n + ".branch3x3_2b", 384, 3)]
    parts += [row(two, n + ".branch3x3dbl_3a", 384, 3), column(two, n + ".branch3x3dbl_3b", 384, 3)]
    return torch.cat(parts + [conv(pool, n + ".branch_pool", 192)], 1)


def features(x):
    if x.shape[1] == 1:
        x = x.repeat(1, 3, 1, 1)
    x = F.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False)
    x = three(x, "Conv2d_1a_3x3", 32, stride=2)
    x = three(three(x, "Conv2d_2a_3x3", 32), "Conv2d_2b_3x3", 64, padding=(1, 1))
    x = F.max_pool2d(x, 3, stride=2)
    x = F.max_pool2d(three(conv(x, "Conv2d_3b_1x1", 80), "Conv2d_4a_3x3", 192), 3, stride=2)
    x = mixed_35(mixed_35(mixed_35(x, "Mixed_5b", 32), "Mixed_5c", 64), "Mixed_5d", 64)
    double = three(conv(x, "Mixed_6a.branch3x3dbl_1", 64), "Mixed_6a.branch3x3dbl_2", 96, padding=(1, 1))
    double = three(double, "Mixed_6a.branch3x3dbl_3", 96, stride=2)
    x = torch.cat([three(x, "Mixed_6a.branch3x3", 384, stride=2), double, F.max_pool2d(x, 3, stride=2)], 1)
    for name, inner in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = mixed_17(x, name, inner)
    seven = row(conv(x, "Mixed_7a.branch7x7x3_1", 192), "Mixed_7a.branch7x7x3_2", 192)
    seven = three(column(seven, "Mixed_7a.branch7x7x3_3", 192), "Mixed_7a.branch7x7x3_4", 192, stride=2)
    first = three(conv(x, "Mixed_7a.branch3x3_1", 192), "Mixed_7a.branch3x3_2", 320, stride=2)
    x = torch.cat([first, seven, F.max_pool2d(x, 3, stride=2)], 1)
    x = mixed_8(x, "Mixed_7b", mean_pool(x))
    x = mixed_8(x, "Mixed_7c", F.max_pool2d(x, 3, stride=1, padding=1))
    return x.mean(dim=(2, 3))


for kind, shape in IMAGES.items():
    images = parameter("x", shape, 1.0)
    found = features(images)
    print("images", kind, *shape, STRIDE)
    for image in found:
        print(f"{image.norm().item():.9g} {image.sum().item():.9g}")
        print(*(f"{number:.9g}" for number in image[::STRIDE].tolist()))
