"""Run GPAW for one crystal: ground state, then J(q) wave vector by wave vector.

Not a part of the package that it lies in: a copy of this file goes into a folder with `input.json`, and another Python,
one that has GPAW, executes it there. It writes

- ``ground.gpw``, ``ground.json``: the ground state, with its energy and moments;
- ``waves.jsonl``: one line per wave vector, on disk before the next begins;
- ``ended.json``: how it ended.

What is there already is not computed again. J is that of GPAW, H = - 1/2 sum over i != j of J_ij e_i.e_j, in eV.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Bands of the ground state beyond those that the response needs: the highest ones converge slowly.
_SPARE_BANDS = 4
_TINY_MOMENT_MUB = 0.05


class Ended(Exception):
    """The run is over, in the way and for the reason given."""


def write_whole(path: Path, content: Any) -> None:
    """Write JSON under a temporary name, then rename."""
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(content))
    temporary.replace(path)


def lines_of(path: Path) -> list[Any]:
    """Whole lines of a file of records; what a killed run left of the last one is cut off."""
    if not path.is_file():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        path.write_bytes(whole)
    return [json.loads(line) for line in whole.splitlines()]


def append(path: Path, record: Any) -> None:
    """Add a line to a file of records, on disk when this returns."""
    with path.open("a") as stream:
        stream.write(json.dumps(record) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def ground_state(folder: Path, given: dict[str, Any]) -> None:
    """Compute the ground state unless it is there; a second time with slow mixing if it does not converge."""
    from ase import Atoms
    from gpaw import GPAW, PW, ConvergenceError, FermiDirac, MixerDif

    if (folder / "ground.json").is_file() and (folder / "ground.gpw").is_file():
        return
    atoms = Atoms(given["symbols"], cell=given["lattice_A"], scaled_positions=given["fractional"], pbc=True)
    atoms.set_initial_magnetic_moments(given["start_moment_muB"])
    tried: list[str] = []
    for mixing in ({}, {"mixer": MixerDif(0.02, 5, 100)}):
        calculator = GPAW(
            mode=PW(given["cutoff_eV"]), xc="LDA", spinpol=True, occupations=FermiDirac(given["smearing_eV"]),
            kpts={"size": given["kpoints"], "gamma": True}, nbands=given["bands"] + _SPARE_BANDS,
            convergence={"density": 1e-8, "bands": given["bands"]}, maxiter=given["max_iterations"],
            parallel={"domain": 1}, txt=str(folder / f"ground_{len(tried)}.txt"), **mixing,
        )  # fmt: skip
        atoms.calc = calculator
        try:
            energy = float(atoms.get_potential_energy())
        except ConvergenceError:
            tried.append(f"ground_{len(tried)}.txt: no self-consistency in {given['max_iterations']} iterations")
            continue
        # In this order: who finds ground.json finds a whole ground.gpw.
        calculator.write(str(folder / "part.gpw"), mode="all")
        (folder / "part.gpw").replace(folder / "ground.gpw")
        moments = [float(moment) for moment in calculator.get_magnetic_moments()]
        total = float(calculator.get_magnetic_moment())
        found = {"energy_eV": energy, "moment_muB": moments, "total_moment_muB": total, "tried": tried}
        write_whole(folder / "ground.json", found)
        return
    raise Ended("not converged", "; ".join(tried))


def exchange_of(folder: Path, given: dict[str, Any]) -> Callable[[list[int]], list[Any]]:
    """Return a function: real and imaginary parts of J_ab at a wave vector, in eV."""
    import numpy as np
    from gpaw import GPAW
    from gpaw.response.chiks import ChiKS
    from gpaw.response.mft import IsotropicExchangeCalculator
    from gpaw.response.site_kernels import SphericalSiteKernels

    calculator = GPAW(str(folder / "ground.gpw"), txt=None, parallel={"domain": 1})
    settings = {"ecut": given["response_cutoff_eV"], "nbands": given["bands"], "eta": 0.0, "gammacentered": True}
    response = ChiKS(calculator, txt=str(folder / "response.txt"), **settings)
    exchange = IsotropicExchangeCalculator(response)
    kernels = SphericalSiteKernels(calculator.atoms.get_positions(), np.array([given["radius_A"]]))

    def compute(wave: list[int]) -> list[Any]:
        fraction = np.array(wave) / np.array(given["qpoints"])
        couplings = exchange((fraction + 0.5) % 1 - 0.5, kernels)[:, :, 0]
        return [couplings.real.tolist(), couplings.imag.tolist()]

    return compute


def main(folder: Path) -> None:
    """Compute what is missing; `ended.json` says how it went."""
    given = json.loads((folder / "input.json").read_text())
    waves = folder / "waves.jsonl"
    try:
        ground_state(folder, given)
        moments = json.loads((folder / "ground.json").read_text())["moment_muB"]
        if max(map(abs, moments)) < _TINY_MOMENT_MUB:
            raise Ended("lost moment", f"largest moment of a site {max(map(abs, moments)):.3f} mu_B")
        there = {tuple(record["wave"]) for record in lines_of(waves)}
        missing = [wave for wave in given["waves"] if tuple(wave) not in there]
        compute = exchange_of(folder, given) if missing else None
        for wave in missing:
            assert compute is not None
            real, imaginary = compute(wave)
            append(waves, {"wave": wave, "real": real, "imaginary": imaginary})
    except Ended as end:
        write_whole(folder / "ended.json", {"ended": end.args[0], "message": end.args[1]})
    except Exception as problem:
        text = f"{type(problem).__name__}: {problem}".strip()
        write_whole(folder / "ended.json", {"ended": "failed", "message": text[:2000]})
        raise
    else:
        write_whole(folder / "ended.json", {"ended": "done", "message": ""})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
