"""Couplings from every source in one convention, and the temperatures that follow without Monte Carlo."""

from pathlib import Path

import numpy as np
import pytest

import lodestone
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.kkr import mean_field, rpa, sources, stiffness
from lodestone.kkr.exchange import from_akaikkr, from_bonds
from lodestone.kkr.j_table import read_couplings
from lodestone.kkr.lines import Lines
from lodestone.kkr.output import read_output
from lodestone.kkr.output_types import AkaiKKROutput, SiteType
from lodestone.magnetism.units import K_B_MEV

DATA = Path(__file__).parents[1] / "data" / "akaikkr"
SHIPPED = Path(__file__).parents[2] / "config" / "data" / "exchange" / "bcc_Fe_j.log"
PROVENANCE = Provenance(backend="test", seed=0, config_sha256="0" * 64)
AXES = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
WATSON = 1.516386059  # integral of 1 / (1 - mean of cosines) over the simple cubic zone


def simple_cubic(pair_meV=1.0):
    """One coupling per pair: half of it in each direction of our convention."""
    return from_bonds(
        lattice_A=np.eye(3), fractional=[[0, 0, 0]], moment_muB=[1.0], source=[0] * 3, target=[0] * 3, cell=AXES,
        meV=[pair_meV / 2] * 3, name="simple cubic", provenance=PROVENANCE,
    )  # fmt: skip


def doubled(sign=1.0):
    """The simple cubic lattice as two sublattices along x, coupled with this sign."""
    J = sign * 0.5
    return from_bonds(
        lattice_A=np.diag([2.0, 1, 1]), fractional=[[0, 0, 0], [0.5, 0, 0]], moment_muB=[1.0, 1.0],
        source=[0, 1, 0, 0, 1, 1], target=[1, 0, 0, 0, 1, 1],
        cell=[[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]], meV=[J, J, 0.5, 0.5, 0.5, 0.5],
        name="doubled", provenance=PROVENANCE,
    )  # fmt: skip


def iron():
    return from_akaikkr(read_output(DATA / "Fe" / "out_j3.0.log"), "Fe", PROVENANCE)


def co2mnsi():
    """The real table with four atoms; the cell is written down from the structure."""
    out = AkaiKKROutput("Co2MnSi", parameters={"go": "j3.0"}, lattice={"a": 7.49})
    out.last_iteration = {"dmpc": 0.1}
    out.primitive_vectors = [(0, 0.70711, 0.70711), (0.70711, 0, 0.70711), (0.70711, 0.70711, 0)]
    kinds = (("Mn_0", 25), ("Co_1", 27), ("Si_2", 14))
    out.types = [SiteType(name, 0.0, 0.0, 2, [(z, 1.0)]) for name, z in kinds]
    edge = np.sqrt(2)
    places = ((0.5, "Mn_0"), (0.25, "Co_1"), (0.75, "Co_1"), (0.0, "Si_2"))
    out.atoms = [((x * edge,) * 3, name) for x, name in places]
    lines = Lines("table", (DATA / "Co2MnSi" / "j_table.excerpt.txt").read_text().splitlines(), 1)
    lines.at = 1
    read_couplings(lines, out)
    return out


@pytest.mark.parametrize("name", ["Fe/out_j3.0.log", "NiFe/out_j3.0.excerpt.log"])
def test_mean_field_temperature_is_the_printed_one(name):
    out = read_output(DATA / name)
    found = lodestone.curie_temperature(out)
    assert found == pytest.approx(out.Tc_K, rel=1e-5)  # far within the 0.1 % that are asked for


def test_mean_field_temperature_of_several_sublattices():
    out = co2mnsi()
    exchange = from_akaikkr(out, "Co2MnSi", PROVENANCE)
    assert exchange.complete == 1
    assert mean_field.curie_temperature_K(exchange) == pytest.approx(908.368, rel=1e-5)


def test_the_shipped_example_needs_no_program():
    assert lodestone.curie_temperature(SHIPPED) == pytest.approx(1411.05, rel=1e-5)


def changed(tmp_path, name, *replaced, drop=None):
    """A real output with pieces of text replaced, and perhaps without one line."""
    text = (DATA / name).read_text()
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    lines = [line for line in text.splitlines(keepends=True) if drop is None or drop not in line]
    path = tmp_path / Path(name).name
    path.write_text("".join(lines))
    return path


FAULTS = [
    ([("   interval=", "   *** no convergence\n   interval=")], None, Status.NOT_CONVERGED, "10^-6.34"),
    ([("   ***** self", " ***err in jmat...no pairs\n   ***** self")], None, Status.FAILED, "no pairs"),
    ([], "Tc (in mean field", Status.FAILED, "cut off or lacks rows"),
    ([], "     11    1  1    1  1", Status.FAILED, "cut off or lacks rows"),
]


