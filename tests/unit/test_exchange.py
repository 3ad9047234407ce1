"""Couplings from every source in one convention, and the temperatures that follow without Monte Carlo."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import lodestone
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.kkr import convert, mean_field, rpa, sources, stiffness
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


def test_stiffness_of_nearest_neighbours_is_exact():
    """A = J/(2a) for one coupling J per pair in a simple cubic lattice of edge a (classical unit spins)."""
    found = stiffness.exchange_stiffness(simple_cubic())
    assert found.plain_J_m == pytest.approx(0.5 * 1e-3 * 1.602176634e-19 / 1e-10, rel=1e-9)
    assert found.A_J_m == pytest.approx(found.plain_J_m, rel=0.05)  # extrapolated by a parabola


def test_stiffness_of_iron_is_of_the_measured_size():
    assert 1e-11 < stiffness.exchange_stiffness(iron()).A_J_m < 5e-11  # measured: 2e-11 J/m


def test_the_two_directions_of_a_bond_must_agree():
    with pytest.raises(ValueError, match="has two values"):
        from_bonds(
            lattice_A=np.eye(3), fractional=[[0, 0, 0]], moment_muB=[1.0], source=[0, 0], target=[0, 0],
            cell=[[1, 0, 0], [-1, 0, 0]], meV=[1.0, 2.0], name="bad", provenance=PROVENANCE,
        )  # fmt: skip


def write_uppasd(folder, exchange, scale=1.0):
    """The files of an UppASD run with the couplings of an artifact."""
    folder.mkdir()
    cell = "\n     ".join(" ".join(map(repr, row)) for row in exchange.lattice_A.tolist())
    (folder / "inpsd.dat").write_text(
        f"simid test\ncell {cell}\nposfile ./posfile\nposfiletype D\nmomfile ./momfile\nmaptype 2\nexchange ./jfile\n"
        "alat 1.0e-10   # angstrom\n"
    )
    rows = zip(exchange.bond_source, exchange.bond_target, exchange.bond_cell, exchange.bond_meV, strict=True)
    text = "".join(f"{i + 1} {j + 1} {n[0]} {n[1]} {n[2]} {J * scale:.8f}\n" for i, j, n, J in rows)
    (folder / "jfile.gz").write_bytes(gzip.compress(text.encode()))
    places = enumerate(exchange.fractional.tolist(), 1)
    (folder / "posfile").write_text("".join(f"{i} {i} {x} {y} {z}\n" for i, (x, y, z) in places))
    (folder / "momfile").write_text("".join(f"{i} 1 {m} 0 0 1\n" for i, m in enumerate(exchange.moment_muB, 1)))


def test_uppasd_has_our_convention_in_mry(tmp_path):
    original = doubled()
    write_uppasd(tmp_path / "run", original, 1 / 13.605693122990)
    found = sources.exchange_of(tmp_path / "run")
    assert mean_field.curie_temperature_K(found) == pytest.approx(mean_field.curie_temperature_K(original), rel=1e-6)
    assert found.bond_vector_A.shape == original.bond_vector_A.shape
    assert stiffness.stiffness_tensor(found, 0.0) == pytest.approx(stiffness.stiffness_tensor(original, 0.0), rel=1e-6)


def test_a_spoilt_uppasd_file_is_named_with_its_line(tmp_path):
    write_uppasd(tmp_path / "run", doubled())
    (tmp_path / "run" / "momfile").write_text("1 1 2.2 0 0 1\n2 1\n")
    with pytest.raises(ValueError, match=r"momfile, line 2: found '2 1', expected atom, 1, moment"):
        convert.read_uppasd(tmp_path / "run", PROVENANCE)


UCF = """# Unit cell size:
2.87 2.87 2.87
# Unit cell vectors:
1.0 0.0 0.0
0.0 1.0 0.0
0.0 0.0 1.0
# Atoms num, id cx cy cz mat lc hc
2
0 0.0 0.0 0.0 0 0 0
1 0.5 0.5 0.5 0 0 0
#Interactions n exctype, id i j dx dy dz Jij
16 isotropic
"""


def test_vampire_counts_every_pair_once(tmp_path):
    rows, k = [], 0
    for x in (0, -1):
        for y in (0, -1):
            for z in (0, -1):
                rows += [f"{k} 0 1 {x} {y} {z} 1.6e-21", f"{k + 1} 1 0 {-x} {-y} {-z} 1.6e-21"]
                k += 2
    path = tmp_path / "fe.UCF"
    path.write_text(UCF + "\n".join(rows) + "\n")
    found = sources.exchange_of(path)
    one_way = 1.6e-21 / 1.602176634e-22 / 2  # J per pair in meV, half of it in each direction
    assert found.bond_meV == pytest.approx(one_way)
    assert mean_field.curie_temperature_K(found) == pytest.approx(2 / 3 * 8 * one_way / K_B_MEV)
    assert np.linalg.norm(found.bond_vector_A, axis=1) == pytest.approx(2.87 * np.sqrt(0.75))
    path.write_text(UCF.replace("16 isotropic", "16 normalised-isotropic") + "\n".join(rows) + "\n")
    with pytest.raises(ValueError, match=r"line 12: .*isotropic, vectorial or tensorial"):
        convert.read_vampire(path, PROVENANCE)


TB2J = """Exchange parameters generated by TB2J 0.9.
==========================================================================================
Cell (Angstrom):
 2.0000  0.0000  0.0000
 0.0000  2.0000  0.0000
 0.0000  0.0000  4.0000

==========================================================================================
Atoms:
(Note: charge and magmoms only count the wannier functions.)
Atom number              x          y          z     w_charge     M(x)     M(y)     M(z)
Fe1                      0.0000     0.0000     0.0000     7.9     0.0     0.0     2.1
Fe2                      0.0000     0.0000     2.0000     7.9     0.0     0.0     2.2
Total                                                    15.8     0.0     0.0     4.3

==========================================================================================
Exchange:
    i      j          R        J_iso(meV)          vector          distance(A)
----------------------------------------------------------------------------------------
   Fe1   Fe2   (  0,   0,   0)   10.1300        ( 0.000,  0.000,  2.000)     2.000
J_iso:  10.1300
   Fe1   Fe2   (  0,   0,  -1)   10.1300        ( 0.000,  0.000, -2.000)     2.000
J_iso:  10.1300
   Fe1   Fe1   (  1,   0,   0)    5.6000        ( 2.000,  0.000,  0.000)     2.000
J_iso:   5.6000
"""


def test_tb2j_has_our_convention(tmp_path):
    path = tmp_path / "exchange.out"
    path.write_text(TB2J)
    found = sources.exchange_of(path)
    assert found.moment_muB.tolist() == [2.1, 2.2]
    assert len(found.bond_meV) == 6  # every pair both ways
    assert np.linalg.norm(found.bond_vector_A, axis=1) == pytest.approx(2.0)
    assert mean_field.summed_couplings(found).tolist() == [[11.2, 20.26], [20.26, 0.0]]


def test_what_cannot_be_a_source_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        lodestone.curie_temperature(tmp_path / "nothing.log")
    with pytest.raises(ValueError, match="found list, allowed are Exchange"):
        lodestone.curie_temperature([1, 2])
    with pytest.raises(ValueError, match="method: found 'guess', allowed are mean_field, rpa, monte_carlo"):
        lodestone.curie_temperature(SHIPPED, method="guess")
    with pytest.raises(ValueError, match="found no table of J_ij"):
        lodestone.curie_temperature(DATA / "Fe" / "out_tc.log")
