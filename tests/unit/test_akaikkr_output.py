"""AkaiKKR outputs: every number of the real ones, other versions, and what is no output at all."""

import re
from pathlib import Path

import numpy as np
import pytest

import lodestone
from lodestone.kkr.lines import OutputError
from lodestone.kkr.output import read_output, read_outputs

DATA = Path(__file__).parents[1] / "data" / "akaikkr"
REAL = ["Fe/out_go.log", "Fe/out_tc.log", "Fe/out_j3.0.log", "SmCo5_oc/out_tc.log", "SmCo5_oc/out_j3.0.log"]
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+\.?\d*(?:[EeDd][-+]?\d+)?")


def values_of(thing):
    """Every number anywhere in a parsed output."""
    if isinstance(thing, bool) or thing is None:
        return
    if isinstance(thing, int | float):
        yield float(thing)
    elif isinstance(thing, str):
        yield from (float(n) for n in re.findall(r"\d+\.?\d*", thing))
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield from values_of(key)
            yield from values_of(value)
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from values_of(value)
    elif hasattr(thing, "__dataclass_fields__"):
        for name in thing.__dataclass_fields__:
            yield from values_of(getattr(thing, name))


@pytest.mark.parametrize("name", REAL)
def test_every_number_is_read_exactly(name):
    text = (DATA / name).read_text()
    # Labels and units, not results: the numbering of mesh points, the shells' names, the Q of C4^3 and the like.
    text = re.sub(
        r"\(\d[spdfg]\)|(?<![.\d])\d+\(\s|symop.*|C\d[^ ]*|\* ?\d|\(in units of 2\*pi/a\)|routine.*", " ", text
    )
    wanted = {float(n.replace("D", "E")) for n in NUMBER.findall(text)}
    found = set(values_of(read_output(DATA / name)))
    assert sorted(wanted - found) == []


def test_the_converged_iron():
    out = read_output(DATA / "Fe" / "out_go.log")
    assert (out.go, out.converged, out.finished, len(out.iterations)) == ("go", True, True, 47)
    assert out.total_energy_Ry == -2541.020741005
    assert out.moments_muB == {"Fe_0": [2.36106]}
    assert out.iterations[-1] == {"itr": 47, "neu": 0.0, "moment": 2.3192, "te": -2541.02074101, "err": -6.341}
    iron = out.components[0]
    assert iron.core_levels_down_Ry == {
        "1s": -511.8748027, "2s": -58.7834568, "2p": -49.9773028, "3s": -5.5137928, "3p": -3.0538132,
    }  # fmt: skip
    assert iron.hyperfine_kG == {"total": -294.996, "core": -260.349, "valence": -34.647, "orbital": 0.0}
    assert iron.nuclear_core_density["1s"] == 13541.9808
    assert (out.elapsed_s, out.threads) == (0.32, 14)
    assert out.messages == [
        "***wrn in chklat...given rmt's conflict; reduced",
        "***msg in spmain...new ew, ez generated",
    ]


def test_the_open_core():
    out = read_output(DATA / "SmCo5_oc" / "out_tc.log")
    assert out.open_core
    assert out.Tc_K == 1081.694
    assert out.molecular_fields == [
        (1, 1, 0.007043, 95.827430), (2, 1, 0.021839, 297.138471), (3, 1, 0.020879, 284.079525),
    ]  # fmt: skip
    assert out.components[0].shallow_levels == ["5p up", "5p down"]
    assert out.components[0].core_levels_down_Ry["4f"] == 0.3127664
    assert out.orbital_moments_muB == {"Sm_0": [0.0142], "Co_1": [0.10676], "Co_2": [0.12704]}


def test_couplings_are_a_table_and_mappings():
    out = lodestone.read_akaikkr_output(DATA / "Fe" / "out_j3.0.log")
    assert out["Tc_K"] == 1411.050
    assert len(out["jij"]) == 11
    first = out["jij"][0]
    assert (first["J_meV"], first["multiplicity"], first["distance"]) == (15.805757, 8, 1.0)
    assert dict(out)["converged"] is True
    assert not out.finished  # the file was cut off
    assert len(out.pairs) == 8


