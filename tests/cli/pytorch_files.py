#!/usr/bin/env python3
"""Reads with PyTorch and NumPy what the command writes, by the loader that docs/pytorch.md prints.

    python3 pytorch_files.py FLOWMATCH docs/pytorch.md

Each kind of model is trained for some steps, exported and sampled by the command FLOWMATCH, in a
folder that is removed. Four Euler steps from frame to frame are four evaluations of the network: the
frames that the command has written must be those that PyTorch computes, to 1e-5 of their size. Of a
normalizing flow the last frame must be the inverse of the first, and the other way round, to 1e-5.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch

SETTINGS = {
    "flow matching": [],
    "a conditional model": ["labels=true", "sampler.guidance.label=3"],
    "Fourier features": ["timeFeatures.kind=fourier"],
    "sinusoidal features": ["timeFeatures.kind=sinusoidal", "activation=tanh"],
    "a CNF": ["method=cnf", "cnfSteps=2", "data.dataSet=moons"],
    "a normalizing flow": ["method=normalizing_flow", "couplingLayers=5", "data.dataSet=moons"],
}


def loader(document):
    """The code of the document's first block."""
    block = re.search(r"```python\n(.*?)```", pathlib.Path(document).read_text(), re.DOTALL)
    names = {}
    exec(block.group(1), names)
    return names["load"]


def sets(settings):
    return [word for setting in settings for word in ("--set", setting)]


def make_files(flowmatch, folder, settings, sampler):
    def run(*words):
        subprocess.run([flowmatch, *words, "--quiet"], cwd=folder, check=True)

    network = ["hidden=[32,16]", "activation=gelu"]
    run("train", *sets(network + settings), "--until", "60", "--out", "run.safetensors")
    run("export", "run.safetensors", "--out", "weights.safetensors", "--out", "weights.npy")
    run("sample", "run.safetensors", "--count", "100", *sampler, "--out", "ways.npy")


def largest(difference, size):
    return (difference.abs() / (1 + size.abs())).max().item()


def check_steps(model, label, ways):
    frames = torch.from_numpy(ways)
    h = 1 / (len(frames) - 1)
    worst = 0.0
    for step in range(len(frames) - 1):
        expected = frames[step] + h * model(frames[step], step * h, label)
        worst = max(worst, largest(expected - frames[step + 1], expected))
    assert worst < 1e-5, worst
    return f"largest relative difference of a step {worst:.2e}"


def check_flow(model, ways):
    noise, samples = torch.from_numpy(ways[0]), torch.from_numpy(ways[-1])
    there = largest(model.inverse(noise) - samples, samples)
    back = largest(model(samples)[0] - noise, noise)
    assert max(there, back) < 1e-5, (there, back)
    return f"largest relative difference of the ends {there:.2e} and {back:.2e}"


def flattened(model):
    return torch.cat([parameters.flatten() for parameters in model.parameters()])


def check(load, folder):
    model, config = load(folder / "run.safetensors")
    ways = np.load(folder / "ways.npy")
    assert ways.dtype == np.float32 and ways.ndim == 3, (ways.dtype, ways.shape)
    if config["method"] == "normalizing_flow":
        seen = check_flow(model, ways)
    else:
        seen = check_steps(model, config["sampler"]["guidance"]["label"], ways)

    # The exported weights are the averaged ones of the checkpoint, alone and as one array.
    exported, _ = load(folder / "weights.safetensors")
    flat = np.load(folder / "weights.npy")
    assert torch.equal(flattened(model), flattened(exported))
    assert torch.equal(flattened(model), torch.from_numpy(flat))
    raw, _ = load(folder / "run.safetensors", averaged=False)
    assert not torch.equal(flattened(model), flattened(raw))
    return seen


@torch.no_grad()
def main():
    flowmatch, document = (pathlib.Path(each).resolve() for each in sys.argv[1:])
    load = loader(document)
    for name, settings in SETTINGS.items():
        euler = ["--frames", "4", *sets(["sampler.solver=euler", "sampler.steps=4"])]
        with tempfile.TemporaryDirectory() as folder:
            is_flow = "method=normalizing_flow" in settings
            make_files(flowmatch, folder, settings, ["--frames", "1"] if is_flow else euler)
            print(f"{name}: {check(load, pathlib.Path(folder))}")


if __name__ == "__main__":
    main()
