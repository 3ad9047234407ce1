"""Neighbours and triplets against alignn's own graphs."""

import numpy as np
import pytest
import torch
from ase.data import chemical_symbols
from graph_crystals import bcc, random_crystal
from jarvis.core.atoms import Atoms
from jarvis.core.specie import get_node_attributes

from lodestone.dft.relaxation import Geometry
from lodestone.graph_models import graphs
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.graphs import GraphSettings
from lodestone.graph_models.library import alignn, pure_model
from lodestone.structures import neighbours

build_pure_torch_graph = alignn("torch_graph_builder").build_pure_torch_graph
_bond_cosines = pure_model()._bond_cosines


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def alignn_graph(geometry, settings):
    inside = geometry.fractional - np.floor(geometry.fractional)
    elements = [chemical_symbols[z] for z in geometry.atomic_numbers]
    atoms = Atoms(lattice_mat=geometry.lattice_A, elements=elements, coords=inside, cartesian=False)
    cutoffs = settings.two_body_cutoff_A, settings.three_body_cutoff_A
    return build_pure_torch_graph(atoms, *cutoffs, settings.max_neighbours)


def rows(*columns):
    """Rows of columns in an order that does not depend on theirs; positions are rounded by jarvis."""
    table = np.column_stack([np.asarray(c, float) for c in columns])
    return table[np.lexsort(np.round(table, 3).T[::-1])]


SETTINGS = GraphSettings(5.0, 3.6)
CASES = [
    (random_crystal(1, 1), SETTINGS),
    (random_crystal(5, 2), SETTINGS),
    (random_crystal(7, 3), GraphSettings(5.0, 3.6, 9)),
    (random_crystal(2, 4, skewed=True), SETTINGS),
    (random_crystal(3, 5, skewed=True), GraphSettings(4.5, 4.5)),
    (bcc(2), GraphSettings(4.4, 3.0)),
    (random_crystal(4, 6), GraphSettings(8.0, 8.0, 6)),
]


@pytest.mark.parametrize(("geometry", "settings"), CASES)
def test_same_edges_and_triplets_as_alignn(geometry, settings):
    ours = graphs.build([geometry], settings, torch.float64)
    theirs, line = alignn_graph(geometry, settings)
    r = theirs.edata["r"]
    found = rows(ours.source, ours.destination, ours.edge)
    expected = rows(theirs.src, theirs.dst, r)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5)
    short = ours.edge[ours.short]
    a, b = short[ours.triplet_source], short[ours.triplet_destination]
    found = rows(_bond_cosines(a, b), a, b)
    expected = rows(_bond_cosines(r[line.src], r[line.dst]), r[line.src], r[line.dst])
    assert found.shape == expected.shape
    np.testing.assert_allclose(np.sort(found, 0), np.sort(expected, 0), atol=5e-5)
    np.testing.assert_array_equal(ours.features, theirs.ndata["atom_features"])


def test_edges_do_not_depend_on_where_atoms_are_written():
    geometry = random_crystal(4, 7)
    moved = Geometry(0, geometry.atomic_numbers, geometry.lattice_A, geometry.fractional + [[3], [-2], [0], [5]])
    one, other = (graphs.build([g], SETTINGS, torch.float64) for g in (geometry, moved))
    np.testing.assert_allclose(
        rows(one.source, one.destination, one.edge), rows(other.source, other.destination, other.edge), atol=1e-9
    )


def test_a_batch_holds_the_graphs_of_its_crystals():
    crystals = [random_crystal(n, n) for n in (1, 4, 2)]
    batch = graphs.build(crystals, SETTINGS)
    single = [graphs.build([c], SETTINGS) for c in crystals]
    for name in ("edge", "features", "atomic_number", "counts", "volume_A3"):
        assert torch.equal(getattr(batch, name), torch.cat([getattr(s, name) for s in single])), name
    starts = np.cumsum([0, *(len(s.short) for s in single)])
    joined = torch.cat([s.triplet_source + first for s, first in zip(single, starts, strict=False)])
    assert torch.equal(batch.triplet_source, joined)
    assert (batch.destination.diff() >= 0).all() and (batch.triplet_destination.diff() >= 0).all()


def test_twelve_neighbours_cut_through_the_shells_of_bcc():
    source, *_ = neighbours.edges(np.eye(3)[None] * 2.87, np.array([0, 2]), np.array([[0.0] * 3, [0.5] * 3]), 4.0)
    assert np.bincount(source).tolist() == [14, 14]


def test_features_of_all_elements():
    table = graphs.feature_table("cgcnn")
    assert table.shape == (119, 92) and np.isfinite(table[1:101]).all() and np.isnan(table[101:]).all()
    for symbol, z in (("Fe", 26), ("Nd", 60), ("B", 5)):
        assert table[z].tolist() == get_node_attributes(symbol, atom_features="cgcnn")
    assert graphs.feature_table("atomic_number")[60].tolist() == [60.0]


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ModelError, match="found 5.0 and 4.0 A, expected 0 < three-body"):
        GraphSettings(4.0, 5.0)
    with pytest.raises(ModelError, match="max_neighbours: found 0"):
        GraphSettings(4.0, 4.0, 0)
    with pytest.raises(ModelError, match="atomic number 110: found no features"):
        graphs.build([Geometry(0, np.array([110]), np.eye(3) * 3, np.zeros((1, 3)))], SETTINGS)
    with pytest.raises(ModelError, match="atom features: found 'colour'"):
        graphs.feature_table("colour")
