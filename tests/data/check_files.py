#!/usr/bin/env python3
"""Reads with PyTorch and NumPy what the command writes, by the loader that docs/pytorch.md prints.

    python3 check_files.py FOLDER docs/pytorch.md

FOLDER has what these commands leave there (or another network, data set or count):

    flowmatch train --set hidden='[32,16]' --set activation=gelu --until 300 --out run.safetensors
    (or with --set labels=true --set sampler.guidance.label=3, with --set timeFeatures.kind=fourier
    or sinusoidal, and with --set method=cnf)
    flowmatch export run.safetensors --out weights.safetensors --out weights.npy
    flowmatch sample run.safetensors --frames 4 --count 100 --set sampler.solver=euler \\
        --set sampler.steps=4 --out ways.npy

Four Euler steps from frame to frame are four evaluations of the network: the frames that the
command has written must be those that PyTorch computes, to 1e-5 of their size.

Of a normalizing flow (--set method=normalizing_flow, sampled with --set sampler.solver=rk4 --set
sampler.steps=256 --frames 1) the last frame must be the inverse of the first, and the other way
round, to 1e-4: the command moves the points along the same map in continuous time.
"""

import pathlib
import re
import sys

import numpy as np
import torch


def loader(document):
    """The code of the document's first block."""
    block = re.search(r"```python\n(.*?)```", pathlib.Path(document).read_text(), re.DOTALL)
    names = {}
    exec(block.group(1), names)
    return names["load"]


def check_steps(model, label, ways, tolerance):
    frames = torch.from_numpy(ways)
    h = 1 / (len(frames) - 1)
    worst = 0.0
    for step in range(len(frames) - 1):
        expected = frames[step] + h * model(frames[step], step * h, label)
        worst = max(worst, ((expected - frames[step + 1]).abs() / (1 + expected.abs())).max().item())
    print(f"largest relative difference of a step: {worst:.2e}")
    assert worst < tolerance


def check_flow(model, ways, tolerance):
    noise, samples = torch.from_numpy(ways[0]), torch.from_numpy(ways[-1])
    there = ((model.inverse(noise) - samples).abs() / (1 + samples.abs())).max().item()
    back = ((model(samples)[0] - noise).abs() / (1 + noise.abs())).max().item()
    print(f"largest relative difference of the ends: {there:.2e} and {back:.2e}")
    assert max(there, back) < tolerance


@torch.no_grad()
def main():
    folder = pathlib.Path(sys.argv[1])
    load = loader(sys.argv[2])
    model, config = load(folder / "run.safetensors")
    print("configuration:", config)
    ways = np.load(folder / "ways.npy")
    assert ways.dtype == np.float32 and ways.ndim == 3, (ways.dtype, ways.shape)
    if config["method"] == "normalizing_flow":
        check_flow(model, ways, 1e-4)
    else:
        check_steps(model, config["sampler"]["guidance"]["label"], ways, 1e-5)

    # The exported weights are the averaged ones of the checkpoint, alone and as one array.
    exported, _ = load(folder / "weights.safetensors")
    flat = np.load(folder / "weights.npy")
    parameters = torch.cat([p.flatten() for p in model.parameters()])
    assert torch.equal(parameters, torch.cat([p.flatten() for p in exported.parameters()]))
    assert torch.equal(parameters, torch.from_numpy(flat))

    raw, _ = load(folder / "run.safetensors", averaged=False)
    different = torch.cat([p.flatten() for p in raw.parameters()])
    assert not torch.equal(parameters, different)
    print("all agree")


if __name__ == "__main__":
    main()
