#!/usr/bin/env python3
"""Writes generative_golden.h: what PyTorch, in double precision, makes of the negative log-likelihood
of a tiny normalizing flow and of a tiny continuous one, and of their gradients.

    python3 generative_golden.py > generative_golden.h

Weights and data are formulas that the test repeats: number i of an array is
amplitude * sin(frequency * i + phase). Parameters count through all layers, weight before bias.
The derivatives of the continuous flow's divergence are autograd's, through the solver's steps.
"""

import math

import torch

torch.set_default_dtype(torch.float64)

ROWS = 7


def wave(count, amplitude, frequency, phase):
    return torch.tensor([amplitude * math.sin(frequency * i + phase) for i in range(count)])


def points(dimension):
    return wave(ROWS * dimension, 1.5, 2.3, 0.9).reshape(ROWS, dimension)


def mlp(sizes, activation):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inputs, outputs), activation()]
    return torch.nn.Sequential(*layers[:-1])


def set_weights(module):
    count = sum(p.numel() for p in module.parameters())
    torch.nn.utils.vector_to_parameters(wave(count, 0.8, 1.7, 0.3), module.parameters())


def finish(module, log_density):
    loss = -log_density.mean()
    loss.backward()
    gradient = torch.cat([p.grad.flatten() for p in module.parameters()])
    return log_density.detach(), gradient


def log_normal(z):
    return -0.5 * (z**2).sum(dim=1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def normalizing_flow(dimension, couplings, hidden, activation, max_log_scale):
    half = dimension // 2
    sizes = [(half, dimension - half) if i % 2 == 0 else (dimension - half, half)
             for i in range(couplings)]
    conditioners = torch.nn.ModuleList(
        [mlp([kept, *hidden, 2 * moved], activation) for kept, moved in sizes])
    set_weights(conditioners)
    z = points(dimension)
    log_determinant = torch.zeros(ROWS)
    for i, conditioner in enumerate(conditioners):
        first, second = z[:, :half], z[:, half:]
        kept, moved = (first, second) if i % 2 == 0 else (second, first)
        raw, shift = conditioner(kept).chunk(2, dim=1)
        s = max_log_scale * torch.tanh(raw / max_log_scale)
        moved = moved * torch.exp(s) + shift
        log_determinant = log_determinant + s.sum(dim=1)
        z = torch.cat([kept, moved] if i % 2 == 0 else [moved, kept], dim=1)
    return finish(conditioners, log_normal(z) + log_determinant)


def continuous_flow(dimension, hidden, activation, steps):
    network = mlp([dimension + 1, *hidden, dimension], activation)
    set_weights(network)

    def slope(x, t):
        v = network(torch.cat([x, torch.full((ROWS, 1), t)], dim=1))
        divergence = 0
        for d in range(dimension):
            by_x = torch.autograd.grad(v[:, d].sum(), x, create_graph=True)[0]
            divergence = divergence + by_x[:, d]
        return v, divergence

    x = points(dimension).requires_grad_()
    change = torch.zeros(ROWS)
    h = -1 / steps
    for step in range(steps):
        t = 1 + step * h
        k1, d1 = slope(x, t)
        k2, d2 = slope(x + h / 2 * k1, t + h / 2)
        k3, d3 = slope(x + h / 2 * k2, t + h / 2)
        k4, d4 = slope(x + h * k3, t + h)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        change = change + h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
    return finish(network, log_normal(x) + change)


def array(name, values):
    numbers = ",\n    ".join(float(v).hex() for v in values)
    return f"inline constexpr std::array<double, {len(values)}> {name}{{\n    {numbers}}};\n"


def main():
    print("// Written by generative_golden.py with PyTorch " + torch.__version__ + ": see there.")
    print("#pragma once\n\n#include <array>\n")
    print("// clang-format off")
    for name, (log_density, gradient) in [
        ("normalizing_flow", normalizing_flow(3, 3, [4, 3], torch.nn.SiLU, 1.5)),
        ("cnf_silu", continuous_flow(2, [5, 4], torch.nn.SiLU, 2)),
        ("cnf_tanh", continuous_flow(1, [4], torch.nn.Tanh, 2)),
        ("cnf_elu", continuous_flow(2, [3, 3], torch.nn.ELU, 2)),
        ("cnf_gelu", continuous_flow(3, [4, 5], torch.nn.GELU, 2)),
    ]:
        print(f"namespace flowmatch::testing::golden_{name} {{\n")
        print(array("kLogDensity", log_density))
        print(array("kGradient", gradient))
        print(f"}}  // namespace flowmatch::testing::golden_{name}\n")
    print("// clang-format on")


if __name__ == "__main__":
    main()
