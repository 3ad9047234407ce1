"""Spin updates a second on the simple cubic Heisenberg lattice, one core; prints JSON."""

import json
import time

import numpy as np

from lodestone.kkr.lanes import Bonds, Lattice

AXES = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])


def updates_per_s(edge, heat_baths, over_relaxations, seconds=1.0):
    """Updates a second of a cube of edge**3 spins just above T_C."""
    zero = np.zeros(6, np.int64)
    lattice = Lattice(Bonds(1, zero, zero, AXES, np.full(6, 0.5)), (edge,) * 3, np.random.SeedSequence(1))
    lattice.sweep(1.45, 1, 1)
    began, sweeps = time.process_time(), 0
    while time.process_time() - began < seconds:
        lattice.sweep(1.45, heat_baths, over_relaxations)
        sweeps += heat_baths + over_relaxations
    return sweeps * edge**3 / (time.process_time() - began)


if __name__ == "__main__":
    figures = {
        f"{name}_updates_per_s_{edge}": round(updates_per_s(edge, *kinds))
        for edge in (32, 48)
        for name, kinds in (("heat_bath", (1, 0)), ("over_relaxation", (0, 1)), ("both", (1, 1)))
    }
    print(json.dumps(figures, indent=1))
