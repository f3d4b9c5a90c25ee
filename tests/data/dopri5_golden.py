#!/usr/bin/env python3
"""Writes dopri5_golden.h: the steps that Dormand and Prince's 5(4) takes through Van der Pol's equation.

    python3 dopri5_golden.py > dopri5_golden.h

The method as published, in exact fractions, checked here against the conditions of its orders before it is
used: 17 for the solution of order 5, 8 for the embedded one and for the continuous one at any share of a
step. Step control, the first step and their constants are those of Hairer, Norsett and Wanner, "Solving
Ordinary Differential Equations I", sections II.4 and II.5. Standard Python alone, in double precision.
"""

from fractions import Fraction as F

TIMES = [F(0), F(1, 5), F(3, 10), F(4, 5), F(8, 9), F(1), F(1)]
STAGES = [
    [],
    [F(1, 5)],
    [F(3, 40), F(9, 40)],
    [F(44, 45), F(-56, 15), F(32, 9)],
    [F(19372, 6561), F(-25360, 2187), F(64448, 6561), F(-212, 729)],
    [F(9017, 3168), F(-355, 33), F(46732, 5247), F(49, 176), F(-5103, 18656)],
    [F(35, 384), F(0), F(500, 1113), F(125, 192), F(-2187, 6784), F(11, 84)],
]
SOLUTION = STAGES[6] + [F(0)]
EMBEDDED = [F(5179, 57600), F(0), F(7571, 16695), F(393, 640), F(-92097, 339200), F(187, 2100), F(1, 40)]
DENSE = [
    F(-12715105075, 11282082432),
    F(0),
    F(87487479700, 32700410799),
    F(-10690763975, 1880347072),
    F(701980252875, 199316789632),
    F(-1453857185, 822651844),
    F(69997945, 29380423),
]

# Rooted trees as tuples of their root's branches.
LEAF = ()


def trees(order):
    """All rooted trees with `order` nodes."""
    if order == 1:
        return [LEAF]

    def forests(nodes, most):
        if nodes == 0:
            return [()]
        found = []
        for size in range(min(nodes, most[0]), 0, -1):
            for tree in trees(size):
                if (size, tree) <= most:
                    found += [(tree, *rest) for rest in forests(nodes - size, (size, tree))]
        return found

    return forests(order - 1, (order - 1, (((((),),),),)))


def size(tree):
    return 1 + sum(map(size, tree))


def density(tree):
    product = size(tree)
    for branch in tree:
        product *= density(branch)
    return product


def weight_of_stages(tree):
    """For each stage, the tree's elementary weight without the last sum."""
    weights = [F(1)] * 7
    for branch in tree:
        inner = weight_of_stages(branch)
        for i in range(7):
            weights[i] *= sum((a * inner[j] for j, a in enumerate(STAGES[i])), F(0))
    return weights


def satisfies(weights, order, share=F(1)):
    return all(
        sum(b * w for b, w in zip(weights, weight_of_stages(tree))) == share ** size(tree) / density(tree)
        for n in range(1, order + 1)
        for tree in trees(n)
    )


def continuous(share):
    """The weights of the slopes for the solution at a share of the step."""
    rest = 1 - share
    weights = [share**2 * (3 - 2 * share) * b + share**2 * rest**2 * d for b, d in zip(SOLUTION, DENSE)]
    weights[0] += share * rest**2
    weights[6] -= share**2 * rest
    return weights


assert [len(trees(n)) for n in range(1, 6)] == [1, 1, 2, 4, 9]
assert all(sum(row) == t for row, t in zip(STAGES, TIMES))
assert satisfies(SOLUTION, 5)
assert satisfies(EMBEDDED, 4) and not satisfies(EMBEDDED, 5)
assert all(satisfies(continuous(F(n, 7)), 4, F(n, 7)) for n in range(8))
assert not satisfies(continuous(F(3, 7)), 5, F(3, 7))

T_START, T_END = 0.0, 1.0
START = [2.0, 0.0]
RTOL = 1e-4
ATOL = 1e-5
SHARES = [F(1, 4), F(7, 8)]


def slope(t, x):
    """Van der Pol's equation, mu = 4, in a time that runs 6 times as fast; with a push that depends on it."""
    y, z = x
    return [6 * z, 6 * (4 * (1 - y * y) * z - y + 0.25 * t)]


def moved(x, h, weights, slopes):
    return [x[d] + h * sum(float(w) * k[d] for w, k in zip(weights, slopes)) for d in range(2)]


def norm(values, before, after):
    total = 0
    for v, a, b in zip(values, before, after):
        total += (v / (ATOL + RTOL * max(abs(a), abs(b)))) ** 2
    return (total / len(values)) ** 0.5


def first_step(t, x, k):
    d0, d1 = norm(x, x, x), norm(k, x, x)
    guess = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
    probe = slope(t + guess, moved(x, guess, [1], [k]))
    d2 = norm([b - a for a, b in zip(k, probe)], x, x) / guess
    return min(100 * guess, (0.01 / max(d1, d2)) ** (1 / 5))


def run():
    t, x = T_START, START
    slopes = [slope(t, x)]
    h = first_step(t, x, slopes[0])
    times, inside, rejected, before, after_rejection = [], [], 0, 1e-4, False
    while t < T_END:
        last = t + 1.01 * h >= T_END
        if last:
            h = T_END - t
        slopes = slopes[:1]
        for s in range(1, 7):
            slopes.append(slope(t + float(TIMES[s]) * h, moved(x, h, STAGES[s], slopes)))
        end = moved(x, h, SOLUTION, slopes)
        difference = [a - b for a, b in zip(SOLUTION, EMBEDDED)]
        error = norm(moved([0, 0], h, difference, slopes), x, end)
        factor = 0.9 * error ** -(0.2 - 0.75 * 0.04)
        if error <= 1:
            inside.append([moved(x, h, continuous(share), slopes) for share in SHARES])
            t, x, slopes = (T_END if last else t + h), end, [slopes[6]]
            times.append(t)
            h *= min(max(factor * before**0.04, 0.2), 1 if after_rejection else 10)
            before, after_rejection = max(error, 1e-4), False
        else:
            rejected += 1
            h *= max(factor, 0.2)
            after_rejection = True
    return times, inside, rejected, x


def array(name, numbers):
    rows = ",\n    ".join(number.hex() for number in numbers)
    print(f"inline constexpr std::array<double, {len(numbers)}> {name}{{\n    {rows}}};\n")


times, inside, rejected, end = run()
print("// Written by dopri5_golden.py: see there.")
print("#pragma once\n\n#include <array>\n\n// clang-format off\nnamespace flowmatch::testing::golden_dopri5 {\n")
print(f"inline constexpr int kRejected = {rejected};\n")
print("// The end of each accepted step.")
array("kTimes", times)
print("// For each accepted step, both coordinates at 1/4 and at 7/8 of it.")
array("kInside", [v for step in inside for point in step for v in point])
array("kEnd", end)
print("}  // namespace flowmatch::testing::golden_dopri5\n// clang-format on")
