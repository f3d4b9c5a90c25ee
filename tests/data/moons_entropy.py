#!/usr/bin/env python3
"""Prints the entropy in nats of two moons with Gaussian noise, for tests/core/datasets_test.cpp.

    python3 moons_entropy.py

Both integrals are plain sums: the density is a mean of Gaussians along the two half circles, an
eighth of a deviation apart, and the entropy a sum over a grid with half a deviation between points.
"""

import numpy as np


def entropy(noise):
    count = int(np.ceil(np.pi / (noise / 8)))
    angle = np.pi * (np.arange(count) + 0.5) / count
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.array([1, 0.5]) - upper
    curve = np.concatenate([upper, lower])

    spacing = noise / 2
    margin = 8 * noise
    lines = np.arange(-0.5 - margin, 1 + margin, spacing)
    total = 0
    for x in np.arange(-1 - margin, 2 + margin, spacing):
        square = (x - curve[:, :1]) ** 2 + (lines - curve[:, 1:]) ** 2
        density = np.exp(-square / (2 * noise**2)).mean(axis=0) / (2 * np.pi * noise**2)
        density = density[density > 1e-300]
        total -= (density * np.log(density)).sum() * spacing**2
    return total


for noise in (0.05, 0.1):
    print(f"{noise}: {entropy(noise):.5f}")
