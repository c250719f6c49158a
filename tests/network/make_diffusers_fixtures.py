#!/usr/bin/python3
"""Writes the fixture of tests/network/diffusers.c: what diffusers' UNet2DModel returns, and how many parameters it has.

    make_diffusers_fixtures.py > diffusers_fixture.txt

Needs PyTorch and diffusers (of any version that has UNet2DModel); the test only needs the file. As in
make_network_fixtures.py nothing random is stored: parameters, inputs and output gradients follow from Beeline's names by the
same hash, and all is in double precision, but for the angles of the time embedding, which diffusers computes in single. Of y
and of the gradient by x the file holds norm, product with a direction and every stride-th number, of the gradient by every
eleventh parameter norm and product, and of all gradients together the root of the sum of squares and the sum of products.
"""

import math
import re

import torch
from diffusers import UNet2DModel
from make_network_fixtures import hashed, summary

GOOGLE = dict(downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6, attention_head_dim=None)
TIMES = [0.0, 1.0, 500.0, 999.0]
NUMBERS = 40  # of y and of the gradient by x: about as many are written
EVERY = 11


def levels(channels, attention):
    """Blocks by level, of which those in `attention` have attention."""
    down = ["AttnDownBlock2D" if level in attention else "DownBlock2D" for level in range(len(channels))]
    up = [name.replace("Down", "Up") for name in reversed(down)]
    return dict(block_out_channels=channels, down_block_types=down, up_block_types=up)


# Two networks with public weights: only counted.
COUNTED = {
    "ddpm-cifar10-32": dict(GOOGLE, sample_size=32, **levels([128, 256, 256, 256], [1])),
    "ddpm-celebahq-256": dict(GOOGLE, sample_size=256, **levels([128, 128, 256, 256, 512, 512], [4])),
}
# Height and width, and what differs from diffusers' defaults; the same in diffusers.c.
COMPUTED = {
    "cifar10": ((32, 32), dict(GOOGLE, **levels([32, 64, 64, 64], [1]))),
    "celebahq": ((64, 64), dict(GOOGLE, **levels([32, 32, 64, 64, 128, 128], [4]))),
    "defaults": ((16, 16), dict(block_out_channels=[32, 64, 96, 128])),
    "mixed1": (
        (16, 16),
        dict(
            GOOGLE,
            in_channels=1,
            out_channels=1,
            flip_sin_to_cos=True,
            norm_eps=1e-5,
            norm_num_groups=8,
            attention_head_dim=20,
            **levels([40, 80], [1]),
        ),
    ),
    "mixed2": (
        (8, 16),
        dict(freq_shift=0, flip_sin_to_cos=False, norm_eps=1e-3, norm_num_groups=6, attention_head_dim=12)
        | dict(layers_per_block=1, **levels([24, 48, 72], [0, 2])),
    ),
    "mixed3": (
        (8, 8),
        dict(in_channels=2, out_channels=2, freq_shift=1, norm_num_groups=1, attention_head_dim=None)
        | dict(layers_per_block=1, **levels([16, 48], [])),
    ),
    "mixed4": (
        (16, 8),
        dict(downsample_padding=0, norm_eps=1e-6, norm_num_groups=4, attention_head_dim=6, layers_per_block=3)
        | levels([36, 36, 72], [0, 1]),
    ),
    "mixed5": (
        (16, 16),
        dict(freq_shift=1, flip_sin_to_cos=False, attention_head_dim=16)
        | dict(layers_per_block=1, **levels([64, 128], [0, 1])),
    ),
}

PARTS = {
    "time_emb_proj": "temb_proj",
    "conv_shortcut": "nin_shortcut",
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
WHOLES = {
    "time_embedding.linear_1": "temb.dense.0",
    "time_embedding.linear_2": "temb.dense.1",
    "conv_norm_out": "norm_out",
    "mid_block.resnets.0": "mid.block_1",
    "mid_block.attentions.0": "mid.attn_1",
    "mid_block.resnets.1": "mid.block_2",
}


def beelines_name(name, count):
    """Beeline's name of diffusers' parameter `name` in a network of `count` levels."""
    name = re.sub(r"^down_blocks\.(\d+)", r"down.\1", name)
    name = re.sub(r"^up_blocks\.(\d+)", lambda match: f"up.{count - 1 - int(match[1])}", name)
    for theirs, ours in WHOLES.items():
        if name.startswith(theirs + "."):
            name = ours + name[len(theirs) :]
    name = name.replace(".resnets.", ".block.").replace(".attentions.", ".attn.")
    name = re.sub(r"\.(down|up)samplers\.0\.", r".\1sample.", name)
    for theirs, ours in PARTS.items():
        name = name.replace(f".{theirs}.", f".{ours}.")
    return name


def values(name, shape, weight):
    """As fill_parameters in fixture.c; `weight` is the shape of the layer's weight, a vector in normalisation."""
    scale, offset = 1 / math.sqrt(math.prod(weight[1:])), 0.0
    if len(weight) == 1:
        scale, offset = 0.25, float(name.endswith(".weight"))
    return torch.tensor(offset + scale * hashed(name, math.prod(shape))).float().double().reshape(shape)


def write_count(name):
    with torch.device("meta"):
        network = UNet2DModel(**COUNTED[name])
    parameters = list(network.parameters())
    print("network", name, len(parameters), sum(tensor.numel() for tensor in parameters))


def write_results(name):
    (height, width), settings = COMPUTED[name]
    network = UNet2DModel(sample_size=[height, width], **settings).double().eval()
    count = len(network.config.block_out_channels)
    parameters = {beelines_name(key, count): tensor for key, tensor in network.named_parameters()}
    with torch.no_grad():
        for key, tensor in parameters.items():
            weight = parameters[key[: key.rindex(".")] + ".weight"]
            tensor.copy_(values(key, tensor.shape, weight.shape))
    size = (len(TIMES), network.config.in_channels, height, width)
    x = torch.tensor(hashed("x", math.prod(size)).reshape(size), requires_grad=True)
    y = network(x, torch.tensor(TIMES)).sample
    y.backward(torch.tensor(hashed("d_y", y.numel()).reshape(y.shape)))
    print("network", name, len(TIMES), x.numel(), y.numel(), len(parameters))
    print("time", *(f"{time:.9g}" for time in TIMES))
    for what, tensor in (("y", y.detach()), ("d_x", x.grad)):
        stride = tensor.numel() // NUMBERS | 1  # odd, so that it meets every column of an image
        print(what, stride, summary(tensor))
        numbers = [f"{number:.8g}" for number in tensor.flatten()[::stride].tolist()]
        for i in range(0, len(numbers), 8):
            print(*numbers[i : i + 8])
    chosen = list(parameters)[::EVERY]
    print("gradients", len(chosen))
    for key in chosen:
        print(key, parameters[key].numel(), summary(parameters[key].grad))
    square = sum(tensor.grad.square().sum().item() for tensor in parameters.values())
    product = sum(float(summary(tensor.grad).split()[1]) for tensor in parameters.values())
    print("all", sum(tensor.numel() for tensor in parameters.values()), f"{math.sqrt(square):.9g} {product:.9g}")


if __name__ == "__main__":
    for network_name in COUNTED:
        write_count(network_name)
    for network_name in COMPUTED:
        write_results(network_name)
