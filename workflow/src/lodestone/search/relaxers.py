"""What relaxes the crystals of a search: the specialised force field, CHGNet, or any calculator of ASE."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lodestone.dft.relaxation import Evaluate

NAMES = ("force_field", "chgnet", "calculator")
_CHGNET = "0.3.0"


def relaxer(settings: Mapping[str, Any], models: Sequence[str], threads: int) -> tuple[Evaluate, str]:
    """Return a callable that evaluates crystals, and what it is in words.

    Parameters
    ----------
    settings : mapping
        relaxer, calculator, calculator_arguments and device of the config.
    models : sequence of str
        Files of the force field, for the relaxer of that name.
    threads : int
        Threads to use.

    Raises
    ------
    ValueError
        For an unknown name, a model that is no force field, a calculator that cannot be imported.
    """
    name = settings["relaxer"]
    if name == "force_field":
        from lodestone.artifacts.graph_model import GraphModel
        from lodestone.graph_models.evaluator import Evaluator

        return Evaluator([GraphModel.read(path) for path in models], settings["device"], threads), "ALIGNN force field"
    if name == "chgnet":
        from lodestone.dft import chgnet

        return chgnet.Evaluator(_CHGNET, settings["device"], threads), f"CHGNet {_CHGNET} (fitted model)"
    if name == "calculator":
        from lodestone.graph_models.calculators import load_calculator

        path = settings["calculator"]
        return load_calculator(path, **json.loads(settings["calculator_arguments"])), f"ASE calculator {path}"
    raise ValueError(f"relaxer: found {name!r}, allowed: {', '.join(NAMES)}")
