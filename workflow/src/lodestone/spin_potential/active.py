"""Which configurations to label next: those on which a potential extrapolates most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.jacobian import configuration_rows
from lodestone.spin_potential.loss import Weights
from lodestone.spin_potential.maxvol import ActiveSet, largest_determinants, row_space
from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]


CRITERIA = ("grade", "determinant")
# Prior of the parameters for the determinant, in parts of the mean square of a column of the rows. Small, so that the
# labels count and not the prior, and well above rounding.
_RIDGE = 1e-6


def ask(
    potential: SpinPotential,
    weights: Weights,
    labelled: Configurations,
    candidates: Configurations,
    count: int,
    criterion: str = "grade",
) -> tuple[NDArray[np.int64], Array]:
    """Choose candidates by their extrapolation grade; labels of neither are looked at.

    Rows are those of the Jacobian of all labels at the potential's parameters, weighted as in the fit: the model
    linearised where it is. After each choice the rows of the chosen one count as known, so that a second one of the
    same kind is no longer asked for.

    Parameters
    ----------
    potential : SpinPotential
        Fitted to what is labelled.
    weights : Weights
        Of the fit; labels of weight 0 are left out of the choice.
    labelled, candidates : Configurations
        What has labels, and what could get some.
    count : int
        How many to choose.
    criterion : str
        ``grade``: largest extrapolation grade of a row; ``determinant``: all rows of a configuration together, by what
        they add to the logarithm of the determinant of the information.

    Returns
    -------
    chosen : ndarray of int, (choice,)
        Numbers among the candidates, in the order of choice; as many as there are, if fewer than `count`.
    grade : ndarray, (choice,)
        Extrapolation grade of each when it was chosen, or its gain in the logarithm of the determinant. A grade is
        infinite where a candidate depends on parameters that no label has determined yet.

    Raises
    ------
    ValueError
        For another criterion.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion: found {criterion}, allowed: one of {', '.join(CRITERIA)}")
    known = np.concatenate(configuration_rows(potential, labelled, weights))
    asked = configuration_rows(potential, candidates, weights)
    if criterion == "determinant":
        every = np.concatenate([known, *asked])
        return largest_determinants(known, asked, count, _RIDGE * float(np.mean(every**2) * len(every)))
    return _by_grade(known, asked, min(count, len(asked)))


def _by_grade(known: Array, asked: Sequence[Array], count: int) -> tuple[NDArray[np.int64], Array]:
    """Choose by extrapolation grade; first what moves parameters on which no label depends yet."""
    chosen: list[int] = []
    basis = row_space(known)
    while len(chosen) < count:
        outside = _outside(asked, basis)
        outside[chosen] = 0.0
        best = int(np.argmax(outside))
        if outside[best] <= _OUTSIDE:
            break
        chosen.append(best)
        # What this one determines is no longer outside for the others.
        known = np.concatenate([known, asked[best]])
        basis = row_space(known)
    grades = [np.inf] * len(chosen)
    active = ActiveSet(known @ basis)
    projected = [rows @ basis for rows in asked]
    while len(chosen) < count:
        found = np.array([-1.0 if k in chosen else active.grades(rows).max() for k, rows in enumerate(projected)])
        best = int(np.argmax(found))
        chosen.append(best)
        grades.append(float(found[best]))
        active.add(projected[best])
    return np.array(chosen, np.int64), np.array(grades)


# Part of a candidate's rows that lies outside of what the labelled ones span.
_OUTSIDE = 0.1


def _outside(rows: Sequence[Array], basis: Array) -> Array:
    """Largest part of a row of each configuration that is not in the span of a basis."""
    found = []
    for one in rows:
        sizes = np.linalg.norm(one, axis=1)
        rest = np.linalg.norm(one - (one @ basis) @ basis.T, axis=1)
        # Small rows, such as forces that symmetry forbids, are rounding and have no direction.
        used = sizes > 1e-6 * sizes.max(initial=0.0)
        found.append(float((rest[used] / sizes[used]).max(initial=0.0)))
    return np.array(found)
