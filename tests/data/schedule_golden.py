#!/usr/bin/env python3
"""Writes schedule_golden.h: every schedule in 400 digits by mpmath, its derivatives by numerical
differentiation of the definitions of alpha and sigma alone.

    python3 schedule_golden.py > schedule_golden.h

Times near both ends are where formulas in double precision lose their digits.
"""

import mpmath as mp

mp.mp.dps = 400

TIMES = [
    mp.mpf(2) ** -40,
    mp.mpf(2) ** -7,
    mp.mpf(0.3),
    mp.mpf(0.5),
    mp.mpf(0.9),
    1 - mp.mpf(2) ** -10,
    1 - mp.mpf(2) ** -40,
]


def vp_alpha(low, high):
    low, high = mp.mpf(low), mp.mpf(high)
    return lambda t: mp.exp(-((1 - t) ** 2) * (high - low) / 4 - (1 - t) * low / 2)


def preserving(alpha):
    return lambda t: mp.sqrt(1 - alpha(t) ** 2)


# kind, exponent, beta_min, beta_max, alpha, sigma
SCHEDULES = [
    ("cond_ot", 2, 0.1, 20, lambda t: t, lambda t: 1 - t),
    ("sqrt", 2, 0.1, 20, lambda t: t, lambda t: mp.sqrt(1 - t)),
    ("polynomial", 2, 0.1, 20, lambda t: t**2, lambda t: 1 - t**2),
    ("polynomial", 1, 0.1, 20, lambda t: t, lambda t: 1 - t),
    ("polynomial", 3.5, 0.1, 20, lambda t: t ** mp.mpf(3.5), lambda t: 1 - t ** mp.mpf(3.5)),
    ("polynomial", 10, 0.1, 20, lambda t: t**10, lambda t: 1 - t**10),
    ("cosine", 2, 0.1, 20, lambda t: mp.sin(mp.pi * t / 2), lambda t: mp.cos(mp.pi * t / 2)),
    ("linear_vp", 2, 0.1, 20, lambda t: t, preserving(lambda t: t)),
    ("vp", 2, 0.1, 20, vp_alpha(0.1, 20), preserving(vp_alpha(0.1, 20))),
    ("vp", 2, 0.001, 1, vp_alpha(0.001, 1), preserving(vp_alpha(0.001, 1))),
    ("vp", 2, 100, 100, vp_alpha(100, 100), preserving(vp_alpha(100, 100))),
]


def main():
    print(f"// Written by schedule_golden.py with mpmath {mp.__version__}: see there.")
    print("#pragma once\n")
    print('#include "flowmatch/schedule.h"\n\n#include <array>\n\n// clang-format off')
    print("namespace flowmatch::testing {\n")
    print("struct GoldenSchedule {")
    print("  Schedule schedule;")
    print("  double t;\n  double alpha;\n  double sigma;\n  double d_alpha;\n  double sigma_d_sigma;\n};\n")
    rows = []
    for kind, exponent, low, high, alpha, sigma in SCHEDULES:
        for t in TIMES:
            values = [
                t,
                alpha(t),
                sigma(t),
                mp.diff(alpha, t),
                sigma(t) * mp.diff(sigma, t),
            ]
            numbers = ", ".join(float(v).hex() for v in values)
            rows.append(f"    {{{{Schedule::Kind::{kind}, {exponent}, {low}, {high}}}, {numbers}}},")
    print(f"inline constexpr std::array<GoldenSchedule, {len(rows)}> kGoldenSchedules{{{{")
    print("\n".join(rows))
    print("}};\n\n}  // namespace flowmatch::testing\n// clang-format on")


if __name__ == "__main__":
    main()
