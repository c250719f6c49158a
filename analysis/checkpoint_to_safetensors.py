#!/usr/bin/python3
"""Convert a checkpoint of PyTorch (.ckpt, .pt, .pth, .bin: pickles) to safetensors, for `beeline import`.

    analysis/checkpoint_to_safetensors.py --list ema_cifar10.ckpt
    analysis/checkpoint_to_safetensors.py ema_cifar10.ckpt cifar10.safetensors
    beeline import --set import.format=ddpm --set import.model=cifar10.safetensors --set import.sample_size=32 \\
      --output model.nc

Weights alone are loaded (weights_only), so that a file cannot run code. Where it holds several sets of weights, the one
with "ema" in its name is taken, the moving average, which is what published figures are of; --weights takes another
(--list shows them). Prefixes that all names have (module., model., ...) are stripped; of a set that mixes two networks
--prefix takes the names that begin so. All numbers become single precision; integers (counters) are left out.
A file of diffusers keeps its names: write it as diffusion_pytorch_model.safetensors beside its config.json. Needs PyTorch
1.13 or later.
"""

import argparse
import json
import os
import sys

import torch

PREFIXES = ("module.", "_orig_mod.", "state_dict.", "model.", "ema_model.", "denoise_fn.", "unet.")


def find_sets(part, name=""):
    """All sets of weights in nested dictionaries and lists, as (name, {name: tensor})."""
    if isinstance(part, (list, tuple)):
        part = dict(enumerate(part))
    if not isinstance(part, dict):
        return []
    tensors = {str(key): value for key, value in part.items() if isinstance(value, torch.Tensor) and value.dim() > 0}
    found = [(name or "weights", tensors)] if sum(tensor.is_floating_point() for tensor in tensors.values()) > 1 else []
    for key, value in part.items():
        # The moments of an optimiser are no weights.
        if isinstance(value, (dict, list, tuple)) and key not in ("state", "param_groups"):
            found += find_sets(value, f"{name}.{key}" if name else str(key))
    return found


def choose(sets, wanted):
    names = [name for name, _ in sets]
    if wanted is None:
        averages = [name for name in names if "ema" in name.lower()]
        wanted = averages[0] if len(averages) == 1 else names[0] if len(names) == 1 else None
    if wanted not in names:
        sys.exit(f"several sets of weights, or none of that name: --weights takes one of {', '.join(names) or 'none'}")
    return wanted, dict(sets)[wanted]


def strip(tensors, prefix):
    """Names without `prefix`, which the others do not have, and without prefixes that all have."""
    if prefix:
        tensors = {name[len(prefix):]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        if not tensors:
            sys.exit(f"no name begins with {prefix}")
    stripped = True
    while stripped:
        stripped = False
        for common in PREFIXES:
            if all(name.startswith(common) for name in tensors):
                tensors = {name[len(common):]: tensor for name, tensor in tensors.items()}
                stripped = True
    return tensors


def write(path, tensors, metadata):
    """safetensors, which are simple: the length of a header, the header, the numbers."""
    header, offset = {"__metadata__": metadata}, 0
    for name, tensor in tensors.items():
        end = offset + 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    partial = path + ".partial"
    with open(partial, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(tensor.numpy().astype("<f4").tobytes())
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("output", nargs="?")
    parser.add_argument("--list", action="store_true", help="show the sets of weights and write nothing")
    parser.add_argument("--weights", help="name of the set to take")
    parser.add_argument("--prefix", default="", help="take the names that begin so, without it")
    arguments = parser.parse_args()
    sets = find_sets(torch.load(arguments.checkpoint, map_location="cpu", weights_only=True))
    if arguments.list or arguments.output is None:
        for name, tensors in sets:
            first = next(iter(tensors))
            print(f"{name}: {len(tensors)} tensors, {sum(t.numel() for t in tensors.values())} numbers, the first is {first}")
        return
    chosen, tensors = choose(sets, arguments.weights)
    tensors = strip(tensors, arguments.prefix)
    reals = {name: t.detach().to(torch.float32).contiguous() for name, t in tensors.items() if t.is_floating_point()}
    metadata = {"format": "pt", "title": f"{chosen} of {os.path.basename(arguments.checkpoint)}",
                "converted by": "analysis/checkpoint_to_safetensors.py"}
    write(arguments.output, reals, metadata)
    left_out = len(tensors) - len(reals)
    print(f"{arguments.output}: {len(reals)} tensors, {sum(t.numel() for t in reals.values())} numbers, of {chosen}"
          + (f"; {left_out} of integers left out" if left_out else "")
          + (f"; not taken: {', '.join(name for name, _ in sets if name != chosen)}" if len(sets) > 1 else ""))


main()
