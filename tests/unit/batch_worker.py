"""A back end that computes nothing, and a process that runs a batch with it, to be killed."""

import json
import logging
import sys
import time
from pathlib import Path

from lodestone.dft import batches
from lodestone.dft.backend import Backend, BackendError, read_failure
from lodestone.dft.calculation import Problem, Resources, Result, Status, read_structure


class Counting(Backend):
    """Writes a line to a common file for every run; the energy is the volume; `slow` seconds each."""

    name = "counting"
    kinds = ("relax", "static")

    @property
    def label(self):
        return "a stand-in"

    def check(self, structures, calculation, *, runs_here=False):
        unknown = [name for name, s in structures.items() if "Og" in {e.symbol for e in s.elements}]
        problems = [Problem(name, "element Og is unknown") for name in unknown]
        return problems + ([Problem("", "no executable")] if runs_here and self.options.get("absent") else [])

    def prepare(self, structure, calculation, folder):
        (folder / "input").write_text(structure.composition.formula)

    def run(self, folder, resources):
        if "diary" in self.options:
            with Path(self.options["diary"]).open("a") as diary:
                diary.write(f"{folder.name}\n")
        time.sleep(self.options.get("slow", 0.0))
        if folder.name == self.options.get("fails"):
            raise BackendError("it broke", self.options.get("status", Status.FAILED))
        (folder / "output.json").write_text(json.dumps({"energy": read_structure(folder).volume}))

    def collect(self, folder, calculation):
        failed = read_failure(folder)
        if failed is not None:
            return failed
        energy = json.loads((folder / "output.json").read_text())["energy"]
        return Result(Status.CONVERGED, structure=read_structure(folder), energy_eV=energy)


if __name__ == "__main__":
    inputs, raw, diary, slow = sys.argv[1:]
    engine = Counting({"diary": diary, "slow": float(slow)})
    batches.run(inputs, raw, engine, Resources(), "a key", logging.getLogger("batch"))
