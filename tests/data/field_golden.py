#!/usr/bin/env python3
"""Writes field_golden.h: what PyTorch, in double precision, makes of a tiny network as a field: where the
solvers take points, the log-density on the way, and the velocity read from every prediction under every
schedule.

    python3 field_golden.py > field_golden.h

Weights and points are formulas that the tests repeat: number i of an array is
amplitude * sin(frequency * i + phase). Derivatives of schedules and the divergence of the field are
autograd's; conversions solve the two equations that define them; the steps are written from the textbook
definitions of the solvers.
"""

import math

import torch

torch.set_default_dtype(torch.float64)

ROWS = 5
DIMENSION = 2
HIDDEN = [5, 4]


def wave(count, amplitude, frequency, phase):
    return torch.tensor([amplitude * math.sin(frequency * i + phase) for i in range(count)])


def network():
    sizes = [DIMENSION + 1, *HIDDEN, DIMENSION]
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.SiLU()]
    model = torch.nn.Sequential(*layers[:-1])
    count = sum(p.numel() for p in model.parameters())
    torch.nn.utils.vector_to_parameters(wave(count, 0.8, 1.7, 0.3), model.parameters())
    return model


MODEL = network()
POINTS = wave(ROWS * DIMENSION, 1.5, 2.3, 0.9).reshape(ROWS, DIMENSION)


def predict(t, x):
    return MODEL(torch.cat([x, torch.full((len(x), 1), float(t))], dim=1))


# --- Solvers


def euler(v, t, h, x):
    return x + h * v(t, x)


def midpoint(v, t, h, x):
    return x + h * v(t + h / 2, x + h / 2 * v(t, x))


def heun(v, t, h, x):
    k1 = v(t, x)
    k2 = v(t + h, x + h * k1)
    return x + h / 2 * (k1 + k2)


def rk4(v, t, h, x):
    k1 = v(t, x)
    k2 = v(t + h / 2, x + h / 2 * k1)
    k3 = v(t + h / 2, x + h / 2 * k2)
    k4 = v(t + h, x + h * k3)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def integrate(step, v, start, end, steps, x):
    for s in range(steps):
        x = step(v, start + (end - start) * s / steps, (end - start) / steps, x)
    return x


def augmented(t, state):
    """The velocity, and minus its divergence by autograd, a row at a time."""
    x = state[:, :DIMENSION].detach().requires_grad_()
    v = predict(t, x)
    divergence = torch.zeros(len(x))
    for d in range(DIMENSION):
        (gradient,) = torch.autograd.grad(v[:, d].sum(), x, retain_graph=True)
        divergence += gradient[:, d]
    return torch.cat([v, -divergence[:, None]], dim=1).detach()


def log_density(steps):
    """log p of POINTS at t = 1 where the density at t = 0 is N(0, I)'s."""
    state = torch.cat([POINTS, torch.zeros(ROWS, 1)], dim=1)
    state = integrate(rk4, augmented, 1, 0, steps, state)
    x0, change = state[:, :DIMENSION], state[:, DIMENSION]
    normal = -0.5 * (x0**2).sum(dim=1) - DIMENSION / 2 * math.log(2 * math.pi)
    return normal - change


# --- Schedules


def variance_preserving(alpha):
    return lambda t: torch.sqrt(1 - alpha(t) ** 2)


def vp(t):
    return torch.exp(-((1 - t) ** 2) * (20 - 0.1) / 4 - (1 - t) * 0.1 / 2)


SCHEDULES = {
    "cond_ot": (lambda t: t, lambda t: 1 - t),
    "sqrt": (lambda t: t, lambda t: torch.sqrt(1 - t)),
    "polynomial": (lambda t: t**2, lambda t: 1 - t**2),
    "cosine": (lambda t: torch.sin(math.pi * t / 2), lambda t: torch.cos(math.pi * t / 2)),
    "linear_vp": (lambda t: t, variance_preserving(lambda t: t)),
    "vp": (vp, variance_preserving(vp)),
}
DIVERGES_AT_END = ["sqrt", "linear_vp", "vp"]


def values_of(schedule, time):
    """alpha, sigma and their derivatives."""
    values = []
    for function in SCHEDULES[schedule]:
        t = torch.tensor(float(time), requires_grad=True)
        value = function(t)
        (slope,) = torch.autograd.grad(value, t)
        values.append((value.item(), slope.item()))
    (alpha, d_alpha), (sigma, d_sigma) = values
    return alpha, sigma, d_alpha, d_sigma


def definition(prediction, sigma, d_alpha, d_sigma):
    """The prediction's weights of X_1 and X_0."""
    return {
        "velocity": (d_alpha, d_sigma),
        "x1": (1.0, 0.0),
        "noise": (0.0, 1.0),
        "score": (0.0, -1 / sigma),
    }[prediction]


PREDICTIONS = ["velocity", "x1", "noise", "score"]


