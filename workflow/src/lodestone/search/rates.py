"""How often each operator is used: more often where its offspring became parents."""

from __future__ import annotations

import numpy as np

from lodestone.artifacts.candidates import ORIGINS
from lodestone.search.operators import possible
from lodestone.search.settings import OPERATORS, SearchSettings

# Crystals as many as this stand in for experience, and older generations fade by this factor.
_PRIOR = 6.0
FADING = 0.7
# No operator is used more than so many times as often, or as rarely, as its weight says.
_LARGEST_CHANGE = 3.0


def rates(settings: SearchSettings, tried: np.ndarray, succeeded: np.ndarray) -> dict[str, float]:
    """Probability of each operator.

    Parameters
    ----------
    settings : SearchSettings
        Weights at first, and whether they adapt.
    tried, succeeded : array (origin,)
        Crystals of each origin, and those that became parents.

    Returns
    -------
    dict of str to float
        Positive ones only; they add up to 1. New seeds count as the operator ``random``.
    """
    weights = {name: weight for name, weight in settings.operators.items() if weight > 0 and possible(name, settings)}
    if not weights:
        return {"random": 1.0}
    if settings.adaptive_rates:
        overall = (succeeded.sum() + 1) / (tried.sum() + 2)
        for name in weights:
            attempts, hits = (_count(name, values) for values in (tried, succeeded))
            success = (hits + _PRIOR * overall) / (attempts + _PRIOR) / overall
            weights[name] *= float(np.clip(success, 1 / _LARGEST_CHANGE, _LARGEST_CHANGE))
    total = sum(weights.values())
    return {name: weights[name] / total for name in OPERATORS if name in weights}


def _count(name: str, values: np.ndarray) -> float:
    """Sum over the origins that an operator stands for."""
    origins = ("random", "topology") if name == "random" else (name,)
    return float(sum(values[ORIGINS.index(origin)] for origin in origins))
