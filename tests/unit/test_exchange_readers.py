"""Couplings from the files of UppASD, VAMPIRE and TB2J, and what is wrong with such files."""

import gzip

import numpy as np
import pytest
from test_exchange import PROVENANCE, doubled

import lodestone
from lodestone.kkr import convert, mean_field, sources, stiffness, tb2j
from lodestone.magnetism.units import K_B_MEV


def write_uppasd(folder, exchange, scale=1.0):
    """The files of an UppASD run with the couplings of an artifact."""
    folder.mkdir()
    cell = "\n     ".join(" ".join(map(repr, row)) for row in exchange.lattice_A.tolist())
    (folder / "inpsd.dat").write_text(
        f"simid test\ncell {cell}\nposfile ./posfile\nposfiletype D\nmomfile ./momfile\nmaptype 2\nexchange ./jfile\n"
        "alat 2.5e-10   # m, the unit of cell\n"
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
    # A is J R^2 over a volume: 2.5 times the lengths, A over 2.5.
    expected = stiffness.stiffness_tensor(original, 0.0) / 2.5
    assert stiffness.stiffness_tensor(found, 0.0) == pytest.approx(expected, rel=1e-6)


def test_a_spoilt_uppasd_file_is_named_with_its_line(tmp_path):
    write_uppasd(tmp_path / "run", doubled())
    (tmp_path / "run" / "momfile").write_text("1 1 2.2 0 0 1\n2 1\n")
    with pytest.raises(ValueError, match=r"momfile, line 2: found '2 1', expected atom, 1, moment"):
        convert.read_uppasd(tmp_path / "run", PROVENANCE)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("maptype 2", "maptype 2\nsym 1", r"found 'sym 1', expected sym 0"),
        ("maptype 2", "maptype 1", r"found 'maptype 1', expected maptype 2 or 3"),
        ("alat 2.5e-10", "# alat", r"expected the key alat"),
        ("alat 2.5e-10", "alat angstrom", r"found 'angstrom', expected a number: alat"),
        ("alat 2.5e-10", "alat 2.5", r"A\^3 for each of 2 atoms', expected 2 to 200 A\^3"),
        ("alat 2.5e-10", "alat 1.0e-10", r"found '1 A\^3 for each of 2 atoms'"),
    ],
)
def test_uppasd_settings_that_would_change_the_meaning_are_refused(tmp_path, old, new, told):
    write_uppasd(tmp_path / "run", doubled())
    path = tmp_path / "run" / "inpsd.dat"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=rf"inpsd.dat, line 1: .*{told}"):
        convert.read_uppasd(tmp_path / "run", PROVENANCE)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1 2 0 0 0 nan", "line 1: found '1 2 0 0 0 nan'"),
        ("1 2 0 0 0 0.5x", "line 1: found"),
        ("0 2 0 0 0 1.0", "atoms"),
    ],
)
def test_damaged_couplings_of_uppasd_are_named(tmp_path, row, told):
    write_uppasd(tmp_path / "run", doubled())
    (tmp_path / "run" / "jfile.gz").write_bytes(gzip.compress(f"{row}\n".encode()))
    with pytest.raises(ValueError, match=f"jfile.gz, line 1: .*{told.split(': ')[-1]}"):
        convert.read_uppasd(tmp_path / "run", PROVENANCE)
    (tmp_path / "run" / "jfile.gz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"jfile.gz, line 1: .*expected a text file that can be read"):
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


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("2.87 2.87 2.87", "2.87 2.87", 2),
        ("2.87 2.87 2.87", "2.87 2.87 2..87", 2),
        ("2.87 2.87 2.87", "0.287 0.287 0.287", 2),
        ("0.0 1.0 0.0", "0.0 one 0.0", 5),
        ("\n2\n", "\ntwo\n", 8),
        ("\n2\n", "\n200\n", 14),
        ("1 0.5 0.5 0.5", "1 0.5 0.5 0.5f", 10),
        ("16 isotropic", "many isotropic", 12),
        ("0 0 1 0 0 0 1e-21", "0 0 1 0 0 0 1e-2l", 13),
        ("0 0 1 0 0 0 1e-21", "0 0 7 0 0 0 1e-21", 13),
        ("0 0 1 0 0 0 1e-21", "0 0 1 0 0 0 inf", 13),
    ],
)
def test_damaged_numbers_of_vampire_are_named_with_their_line(tmp_path, old, new, line):
    text = UCF.replace("16 isotropic", "2 isotropic") + "0 0 1 0 0 0 1e-21\n1 1 0 0 0 0 1e-21\n"
    old, new = (part.replace("16 ", "2 ") for part in (old, new))
    path = tmp_path / "fe.ucf"
    path.write_text(text)
    assert len(convert.read_vampire(path, PROVENANCE).bond_meV) == 2
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=f"fe.ucf, line {line}: found"):
        convert.read_vampire(path, PROVENANCE)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (" 2.0000  0.0000  0.0000", " 2.0000  0.0000", 4),
        (" 0.0000  0.0000  4.0000", " 0.0000  0.0000  4.0o00", 6),
        (" 2.0000  0.0000  0.0000", " 200.00  0.0000  0.0000", 4),
        ("0.0     0.0     2.1", "0.0     2.1", 12),
        ("10.1300        ( 0.000,  0.000,  2.000)", "********       ( 0.000,  0.000,  2.000)", 20),
        ("10.1300        ( 0.000,  0.000,  2.000)", "1O.1300        ( 0.000,  0.000,  2.000)", 20),
        ("(  1,   0,   0)", "(  x,   0,   0)", 24),
    ],
)
def test_damaged_numbers_of_tb2j_are_named_with_their_line(tmp_path, old, new, line):
    path = tmp_path / "exchange.out"
    assert old in TB2J
    path.write_text(TB2J.replace(old, new, 1))
    with pytest.raises(ValueError, match=f"exchange.out, line {line}: found"):
        tb2j.read_tb2j(path, PROVENANCE)


def test_a_folder_is_no_output_of_akaikkr(tmp_path):
    with pytest.raises(ValueError, match="found 'a folder', expected an output of AkaiKKR"):
        lodestone.read_akaikkr_output(tmp_path)
