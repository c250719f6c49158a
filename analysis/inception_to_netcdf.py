#!/usr/bin/python3
"""Convert the weights of the Inception-v3 network that FID is measured on to netCDF, for metrics.inception.

    analysis/inception_to_netcdf.py pt_inception-2015-12-05-6726825d.pth inception.nc

The first file is public: it comes with pytorch-fid (its release "fid_weights"). Needs PyTorch, numpy and netCDF4.
"""

import sys

import netCDF4
import numpy
import torch


def main(source, target):
    weights = torch.load(source, map_location="cpu")
    with netCDF4.Dataset(target, "w", format="NETCDF4") as file:
        file.Conventions = "CF-1.8"
        file.content = "weights of Inception-v3"
        file.title = "Inception-v3 in the variant that FID is measured on"
        file.history = "analysis/inception_to_netcdf.py " + source
        group = file.createGroup("model")
        for name, tensor in weights.items():
            if name.endswith("num_batches_tracked") or name.startswith("AuxLogits."):
                continue
            values = numpy.asarray(tensor.detach().numpy(), dtype=numpy.float32)
            sizes = []
            for size in values.shape:
                sizes.append(f"size_{size}")
                if sizes[-1] not in file.dimensions:
                    file.createDimension(sizes[-1], size)
            variable = group.createVariable(name, "f4", sizes, fletcher32=True)
            variable.units = "1"
            variable.long_name = name
            variable[...] = values
    print(f"{target}: {len(weights)} tensors of {source}")


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