@pytest.mark.parametrize(("replaced", "drop", "status", "told"), FAULTS)
def test_what_did_not_end_well_has_a_status_and_no_temperature(tmp_path, replaced, drop, status, told):
    path = changed(tmp_path, "Fe/out_j3.0.log", *replaced, drop=drop)
    exchange = sources.read(path, PROVENANCE)
    assert exchange.status == status
    assert exchange.message.startswith("out_j3.0.log: ") and told in exchange.message
    for method in ("mean_field", "rpa", "monte_carlo"):
        with pytest.raises(ValueError, match=r"exchange of out_j3.0: .*no temperature follows"):
            lodestone.curie_temperature(path, method)


def test_the_list_of_pairs_behind_the_table_may_be_cut_off(tmp_path):
    cut = sources.read(DATA / "Fe" / "out_j3.0.log", PROVENANCE)
    assert (cut.status, cut.complete, cut.message) == (
        Status.CONVERGED, 1, "out_j3.0.log: ends behind the table of J_ij, before the run",
    )  # fmt: skip
    whole = tmp_path / "whole.log"
    whole.write_text((DATA / "Fe" / "out_j3.0.log").read_text() + "\n elapsed time 0.3 sec\n")
    assert (sources.read(whole, PROVENANCE).status, sources.read(whole, PROVENANCE).message) == (Status.CONVERGED, "")


@pytest.mark.parametrize("row", ["10    1  1    2  2  0.7071", "4    1  1    1  2  1.4142"])
def test_a_table_of_an_alloy_lacks_one_pair_of_components(tmp_path, row):
    assert sources.read(DATA / "NiFe" / "out_j3.0.excerpt.log", PROVENANCE).complete == 1
    exchange = sources.read(changed(tmp_path, "NiFe/out_j3.0.excerpt.log", drop=row), PROVENANCE)
    assert (exchange.complete, exchange.status) == (0, Status.FAILED)
    with pytest.raises(ValueError, match="the table of J_ij is not complete"):
        mean_field.curie_temperature_K(exchange)


def test_bonds_are_spread_by_symmetry():
    exchange = iron()
    distance = np.linalg.norm(exchange.bond_vector_A, axis=1) / (4.69036 * 0.529177210544)
    shells, counts = np.unique(np.round(distance, 3), return_counts=True)
    assert dict(zip(shells.tolist(), counts.tolist(), strict=True))[3.0] == 32  # 8 and 24 with different J
    nearest = exchange.bond_meV[distance < 1.01]
    assert nearest.tolist() == [15.805757] * 8
    listed = {(tuple(pair.cell), pair.J_meV) for pair in read_output(DATA / "Fe" / "out_j3.0.log").pairs}
    ours = {(tuple(c), J) for c, J in zip(exchange.bond_cell.tolist(), exchange.bond_meV.tolist(), strict=True)}
    assert listed <= ours  # the program's own list of pairs, as far as the file goes


def test_open_core_moments_are_added_for_rare_earths():
    out = read_output(DATA / "SmCo5_oc" / "out_j3.0.excerpt.log")
    exchange = from_akaikkr(out, "SmCo5", PROVENANCE)
    assert exchange.complete == 0  # an excerpt
    assert exchange.f_moment_muB.tolist() == pytest.approx([5 / 7, 0, 0, 0, 0, 0])
    assert exchange.total_moment_muB[0] == pytest.approx(-0.54876 + 0.01420 + 5 / 7)
    with pytest.raises(ValueError, match="the table of J_ij is not complete"):
        mean_field.curie_temperature_K(exchange)


