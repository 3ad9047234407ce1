"""Published ALIGNN models: from the zoo by name, or from files. Numbers only are read, never pickled code."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.provenance import Provenance
from lodestone.graph_models.architecture import NAME, Architecture
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.graphs import GraphSettings
from lodestone.graph_models.library import alignn, pure_model
from lodestone.graph_models.model import ENERGY_TARGET, model_of
from lodestone.graph_models.network import GraphNetwork

CONFIG_FILE, WEIGHTS_FILE = "config.json", "best_model.pt"
FILES = f"a folder with {CONFIG_FILE} and {WEIGHTS_FILE}"
# The model with DGL has the same parameters under the same names.
_NAMES = (NAME, "alignn_atomwise")
_CLASSIC = "alignn"
# Published targets and what they are here; moments of JARVIS are those of the whole cell.
TARGETS = {
    "formation_energy_peratom": ["formation_energy_eV_per_atom", "eV"],
    "magmom_oszicar": ["moment_muB_per_cell", "mu_B"],
    "magmom_outcar": ["moment_muB_per_cell", "mu_B"],
    "energy_per_atom": ENERGY_TARGET,
}
# What a model has to predict for each of its uses in a search.
PURPOSES = {
    "formation_energy": ("formation_energy_eV_per_atom",),
    "moment": ("moment_muB_per_atom", "moment_muB_per_cell"),
    "force_field": (ENERGY_TARGET[0],),
}
_SPARE = "_species_table"  # features by atomic number for other programs; older files lack it


def load_zoo(name: str, provenance: Provenance, *, cache_dir: str | Path | None = None) -> GraphModel:
    """Return a model of ALIGNN's zoo, downloaded unless it is in the cache already.

    Parameters
    ----------
    name : str
        Key of `alignn.pretrained.ALIGNN2_MODELS`.
    provenance : Provenance
        Of the artifact.
    cache_dir : path, optional
        Holds a folder for each model; by default ``~/.alignn2_models``.

    Raises
    ------
    ModelError
        For an unknown name, without a connection, or for files that are not what they should be.
    """
    zoo = alignn("pretrained")
    if name not in zoo.ALIGNN2_MODELS:
        known = sorted(zoo.ALIGNN2_MODELS)
        near = [other for other in known if name.split("_")[0] in other] or known
        raise ModelError(f"zoo model {name!r}", "no such name", f"one such as {', '.join(near[:8])}")
    folder = Path(cache_dir or Path.home() / ".alignn2_models") / name
    try:
        paths = zoo.get_alignn2_model(name, cache_dir=None if cache_dir is None else str(cache_dir))
    except Exception as error:  # whatever requests, zipfile and the operating system raise
        reason = f"no download ({type(error).__name__}: {' '.join(str(error).split())[:120]})"
        raise ModelError(
            f"zoo model {name!r}", reason, f"a connection, or {FILES} at {folder}, or another source of the model"
        ) from error
    missing = [file for file in (CONFIG_FILE, WEIGHTS_FILE) if file not in paths]
    if missing:
        raise ModelError(f"zoo model {name!r}", f"no {', '.join(missing)} in {folder}", FILES)
    meta = zoo.ALIGNN2_MODELS[name]
    return load_path(folder, provenance, source=f"zoo:{name}", published=str(meta.get("target", "")))


def load_path(
    path: str | Path,
    provenance: Provenance,
    *,
    target: Sequence[str] | None = None,
    source: str | None = None,
    published: str = "",
) -> GraphModel:
    """Return a model from files as ALIGNN writes them.

    Parameters
    ----------
    path : path
        Folder with ``config.json`` and ``best_model.pt``, or a file of weights with ``config.json`` beside it.
    provenance : Provenance
        Of the artifact.
    target : (name, unit), optional
        What a regression predicts whose settings do not say.
    source : str, optional
        Name of the source; by default ``path:<path>``.
    published : str
        Target by its published name, where the settings do not have it.

    Raises
    ------
    ModelError
        It names the file, what was found and what was expected.
    """
    weights = weights_file(path)
    config_path = weights.parent / CONFIG_FILE
    config = read_config(config_path)
    if config["model"].get("name") == _CLASSIC:
        raise ModelError(config_path, "a classic ALIGNN model, which needs DGL", "one of " + ", ".join(_NAMES))
    if config["model"].get("name") not in _NAMES:
        raise ModelError(config_path, f"model name {config['model'].get('name')!r}", "one of " + ", ".join(_NAMES))
    network = GraphNetwork(_architecture(config, config_path))
    insert(network.module, read_weights(weights), weights)
    is_force_field = bool(network.config.calculate_gradient)
    outputs = network.config.output_features
    named = _target(config, published, is_force_field, target)
    targets = [named] if outputs == 1 else [[f"{named[0]}_{k}", named[1]] for k in range(outputs)]
    site = network.config.atomwise_output_features if network.has_site_values else 0
    return model_of(
        network,
        force_field=is_force_field,
        targets=targets,
        site_targets=[["moment_muB", "mu_B"]] * site if "magmom" in (published or str(config.get("target"))) else [],
        source=source or f"path:{path}",
        labels_from=source or f"whatever {path} was trained on",
        provenance=provenance,
    )


def weights_file(path: str | Path) -> Path:
    """Return the file of weights of a folder, or the file that was given."""
    path = Path(path)
    if not path.exists():
        raise ModelError(path, "no such file or folder", FILES)
    return path / WEIGHTS_FILE if path.is_dir() else path


def read_config(path: Path) -> dict[str, Any]:
    """Return the settings of a model, with the section `model`."""
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        raise ModelError(path, "no such file", f"the settings of the model: {FILES}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(path, f"no JSON ({error})", "the settings of the model") from error
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise ModelError(path, "no section 'model'", "the settings of the model")
    return config


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file of weights, without running any code that it may hold."""
    if not path.is_file():
        raise ModelError(path, "no such file", f"the weights of the model: {FILES}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = "pickled code or other objects" if "Unsupported" in str(error) else "no weights, or damaged ones"
        raise ModelError(path, found, "a file of tensors alone (torch.save of a state_dict)") from error
    except Exception as error:  # damaged archives raise anything
        found = f"a damaged file ({type(error).__name__}: {' '.join(str(error).split())[:100]})"
        raise ModelError(path, found, "a file of tensors (torch.save of a state_dict)") from error
    if isinstance(state, dict) and isinstance(state.get("model"), dict):
        state = state["model"]
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelError(path, f"a {type(state).__name__}, not tensors by name", "the state_dict of a model")
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


def insert(module: Any, state: Mapping[str, Tensor], path: Path) -> None:
    """Put tensors into alignn's module; every one must have its place and shape."""
    expected = module.state_dict()
    state = {_SPARE: expected[_SPARE], **state} if _SPARE in expected else dict(state)
    if any("running_mean" in name for name in state):
        raise ModelError(path, "weights of classic ALIGNN (batch norms)", f"weights of {NAME} (layer norms)")
    missing = [name for name in expected if name not in state]
    extra = [name for name in state if name not in expected]
    if missing or extra:
        parts = [f"no {missing[0]} and {len(missing) - 1} others"] if missing else []
        parts += [f"{extra[0]} and {len(extra) - 1} others too many"] if extra else []
        raise ModelError(path, ", ".join(parts), f"the {len(expected)} tensors that its settings ask for")
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise ModelError(path, f"{name} of shape {tuple(tensor.shape)}", str(tuple(expected[name].shape)))
        if not torch.isfinite(tensor.float()).all():
            raise ModelError(path, f"{name} with numbers that are not finite", "finite numbers")
        if name.endswith(".centers") and not torch.allclose(tensor.float(), expected[name], atol=1e-5):
            raise ModelError(path, f"{name} other than those of {NAME}", "equally spaced centres")
    module.load_state_dict(state, strict=True)


def _architecture(config: Mapping[str, Any], path: Path) -> Architecture:
    """Architecture of the settings of a model: alignn's graphs, and no envelope that it does not have."""
    known = pure_model().ALIGNNAtomWisePureConfig.model_fields
    model = {name: value for name, value in config["model"].items() if name in known}
    cutoff = float(config.get("cutoff", 5.0))
    three = config.get("three_body_cutoff")
    width = int(model.get("atom_input_features", 1))
    features = config.get("atom_features") or ("atomic_number" if width == 1 else "cgcnn")
    graph = GraphSettings(
        cutoff, float(three) if three is not None else cutoff, config.get("max_neighbors"), str(features)
    )
    try:
        architecture = Architecture({**model, "name": NAME}, graph)
        architecture.config()
    except ModelError as error:
        raise ModelError(path, f"{error.where}: {error.found}", error.expected) from error
    return architecture


def require_purpose(model: GraphModel, purpose: str, where: str) -> None:
    """Refuse a model that predicts something else than it was given for.

    Parameters
    ----------
    model : GraphModel
    purpose : str
        formation_energy, moment or force_field.
    where : str
        What the error names.

    Raises
    ------
    ModelError
        It says what the model predicts.
    """
    expected = PURPOSES[purpose]
    fits = model.is_force_field == (purpose == "force_field") and set(model.target_names) <= set(expected)
    if not fits:
        kind = "a force field" if model.is_force_field else f"a model of {', '.join(model.target_names)}"
        wanted = "a force field" if purpose == "force_field" else f"one of {' or '.join(expected)}"
        raise ModelError(where, kind, wanted)


def _target(config: Mapping[str, Any], published: str, is_force_field: bool, given: Sequence[str] | None) -> list[str]:
    """Name and unit of what a model predicts."""
    if is_force_field:
        return list(ENERGY_TARGET)
    name = published or str(config.get("target", ""))
    if not name and given is not None:
        return list(given)
    return list(TARGETS.get(name, [name or "value", "1"]))
