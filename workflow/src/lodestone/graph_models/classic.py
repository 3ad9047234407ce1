"""Classic ALIGNN models with batch norms, for those who have DGL: what their body makes, and their output layer.

They cannot be evaluated without DGL, nor turned into other models; a transfer takes their features as they come.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lodestone.dft.relaxation import Geometry
from lodestone.graph_models.bodies import Body
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.library import alignn
from lodestone.graph_models.zoo import CONFIG_FILE, read_config, read_weights, weights_file

DGL = "dgl 1.1.3 (pip install dgl==1.1.3), or a model that works without it"


class ClassicModel:
    """A classic ALIGNN model.

    Parameters
    ----------
    path : path
        Folder with ``config.json`` and ``best_model.pt``, or a file of weights with ``config.json`` beside it.

    Attributes
    ----------
    head : (weight (output, hidden), bias (output,))

    Raises
    ------
    ModelError
        Without DGL, or for files that are not what they should be.
    """

    def __init__(self, path: str | Path) -> None:
        require_dgl(path)
        weights = weights_file(path)
        self.config = read_config(weights.parent / CONFIG_FILE)
        if self.config["model"].get("name") != "alignn":
            raise ModelError(path, f"model name {self.config['model'].get('name')!r}", "'alignn', the classic model")
        library = alignn("models.alignn")
        self.module = library.ALIGNN(library.ALIGNNConfig(**self.config["model"]))
        try:
            self.module.load_state_dict(read_weights(weights), strict=True)
        except RuntimeError as error:
            found = " ".join(str(error).split())[:200]
            raise ModelError(weights, found, "the tensors that its settings ask for") from error
        self.module.eval()  # batch norms keep their published means

    @property
    def head(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights and constants of the output layer."""
        layer = self.module.fc
        return layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()

    def features(self, geometries: Sequence[Geometry]) -> Body:
        """Features and outputs of crystals, one after the other."""
        seen: list[torch.Tensor] = []
        handle = self.module.fc.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
        try:
            with torch.no_grad():
                outputs = [np.atleast_1d(self.module(self._graph(g)).double().numpy()) for g in geometries]
        finally:
            handle.remove()
        found = torch.stack([rows.reshape(-1) for rows in seen]).double().numpy()
        return Body(found, np.stack(outputs), np.zeros(len(geometries)))

    def _graph(self, geometry: Geometry) -> Any:
        """Graph as the model was trained on."""
        from ase.data import chemical_symbols
        from jarvis.core.atoms import Atoms

        atoms = Atoms(
            lattice_mat=np.asarray(geometry.lattice_A),
            coords=np.asarray(geometry.fractional),
            elements=[chemical_symbols[z] for z in geometry.atomic_numbers],
            cartesian=False,
        )
        with contextlib.redirect_stdout(io.StringIO()):
            graph, line_graph = alignn("graphs").Graph.atom_dgl_multigraph(
                atoms,
                cutoff=float(self.config.get("cutoff", 8.0)),
                max_neighbors=int(self.config.get("max_neighbors", 12)),
                atom_features=str(self.config.get("atom_features", "cgcnn")),
                use_canonize=bool(self.config.get("use_canonize", True)),
            )
        return graph, line_graph, torch.tensor(np.asarray(geometry.lattice_A), dtype=torch.float32)


def require_dgl(where: str | Path) -> None:
    """Raise a `ModelError` unless DGL can be imported."""
    try:
        import dgl  # noqa: F401
    except Exception as error:  # newer versions of DGL fail in many ways beside newer versions of torch
        found = f"no usable DGL ({type(error).__name__}: {' '.join(str(error).split())[:120]})"
        raise ModelError(f"classic ALIGNN model {where}", found, DGL) from error
