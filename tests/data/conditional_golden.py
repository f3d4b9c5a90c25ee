#!/usr/bin/env python3
"""Writes conditional_golden.h: what PyTorch, in double precision, makes of tiny networks with time features and labels.

    python3 conditional_golden.py > conditional_golden.h

For each: the features of the batch's times, the output, the gradient of sum_i w_i |f_i - target_i|^2, and the Jacobian of
each row's output by its x. Weights, inputs, targets and row weights are formulas that the test repeats, as in
mlp_golden.py; the labels of the rows are 0, 1, 2, none, 0, 1, 2. The frequencies of `fourier` come from Philox4x32-10
(Salmon et al. 2011), written out below from the paper, keyed by the seed 5 and the purpose 15.
"""

import math

import torch

torch.set_default_dtype(torch.float64)

ROWS = 7
CLASSES = 3
LABELS = [0, 1, 2, CLASSES, 0, 1, 2]
MASK = 0xFFFFFFFF


def wave(count, amplitude, frequency, phase):
    return torch.tensor([amplitude * math.sin(frequency * i + phase) for i in range(count)])


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def uniform(word):
    return ((word >> 9) + 0.5) / 2**23


def fourier(count, scale, t):
    turns = []
    for k in range(count // 2):
        words = philox([k, 0, 0, 15], [5, 0])
        turns.append(scale * math.sqrt(-2 * math.log(uniform(words[0]))) * math.cos(2 * math.pi * uniform(words[1])))
    angles = 2 * math.pi * t[:, None] * torch.tensor(turns)[None, :]
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)


def sinusoidal(count, scale, t):
    # DDPM's get_timestep_embedding, for a time that runs to 1 instead of 1000.
    half = count // 2
    frequencies = torch.exp(torch.arange(half) * -(math.log(10000) / max(half - 1, 1)))
    angles = 1000 * scale * t[:, None] * frequencies[None, :]
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)


def plain(count, scale, t):
    return t[:, None]


def golden(dimension, hidden, activation, features, labelled):
    t = wave(ROWS, 0.5, 0.7, 0.1).abs()
    x = wave(ROWS * dimension, 1.5, 2.3, 0.9).reshape(ROWS, dimension)
    target = wave(ROWS * dimension, 2.0, 1.1, 0.5).reshape(ROWS, dimension)
    weights = 1 + wave(ROWS, 0.9, 1.3, 0.2)
    fixed = [features(t)]
    if labelled:
        fixed.append(torch.nn.functional.one_hot(torch.tensor(LABELS), CLASSES + 1).to(t.dtype))
    fixed = torch.cat(fixed, dim=1)

    sizes = [dimension + fixed.shape[1], *hidden, dimension]
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inputs, outputs), activation()]
    model = torch.nn.Sequential(*layers[:-1])
    count = sum(p.numel() for p in model.parameters())
    torch.nn.utils.vector_to_parameters(wave(count, 0.8, 1.7, 0.3), model.parameters())

    output = model(torch.cat([x, fixed], dim=1))
    (weights[:, None] * (output - target) ** 2).sum().backward()
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    jacobians = [
        torch.autograd.functional.jacobian(lambda row: model(torch.cat([row, fixed[i]])), x[i]) for i in range(ROWS)
    ]
    return features(t).flatten(), output.detach().flatten(), gradient, torch.stack(jacobians).flatten()


def array(name, values):
    numbers = ",\n    ".join(float(v).hex() for v in values)
    return f"inline constexpr std::array<double, {len(values)}> {name}{{\n    {numbers}}};\n"


def main():
    print("// Written by conditional_golden.py with PyTorch " + torch.__version__ + ": see there.")
    print("#pragma once\n\n#include <array>\n")
    print("// clang-format off")
    for name, dimension, hidden, activation, features, labelled in [
        ("labels", 2, [5, 4], torch.nn.SiLU, lambda t: plain(1, 1, t), True),
        ("sinusoidal", 3, [4], torch.nn.GELU, lambda t: sinusoidal(6, 0.5, t), False),
        ("fourier", 2, [3, 5], torch.nn.Tanh, lambda t: fourier(4, 2.0, t), True),
    ]:
        print(f"namespace flowmatch::testing::golden_{name} {{\n")
        times, output, gradient, jacobian = golden(dimension, hidden, activation, features, labelled)
        print(array("kFeatures", times))
        print(array("kOutput", output))
        print(array("kGradient", gradient))
        print(array("kJacobian", jacobian))
        print(f"}}  // namespace flowmatch::testing::golden_{name}\n")
    print("// clang-format on")


if __name__ == "__main__":
    main()
