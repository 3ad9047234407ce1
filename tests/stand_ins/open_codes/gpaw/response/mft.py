"""Couplings of the stand-in: those of the real run."""

import json
from pathlib import Path

import numpy as np

import gpaw


class IsotropicExchangeCalculator:
    def __init__(self, response):
        self.mesh = np.array(json.loads(gpaw.recorded("input.json").read_text())["qpoints"])
        records = [json.loads(line) for line in gpaw.recorded("waves.jsonl").read_text().splitlines()]
        self.values = {tuple(one["wave"]): np.array(one["real"]) + 1j * np.array(one["imaginary"]) for one in records}

    def __call__(self, wave, kernels):
        assert np.abs(wave).max() <= 0.5
        if gpaw.count("waves") == gpaw.PLAN.get("die_at_wave"):
            with Path("waves.jsonl").open("a") as stream:
                stream.write('{"wave": [0, ')
            gpaw.die()
        return self.values[tuple((np.rint(wave * self.mesh).astype(int) % self.mesh).tolist())][:, :, None]
