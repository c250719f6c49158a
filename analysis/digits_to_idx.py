#!/usr/bin/env python3
"""Write scikit-learn's optical digits as IDX files, the input of `beeline import experiments/digits/import.yaml`.

usage: python3 analysis/digits_to_idx.py FOLDER

Writes FOLDER/images.idx (1797 x 8 x 8, values 0 to 16) and FOLDER/labels.idx. The data are the UCI "Optical Recognition of
Handwritten Digits" (E. Alpaydin, C. Kaynak; CC BY 4.0), test part, as `sklearn.datasets.load_digits` carries them (Debian
package python3-sklearn).
"""
import os
import struct
import sys

import numpy
from sklearn.datasets import load_digits


def write_idx(path, values):
    """Two zero bytes, type (8: unsigned bytes), number of dimensions, big-endian dimensions, values."""
    with open(path, "wb") as file:
        file.write(bytes([0, 0, 8, values.ndim]))
        file.write(struct.pack(f">{values.ndim}I", *values.shape))
        file.write(values.astype(numpy.uint8).tobytes())


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    digits = load_digits()
    write_idx(os.path.join(folder, "images.idx"), digits.images)
    write_idx(os.path.join(folder, "labels.idx"), digits.target)


if __name__ == "__main__":
    main()
