"""Relaxation of candidates in groups, each evaluation and each finished crystal kept in a ledger.

Models in single precision may give other last digits in other company, so a crystal's company must not depend on how
the work is shared out or where it was interrupted. Candidates are therefore relaxed in groups that follow from their
number alone, a batch is made of whole groups, and a ledger holds the answers of the model: an interrupted group is
played back from them, without the model, to the step where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.candidates import columns
from lodestone.artifacts.ledger import Ledger
from lodestone.artifacts.ragged import pack_texts
from lodestone.artifacts.relaxed_candidates import RelaxedCandidates
from lodestone.dft.relaxation import Evaluate, Evaluation, Geometry, Relaxed, relax
from lodestone.search.candidate import Candidate
from lodestone.search.settings import SearchSettings
from lodestone.search.symmetric import Symmetric

# Turns in which a group is evaluated, on average: a place that becomes free is filled once.
_TURNS = 2
# A killed process loses nothing; a power cut loses the evaluations of so many seconds.
_FSYNC_INTERVAL_S = 5.0
# Answers are numbered beyond all ids, by the first id of their group.
_ANSWERS = 1 << 40
_MOST_CALLS = 1 << 20


def groups(count: int, at_once: int) -> list[range]:
    """Candidates that are relaxed in one company: rows of a generation, in parts of nearly equal size."""
    parts = max(1, -(-count // (_TURNS * at_once)))
    return [range(k * count // parts, (k + 1) * count // parts) for k in range(parts)] if count else []


def share(count: int, at_once: int, batch: int, batches: int) -> list[range]:
    """Return the groups of one of `batches` batches; a batch may be empty."""
    if not 0 <= batch < batches:
        raise ValueError(f"batch: found {batch}, allowed: 0 to {batches - 1}")
    every = groups(count, at_once)
    return every[batch * len(every) // batches : (batch + 1) * len(every) // batches]


@dataclass(frozen=True)
class Outcome:
    """End of the relaxation of one candidate."""

    status: Status
    lattice_A: np.ndarray
    fractional: np.ndarray
    energy_eV: float
    has_energy: bool
    largest_force_eV_A: float
    largest_stress_eV_A3: float
    moments_muB: np.ndarray
    evaluations: int
    message: str

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays for the ledger."""
        numbers = [self.energy_eV, self.largest_force_eV_A, self.largest_stress_eV_A3]
        return {
            "lattice_A": self.lattice_A,
            "fractional": self.fractional,
            "moments_muB": self.moments_muB,
            "numbers": np.array(numbers, float),
            "codes": np.array([self.status, self.has_energy, self.evaluations], np.int64),
            "message": np.frombuffer(self.message.encode(), np.uint8),
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Outcome:
        """Outcome that was kept in a ledger."""
        energy, force, stress = arrays["numbers"].tolist()
        status, has_energy, evaluations = arrays["codes"].tolist()
        return cls(
            Status(status),
            arrays["lattice_A"],
            arrays["fractional"],
            energy,
            bool(has_energy),
            force,
            stress,
            arrays["moments_muB"],
            evaluations,
            arrays["message"].tobytes().decode(),
        )

    @classmethod
    def of(cls, relaxed: Relaxed) -> Outcome:
        """Outcome of a relaxation."""
        geometry, last = relaxed.geometry, relaxed.last
        evaluations = len(relaxed.energies_eV) + bool(last.failure)
        if last.failure:
            lattice, sites = geometry.lattice_A, geometry.fractional
            # A cell without volume is no crystal; the ledger keeps what is left of one.
            return cls(Status.FAILED, lattice, sites, 0.0, False, 0.0, 0.0, np.zeros(0), evaluations, last.failure)
        force = float(np.linalg.norm(last.forces_eV_A, axis=1).max(initial=0.0))
        stress = float(np.abs(last.stress_eV_A3).max())
        status = Status.CONVERGED if relaxed.converged else Status.NOT_CONVERGED
        message = "" if relaxed.converged else f"largest force {force:.3g} eV/A after {relaxed.steps} steps"
        sites = geometry.fractional - np.floor(geometry.fractional)
        energy, moments = float(last.energy_eV), np.asarray(last.moments_muB, float)
        return cls(status, geometry.lattice_A, sites, energy, True, force, stress, moments, evaluations, message)


class _Recorded:
    """An `evaluate` that keeps its answers in a ledger, and answers from there what it was asked before."""

    def __init__(self, evaluate: Evaluate, ledger: Ledger, done: set[int], first: int) -> None:
        self._evaluate, self._ledger, self._done = evaluate, ledger, done
        self._item = _ANSWERS + first * _MOST_CALLS

    def __call__(self, geometries: Sequence[Geometry]) -> list[Evaluation]:
        """Answers for all geometries; the calls of a group come in one order only."""
        item = self._item
        self._item += 1
        if item in self._done:
            return _unpacked(self._ledger.read(item), geometries)
        packed = _packed(list(self._evaluate(geometries)))
        self._ledger.append(item, packed)
        # Numbers go through the record in any case, so that they are the same when played back.
        return _unpacked(packed, geometries)


def _packed(answers: Sequence[Evaluation]) -> dict[str, np.ndarray]:
    """Answers of one call one after the other."""
    good = [answer for answer in answers if not answer.failure]
    offset, utf8 = pack_texts([answer.failure for answer in answers])
    return {
        "energy_eV": np.array([answer.energy_eV for answer in good], float),
        "forces_eV_A": np.concatenate([np.zeros((0, 3)), *(answer.forces_eV_A for answer in good)]),
        "stress_eV_A3": np.array([answer.stress_eV_A3 for answer in good], float).reshape(-1, 3, 3),
        "moments_muB": np.concatenate([np.zeros(0), *(np.asarray(a.moments_muB, float) for a in good)]),
        "moments": np.array([len(answer.moments_muB) for answer in good], np.int64),
        "failure_offset": offset,
        "failure_utf8": utf8,
    }


def _unpacked(arrays: dict[str, np.ndarray], geometries: Sequence[Geometry]) -> list[Evaluation]:
    """Answers of one call."""
    offset, text = arrays["failure_offset"], arrays["failure_utf8"].tobytes()
    found, site, moment, k = [], 0, 0, 0
    for number, geometry in enumerate(geometries):
        failure = text[offset[number] : offset[number + 1]].decode()
        if failure:
            found.append(Evaluation(failure=failure))
            continue
        sites, moments = len(geometry.atomic_numbers), int(arrays["moments"][k])
        found.append(
            Evaluation(
                float(arrays["energy_eV"][k]),
                arrays["forces_eV_A"][site : site + sites],
                arrays["stress_eV_A3"][k],
                arrays["moments_muB"][moment : moment + moments],
            )
        )
        site, moment, k = site + sites, moment + moments, k + 1
    return found


def relax_batch(
    batch: Sequence[Sequence[Candidate]],
    evaluate: Evaluate,
    settings: SearchSettings,
    ledger_path: str | Path,
    key: str,
    log: logging.Logger,
) -> list[Outcome]:
    """Relax the candidates of whole groups; what the ledger holds is not computed again.

    Parameters
    ----------
    batch : sequence of sequences of Candidate
        Groups, see `groups` and `share`.
    evaluate : callable
        The model: an `Evaluation` for each `Geometry` that it is given.
    settings : SearchSettings
        Section `relaxation`.
    ledger_path : path
        File of the ledger.
    key : str
        Hash of all that the numbers depend on, such as `Provenance.key`.
    log : logging.Logger
        Told about each crystal.

    Returns
    -------
    list of Outcome
        In the order of the candidates.
    """
    every = [candidate for group in batch for candidate in group]
    with Ledger(ledger_path, key, fsync_interval_s=_FSYNC_INTERVAL_S, log=log) as ledger:
        done = ledger.done
        for group in batch:
            if any(candidate.id not in done for candidate in group):
                _relax_group(group, evaluate, settings, ledger, log)
        return [Outcome.of_arrays(ledger.read(candidate.id)) for candidate in every]


def _relax_group(
    group: Sequence[Candidate],
    evaluate: Evaluate,
    settings: SearchSettings,
    ledger: Ledger,
    log: logging.Logger,
) -> None:
    """Relax one group from its start, or from where the ledger says that it stopped."""
    limits, done = settings.relaxation, ledger.done
    model: Evaluate = _Recorded(evaluate, ledger, done, group[0].id)
    if limits.keep_symmetry:
        model = Symmetric(model)
    ended = relax(
        [
            Geometry(k, c.crystal.numbers, c.crystal.lattice_A.copy(), c.crystal.fractional.copy())
            for k, c in enumerate(group)
        ],
        model,
        force_tolerance_eV_A=limits.force_tolerance_eV_A,
        stress_tolerance_eV_A3=limits.stress_tolerance_eV_A3,
        max_steps=limits.max_steps,
        at_once=limits.at_once,
    )
    for relaxed in ended:
        candidate = group[relaxed.geometry.number]
        if candidate.id in done:
            continue
        outcome = Outcome.of(relaxed)
        ledger.append(candidate.id, outcome.arrays())
        energy = f"{outcome.energy_eV / len(candidate.crystal):.4f} eV/atom" if outcome.has_energy else outcome.message
        log.info("%s (%s): %s", candidate.name, candidate.operator, energy)


def pack(candidates: Sequence[Candidate], outcomes: Sequence[Outcome], provenance: Provenance) -> RelaxedCandidates:
    """Return candidates and what became of them as an artifact; a failed one keeps the geometry of its start."""
    pairs = list(zip(candidates, outcomes, strict=True))
    offset, utf8 = pack_texts([outcome.message for outcome in outcomes])
    fields = columns(
        [candidate.id for candidate in candidates],
        [candidate.parents for candidate in candidates],
        [candidate.operator for candidate in candidates],
        [o.lattice_A if o.has_energy else c.crystal.lattice_A for c, o in pairs],
        [candidate.crystal.numbers for candidate in candidates],
        [o.fractional if o.has_energy else c.crystal.fractional for c, o in pairs],
        provenance,
        [o.moments_muB if len(o.moments_muB) == len(c.crystal) else None for c, o in pairs],
    )
    return RelaxedCandidates(
        **fields,
        status=np.array([outcome.status for outcome in outcomes], np.uint8),
        energy_eV=np.array([outcome.energy_eV for outcome in outcomes], float),
        has_energy=np.array([outcome.has_energy for outcome in outcomes], np.uint8),
        largest_force_eV_A=np.array([outcome.largest_force_eV_A for outcome in outcomes], float),
        largest_stress_eV_A3=np.array([outcome.largest_stress_eV_A3 for outcome in outcomes], float),
        evaluations=np.array([outcome.evaluations for outcome in outcomes], np.int64),
        message_offset=offset,
        message_utf8=utf8,
        provenance=provenance,
    )
