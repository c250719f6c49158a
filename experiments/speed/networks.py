"""The networks of Beeline in PyTorch, as a user would write them: the U-Net of Ho et al. (2020), the toy's network, and the
critic and the value network of SFT-PG. They have the same layers as framework/network/{unet,mlp,critic,value}.c."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

STEPS = 10
UNETS = {  # name: channels, side, base, multipliers, blocks, attention resolutions, patch
    "cifar10": (3, 32, 128, (1, 2, 2, 2), 2, (16,), 1),
    "digits": (1, 8, 32, (1, 2), 1, (4,), 1),
    "fashion": (1, 28, 64, (1, 1), 1, (7,), 2),
}
POLICY_WIDTHS = {"swissroll": (128, 128, 128)}
CRITIC_WIDTHS = {"cifar10": (128, 256, 512), "digits": (32, 64), "fashion": (32, 64, 128), "swissroll": (256, 256)}
VALUE_WIDTHS = {
    "cifar10": (1024, 1024, 256),
    "digits": (128, 128, 128),
    "fashion": (256, 256, 128),
    "swissroll": (64, 64),
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


class ConditionalLinear(nn.Module):
    """Linear(x) times a row of an embedding."""

    def __init__(self, features, out):
        super().__init__()
        self.lin, self.embed = nn.Linear(features, out), nn.Embedding(STEPS, out)
        nn.init.uniform_(self.embed.weight)

    def forward(self, x, step):
        return self.lin(x) * self.embed(step)


class Mlp(nn.Module):
    """The network of the swiss roll."""

    def __init__(self, features, widths):
        super().__init__()
        sizes = (features,) + widths
        self.hidden = nn.ModuleList([ConditionalLinear(a, b) for a, b in zip(sizes, widths)])
        self.out = nn.Linear(widths[-1], features)

    def forward(self, x, step):
        for layer in self.hidden:
            x = F.softplus(layer(x, step))
        return self.out(x)


class ImageCritic(nn.Module):
    def __init__(self, channels, side, widths):
        super().__init__()
        layers = []
        for width in widths:
            layers += [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            channels, side = width, side // 2
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, min(side, 4)))

    def forward(self, x):
        return self.layers(x).mean((1, 2, 3))


class PointCritic(nn.Module):
    def __init__(self, features, widths):
        super().__init__()
        sizes, layers = (features,) + widths, []
        for a, b in zip(sizes, widths):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def forward(self, x):
        return self.layers(x)[:, 0]


class Value(nn.Module):
    """V(x, step): the last layer is conditional on point sets only."""

    def __init__(self, features, widths, points):
        super().__init__()
        sizes = (features,) + widths
        self.hidden = nn.ModuleList([ConditionalLinear(a, b) for a, b in zip(sizes, widths)])
        self.out = ConditionalLinear(widths[-1], 1) if points else nn.Linear(widths[-1], 1)

    def forward(self, x, step):
        x = x.flatten(1)
        for layer in self.hidden:
            x = F.relu(layer(x, step))
        return (self.out(x, step) if isinstance(self.out, ConditionalLinear) else self.out(x))[:, 0]


def sample_shape(name):
    """Of one sample, as PyTorch's layers take it."""
    if name == "swissroll":
        return (2,)
    channels, side = UNETS[name][:2]
    return (channels, side, side)


def policy(name):
    return Mlp(2, POLICY_WIDTHS[name]) if name == "swissroll" else UNet(*UNETS[name])


def critic(name):
    if name == "swissroll":
        return PointCritic(2, CRITIC_WIDTHS[name])
    return ImageCritic(*UNETS[name][:2], CRITIC_WIDTHS[name])


def value(name):
    return Value(math.prod(sample_shape(name)), VALUE_WIDTHS[name], name == "swissroll")
