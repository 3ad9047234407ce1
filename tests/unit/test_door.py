"""The door for notebooks: light to import, true to its examples, and plain about what it refuses."""

import doctest
import inspect
import subprocess
import sys

import numpy as np
import pytest
from planar_structures import CELL_NM, MATERIAL, structure, sweep_T

import lodestone
from lodestone.magnetism.material import Material
from lodestone.micromagnetics import layer
from lodestone.micromagnetics.loops import LoopResult, curve

HEAVY = ("numpy", "scipy", "torch", "numba", "h5py", "matplotlib", "sklearn", "pandas", "snakemake", "yaml")
ANGLE = structure(12, 12, 4, 40, 2)


@pytest.mark.parametrize("module", ["lodestone", "lodestone.config", "lodestone.paths"])
def test_importing_costs_nothing(module):
    heavy = [name for name in HEAVY if not (name == "yaml" and module == "lodestone.config")]
    code = f"import sys, {module}; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_is_offered_is_there_and_documented():
    for name in lodestone.__all__:
        assert len(inspect.getdoc(getattr(lodestone, name))) > 100
    assert lodestone.__version__.count(".") == 2


def test_the_examples_are_true():
    failed, attempted = doctest.testmod(lodestone)
    assert attempted >= 2
    assert failed == 0


def test_the_signature_is_the_one_promised():
    signature = inspect.signature(lodestone.demagnetisation_curve)
    assert list(signature.parameters)[:2] == ["axis_angle_rad", "fields_T"]
    keywords = {n: p.default for n, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert keywords == {
        "cell_size_nm": (2, 2, 36000),
        "mu0_Ms_T": 1.61,
        "K1_J_m3": 4.2e6,
        "A_J_m": 8e-12,
        "in_plane": True,
    }


def test_it_is_the_curve_that_the_rules_compute():
    fields = sweep_T(20)
    found = lodestone.demagnetisation_curve(ANGLE, fields)
    assert isinstance(found, np.ndarray)
    assert found.shape == (41,)
    assert np.array_equal(found, curve(ANGLE, fields, MATERIAL, CELL_NM).magnetisation)
    assert np.array_equal(found, lodestone.demagnetisation_curve(ANGLE.tolist(), list(fields)))


def test_a_large_angle_starts_saturated_along_the_field():
    # Axis against the field: there is nothing to turn the magnetisation before the field does.
    found = lodestone.demagnetisation_curve(np.full((6, 6), np.pi), [0.0, -3.0])
    assert found == pytest.approx(1, abs=1e-3)


def test_fields_are_applied_in_the_order_given():
    down = lodestone.demagnetisation_curve(ANGLE, [0.0, -6.5, 0.0])
    assert down[0] > 0.7
    assert down[1] < -0.7
    assert down[2] == pytest.approx(-down[0], abs=1e-3)  # the state at remanence, turned round


@pytest.mark.parametrize("cell", [(2, 2, 36000), (2, 2.5, 36000)])
def test_the_general_solver_serves_what_the_fast_one_cannot(cell):
    fields = [6.0, 0.0, -1.0]
    kept, free = (lodestone.demagnetisation_curve(ANGLE, fields, cell_size_nm=cell, in_plane=p) for p in (True, False))
    # Tall cells stay in the plane of their own accord; both solvers stop at a torque of 1e-4 M_s.
    assert kept == pytest.approx(free, abs=1e-3)


def test_cells_that_are_nearly_square_are_nearly_the_same():
    fields = [6.0, 0.0, -1.0]
    square = lodestone.demagnetisation_curve(ANGLE, fields)
    other = lodestone.demagnetisation_curve(ANGLE, fields, cell_size_nm=(2, 2.0001, 36000))
    assert square == pytest.approx(other, abs=1e-3)


def test_a_weaker_anisotropy_is_reversed_sooner():
    fields = np.linspace(0, -6.5, 66)
    hard, soft = (lodestone.demagnetisation_curve(ANGLE, fields, K1_J_m3=k) for k in (4.2e6, 2.1e6))
    assert np.argmax(soft < 0) < 0.8 * np.argmax(hard < 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axis_angle_rad": np.zeros(4)}, r"axis_angle_rad: found shape \(4,\)"),
        ({"axis_angle_rad": np.zeros((0, 3))}, r"axis_angle_rad: found shape \(0, 3\)"),
        ({"axis_angle_rad": np.full((3, 3), np.inf)}, "axis_angle_rad: .*finite"),
        ({"fields_T": [0.0, np.nan]}, "fields_T: .*finite"),
        ({"fields_T": 1.0}, r"fields_T: found shape \(\)"),
        ({"cell_size_nm": (2, 2)}, r"cell_size_nm: found \(2, 2\), expected three positive lengths"),
        ({"cell_size_nm": (2, 2, -1)}, "cell_size_nm: found"),
        ({"cell_size_nm": (2, np.nan, 5)}, "cell_size_nm: found"),
        ({"mu0_Ms_T": 0}, "mu0_Ms_T: found 0, allowed are finite values > 0"),
        ({"K1_J_m3": -1.0}, "K1_J_m3: found -1.0"),
        ({"A_J_m": np.nan}, "A_J_m: found nan"),
    ],
)
def test_bad_arguments_are_refused_by_name(change, message):
    arguments = {"axis_angle_rad": ANGLE, "fields_T": [0.0], **change}
    with pytest.raises(ValueError, match=message):
        lodestone.demagnetisation_curve(**arguments)


@pytest.mark.parametrize("in_plane", [True, False])
def test_a_state_that_did_not_converge_is_an_error_and_names_its_field(monkeypatch, in_plane):
    status = np.array([0, 1, 2], np.uint8)
    result = LoopResult(np.zeros(3), status, np.zeros(3), 3, 2)
    monkeypatch.setattr(layer, "curve", lambda *a: result)
    monkeypatch.setattr(layer, "_free", lambda *a: (result.magnetisation, result.step_status))
    with pytest.raises(RuntimeError, match=r"no equilibrium found at 2 fields, first at mu0 H = -0\.5000 T"):
        lodestone.demagnetisation_curve(ANGLE, [0.0, -0.5, -1.0], in_plane=in_plane)


def test_the_default_material_is_that_of_the_study():
    defaults = inspect.signature(lodestone.demagnetisation_curve).parameters
    made = Material(*(defaults[name].default for name in ("mu0_Ms_T", "K1_J_m3", "A_J_m")))
    assert made == MATERIAL