def velocity_of(prediction, trained, sampled, t):
    """The velocity at t of the schedule `sampled` from what MODEL predicts under `trained`."""
    alpha, sigma, d_alpha, d_sigma = values_of(sampled, t)
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        alpha_m, sigma_m, _, _ = values_of(trained, middle)
        low, high = (middle, high) if sigma_m * alpha > sigma * alpha_m else (low, middle)
    time = t if trained == sampled else (low + high) / 2
    model_alpha, model_sigma, model_d_alpha, model_d_sigma = values_of(trained, time)
    x = POINTS * (model_alpha / alpha)
    f = predict(time, x)
    weights = definition(prediction, model_sigma, model_d_alpha, model_d_sigma)
    equations = torch.tensor([[model_alpha, model_sigma], weights])
    ends = torch.linalg.solve(equations, torch.stack([x.flatten(), f.flatten()]))
    return d_alpha * ends[0] + d_sigma * ends[1]


def targets(schedule, t, x1, x0):
    """x_t and the target of each prediction, as the training uses them (see ScheduleValues)."""
    alpha, sigma, d_alpha, d_sigma = values_of(schedule, t)
    if schedule in DIVERGES_AT_END:
        d_sigma = sigma * d_sigma / (sigma + 1e-4)
    rows = [alpha * x1 + sigma * x0]
    for prediction in PREDICTIONS:
        of_x1, of_x0 = definition(prediction, sigma, d_alpha, d_sigma)
        rows.append(of_x1 * x1 + of_x0 * x0)
    return rows


# --- Writing


def numbers(values):
    return ", ".join(float(v).hex() for v in torch.as_tensor(values).flatten())


def table(struct, name, rows):
    print(f"inline constexpr std::array<{struct}, {len(rows)}> {name}{{{{")
    print("\n".join(f"    {{{row}}}," for row in rows))
    print("}};\n")


@torch.no_grad()
def main():
    size = ROWS * DIMENSION
    print("// Written by field_golden.py with PyTorch " + torch.__version__ + ": see there.")
    print("#pragma once\n")
    print('#include "flowmatch/path.h"\n#include "flowmatch/schedule.h"\n#include "flowmatch/solver.h"\n')
    print("#include <array>\n\n// clang-format off")
    print("namespace flowmatch::testing::golden_field {\n")
    print("struct Way {\n  Solver solver;\n  double t_start;\n  double t_end;\n  int steps;")
    print(f"  std::array<double, {size}> end;\n}};\n")
    rows = []
    for name, step in [("euler", euler), ("midpoint", midpoint), ("heun", heun), ("rk4", rk4)]:
        for start, end, steps in [(0, 1, 7), (1, 0.25, 3)]:
            moved = integrate(step, predict, start, end, steps, POINTS)
            rows.append(f"Solver::{name}, {start}, {end}, {steps}, {{{numbers(moved)}}}")
    table("Way", "kWays", rows)

    print("// From 0 to 1 as exactly as doubles tell, by 1000 steps of rk4.")
    print(f"inline constexpr std::array<double, {size}> kEnd{{")
    print(f"    {numbers(integrate(rk4, predict, 0, 1, 1000, POINTS))}}};\n")

    with torch.enable_grad():
        for comment, name, steps in [
            ("The log-density by 6 steps of rk4, and as exactly as doubles tell.", "kLogDensityOfSixSteps", 6),
            ("", "kLogDensity", 400),
        ]:
            if comment:
                print("// " + comment)
            print(f"inline constexpr std::array<double, {ROWS}> {name}{{")
            print(f"    {numbers(log_density(steps))}}};\n")

    print("struct Reading {\n  Prediction prediction;\n  Schedule trained;\n  Schedule sampled;\n  double t;")
    print(f"  std::array<double, {size}> velocity;\n}};\n")
    pairs = [(schedule, schedule) for schedule in SCHEDULES]
    pairs += [("cond_ot", "cosine"), ("vp", "cond_ot"), ("polynomial", "linear_vp")]
    rows = []
    for trained, sampled in pairs:
        for prediction in PREDICTIONS:
            for t in [0.25, 0.5, 0.875]:
                with torch.enable_grad():
                    velocity = velocity_of(prediction, trained, sampled, t).detach()
                rows.append(
                    f"Prediction::{prediction}, Schedule::{trained}, Schedule::{sampled}, {t}, {{{numbers(velocity)}}}"
                )
    table("Reading", "kReadings", rows)

    print("// Of pairs of X_1 and X_0: the point between them, and the target of each of kPredictions.")
    count = 3
    print(f"struct Targets {{\n  Schedule schedule;\n  double t;\n  std::array<double, {count}> x;")
    print(f"  std::array<std::array<double, {count}>, 4> of;\n}};\n")
    x1, x0 = wave(count, 2.0, 1.1, 0.5), wave(count, 1.5, 2.3, 0.9)
    rows = []
    for schedule in SCHEDULES:
        for t in [0.25, 0.5, 0.75, 0.9375]:
            with torch.enable_grad():
                x, *of = targets(schedule, t, x1, x0)
            inner = ", ".join(f"{{{numbers(row)}}}" for row in of)
            rows.append(f"Schedule::{schedule}, {t}, {{{numbers(x)}}}, {{{{{inner}}}}}")
    table("Targets", "kTargets", rows)
    print("}  // namespace flowmatch::testing::golden_field\n// clang-format on")


if __name__ == "__main__":
    main()
