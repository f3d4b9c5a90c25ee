#!/usr/bin/env python3
"""Writes mlp_golden.h: what PyTorch, in double precision, makes of a tiny network of each activation.

    python3 mlp_golden.py > mlp_golden.h

Weights, inputs and targets are formulas that the test repeats: number i of an array is
amplitude * sin(frequency * i + phase). Parameters count through all layers, weight before bias.
"""

import math

import torch

torch.set_default_dtype(torch.float64)

ROWS = 7
STEPS = 10
LEARNING_RATE = 1e-2
EMA_DECAY = 0.8


def wave(count, amplitude, frequency, phase):
    return torch.tensor([amplitude * math.sin(frequency * i + phase) for i in range(count)])


def network(sizes, activation):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inputs, outputs), activation()]
    model = torch.nn.Sequential(*layers[:-1])
    count = sum(p.numel() for p in model.parameters())
    torch.nn.utils.vector_to_parameters(wave(count, 0.8, 1.7, 0.3), model.parameters())
    return model


def golden(dimension, hidden, activation):
    model = network([dimension + 1, *hidden, dimension], activation)
    x = wave(ROWS * dimension, 1.5, 2.3, 0.9).reshape(ROWS, dimension)
    t = wave(ROWS, 0.5, 0.7, 0.1).abs()
    target = wave(ROWS * dimension, 2.0, 1.1, 0.5).reshape(ROWS, dimension)
    inputs = torch.cat([x, t[:, None]], dim=1)

    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    average = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        output = model(inputs)
        loss = torch.nn.functional.mse_loss(output, target)
        loss.backward()
        if step == 0:
            first_output = output.detach().clone()
            gradient = torch.cat([p.grad.flatten() for p in model.parameters()]).clone()
        optimizer.step()
        losses.append(loss.item())
        parameters = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
        average = EMA_DECAY * average + (1 - EMA_DECAY) * parameters
    return first_output.flatten(), gradient, torch.tensor(losses), parameters, average


def array(name, values):
    numbers = ",\n    ".join(float(v).hex() for v in values)
    return f"inline constexpr std::array<double, {len(values)}> {name}{{\n    {numbers}}};\n"


def main():
    print("// Written by mlp_golden.py with PyTorch " + torch.__version__ + ": see there.")
    print("#pragma once\n\n#include <array>\n")
    print("// clang-format off")
    for name, dimension, hidden, activation in [
        ("silu", 2, [5, 4], torch.nn.SiLU),
        ("tanh", 1, [3, 2, 4], torch.nn.Tanh),
        ("relu", 2, [7, 3], torch.nn.ReLU),
        ("elu", 2, [5], torch.nn.ELU),
        ("gelu", 3, [6], torch.nn.GELU),
    ]:
        print(f"namespace flowmatch::testing::golden_{name} {{\n")
        output, gradient, losses, parameters, average = golden(dimension, hidden, activation)
        print(array("kOutput", output))
        print(array("kGradient", gradient))
        print(array("kLosses", losses))
        print(array("kParameters", parameters))
        print(array("kAverage", average))
        print(f"}}  // namespace flowmatch::testing::golden_{name}\n")
    print("// clang-format on")


if __name__ == "__main__":
    main()