def test_older_versions_call_the_last_column_dgn(tmp_path):
    path = tmp_path / "old.log"
    path.write_text((DATA / "Fe" / "out_j3.0.log").read_text().replace("  mult\n", "  dgn\n"))
    assert read_output(path).couplings == read_output(DATA / "Fe" / "out_j3.0.log").couplings


def test_alloys_have_a_row_for_each_pair_of_components():
    out = read_output(DATA / "NiFe" / "out_j3.0.excerpt.log")
    assert out.moments_muB == {"Fe0.1Ni0.9_0": [2.69715, 0.57138]}
    pairs = {(row.component_1, row.component_2) for row in out.couplings}
    assert pairs == {(1, 1), (1, 2), (2, 2)}
    assert out.types[0].components == [(26.0, 0.1), (28.0, 0.9)]


def test_an_older_header_and_no_convergence(tmp_path):
    text = (DATA / "Fe" / "out_go.log").read_text()
    text = text.replace("magtyp=mag     record=init", "magtyp=mag \n   record=init")
    text = text.replace("   interval= 47", "   *** no convergence\n   interval= 47")
    path = tmp_path / "old.log"
    path.write_text(text.replace("   band energy=    4.215248879   total", "   total"))
    out = read_output(path)
    assert (out.converged, out.finished, out.band_energy_Ry) == (False, True, None)
    assert (out.parameters["magtyp"], out.parameters["record"]) == ("mag", "init")
    assert out.total_energy_Ry == -2541.020741005


def test_several_runs_in_one_file(tmp_path):
    path = tmp_path / "both.log"
    path.write_text((DATA / "Fe" / "out_go.log").read_text() + (DATA / "Fe" / "out_tc.log").read_text())
    assert [out.go for out in read_outputs(path)] == ["go", "tc"]
    assert read_output(path).Tc_K == 1235.243


@pytest.mark.parametrize("name", REAL)
def test_cut_off_anywhere_it_is_read_or_refused_by_line(tmp_path, name):
    text = (DATA / name).read_text()
    path = tmp_path / "cut.log"
    for length in range(0, len(text), 211):  # 211 is a prime: the cuts fall on all columns
        path.write_text(text[:length])
        try:
            out = read_output(path)
        except OutputError as error:
            assert str(path) in str(error) and f"line {error.line}" in str(error)
        else:
            assert out.converged <= bool(out.last_iteration)
            assert not out.finished or "sbtime report" in text[:length]


def test_an_error_of_the_program_is_no_convergence(tmp_path):
    path = tmp_path / "error.log"
    path.write_text((DATA / "Fe" / "out_go.log").read_text() + " ***err in corcnf...core state not found\n")
    out = read_output(path)
    assert out.errors == ["***err in corcnf...core state not found"]
    assert not out.converged


def test_a_diverged_run_has_nan(tmp_path):
    text = (
        (DATA / "Fe" / "out_go.log")
        .read_text()
        .replace("te=  -2541.02074101  err= -6.341", "te=*********** err=   NaN")
    )
    path = tmp_path / "nan.log"
    path.write_text(text)
    last = read_output(path).iterations[-1]
    assert np.isnan(last["te"]) and np.isnan(last["err"])


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [("", 1, "''"), ("\n\nhello\n", 3, "hello"), (" meshr   mse    ng   mxl\n 1 2 3\n", 2, "1 2 3")],
)
def test_what_is_no_output_is_refused(tmp_path, content, line, found):
    path = tmp_path / "other.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"line {line}: found .*{found}"):
        lodestone.read_akaikkr_output(path)


def test_a_refused_input_says_so():
    with pytest.raises(ValueError, match=r"line 3: found 'unknown token: mse=5', expected .* refused its input"):
        read_output(DATA / "bad_option_out_go.log")


def test_a_spoilt_row_is_refused_by_its_line(tmp_path):
    lines = (DATA / "Fe" / "out_j3.0.log").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "11.180797" in line)
    lines[at] = lines[at].replace("11.180797    6", "11.180797")
    path = tmp_path / "spoilt.log"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=f"line {at + 1}: .*12 numbers"):
        read_output(path)