def test_simple_cubic_in_mean_field_and_rpa():
    exchange = simple_cubic()
    assert mean_field.curie_temperature_K(exchange) * K_B_MEV == pytest.approx(2.0, rel=1e-12)
    # The error of the zone average, extrapolated from two meshes, is below 1e-4.
    assert rpa.curie_temperature_K(exchange) * K_B_MEV == pytest.approx(2 / WATSON, rel=1e-4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_two_sublattices_order_like_one(sign):
    """A Neel state of nearest neighbours has the temperatures and the stiffness of the ferromagnet."""
    exchange = doubled(sign)
    assert mean_field.curie_temperature_K(exchange) * K_B_MEV == pytest.approx(2.0, rel=1e-12)
    assert rpa.curie_temperature_K(exchange) * K_B_MEV == pytest.approx(2 / WATSON, rel=2e-4)
    one = stiffness.stiffness_tensor(simple_cubic(), 0.0)
    assert stiffness.stiffness_tensor(exchange, 0.0) == pytest.approx(one, abs=1e-18)
    assert mean_field.gauge(exchange).tolist() == [1.0, sign]


def test_rpa_of_iron_lies_between_experiment_and_mean_field():
    found = rpa.curie_temperature_K(iron())
    assert 1044 < found < 1411
    assert rpa.curie_temperature_K(iron(), 16) == pytest.approx(found, rel=2e-3)  # meshes


def test_a_spiral_has_no_rpa_temperature():
    exchange = from_bonds(
        lattice_A=np.eye(3), fractional=[[0, 0, 0]], moment_muB=[1.0], source=[0] * 4, target=[0] * 4,
        cell=[*AXES, [2, 0, 0]], meV=[1.0, 1.0, 1.0, -0.5], name="spiral", provenance=PROVENANCE,
    )  # fmt: skip
    with pytest.raises(rpa.UnstableError, match="no ground state"):
        rpa.curie_temperature_K(exchange)


def test_nothing_orders_without_couplings():
    exchange = simple_cubic(-1.0)
    assert mean_field.curie_temperature_K(exchange) == 0.0
    with pytest.raises(rpa.UnstableError, match="no order"):
        rpa.curie_temperature_K(exchange)


def test_the_two_directions_of_a_bond_must_agree():
    with pytest.raises(ValueError, match="has two values"):
        from_bonds(
            lattice_A=np.eye(3), fractional=[[0, 0, 0]], moment_muB=[1.0], source=[0, 0], target=[0, 0],
            cell=[[1, 0, 0], [-1, 0, 0]], meV=[1.0, 2.0], name="bad", provenance=PROVENANCE,
        )  # fmt: skip


def asymmetric(difference):
    """One bond with values in both directions, a share of 1 meV apart."""
    return from_bonds(
        lattice_A=np.eye(3), fractional=[[0, 0, 0]], moment_muB=[1.0], source=[0, 0], target=[0, 0],
        cell=[[1, 0, 0], [-1, 0, 0]], meV=[1.0, 1.0 - difference], name="odd", provenance=PROVENANCE,
    )  # fmt: skip


def test_a_small_difference_of_the_directions_is_told(caplog):
    assert asymmetric(0.03).bond_meV == pytest.approx(0.985)
    assert not caplog.records  # 1.5 % to each side of the mean
    assert asymmetric(0.06).bond_meV == pytest.approx(0.97)
    assert "bond [0, 0, 1, 0, 0] (i, j, cell of j) has two values 0.06 meV apart, 6 % of" in caplog.text


@pytest.mark.parametrize("site", [[0, 1], [0, 0]])
def test_no_site_has_a_bond_with_itself(site):
    places = [[0, 0, 0], [0.5, 0, 0]][: max(site) + 1]
    target = [1, 0] if site == [0, 1] else [0, 1]  # the second bond: an atom, or two components of one site
    with pytest.raises(ValueError, match=r"exchange of loop: found a bond of component 0 .* site 0 with itself"):
        from_bonds(
            lattice_A=np.eye(3), fractional=places, moment_muB=[1.0, 1.0], source=[0, 0], target=target,
            cell=[[0, 0, 1], [0, 0, 0]], meV=[1.0, 1.0], name="loop", component_site=np.array(site),
            concentration=np.full(2, len(places) / 2), provenance=PROVENANCE,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["Fe/out_j3.0.log", "NiFe/out_j3.0.excerpt.log", "SmCo5_oc/out_j3.0.excerpt.log"])
def test_the_polarisation_is_the_printed_one(name):
    """Muffin-tin spheres leave spin between them: 2.361 mu_B in the sphere of iron, 2.3192 in its cell."""
    out = read_output(DATA / name)
    exchange = from_akaikkr(out, "one", PROVENANCE)
    moment = float(exchange.moment_muB @ exchange.concentration)
    assert moment == pytest.approx(out.total_moment_muB, abs=1e-4)
    assert lodestone.saturation_magnetisation(moment, exchange.volume_A3) == pytest.approx(
        out.magnetization_T, abs=2e-4
    )  # four decimals in tesla and in Bohr magnetons


def test_what_lies_between_spheres_is_shared_out_by_size(tmp_path):
    out = read_output(DATA / "SmCo5_oc" / "out_j3.0.excerpt.log")
    out.iterations[-1]["moment"] = 7.0337 - 0.4
    found = from_akaikkr(out, "SmCo5", PROVENANCE).moment_muB
    assert found.sum() == pytest.approx(6.6337)
    assert (found[0] + 0.54876) / 0.54876 == pytest.approx((found[1] - 1.51235) / 1.51235)


def test_what_cannot_be_a_source_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        lodestone.curie_temperature(tmp_path / "nothing.log")
    with pytest.raises(ValueError, match="found list, allowed are Exchange"):
        lodestone.curie_temperature([1, 2])
    with pytest.raises(ValueError, match="method: found 'guess', allowed are mean_field, rpa, monte_carlo"):
        lodestone.curie_temperature(SHIPPED, method="guess")
    with pytest.raises(ValueError, match="found no table of J_ij"):
        lodestone.curie_temperature(DATA / "Fe" / "out_tc.log")
