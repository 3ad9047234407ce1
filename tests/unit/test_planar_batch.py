"""The batched in-plane solver against the compiled one, on the CPU and small layers."""

import logging

import numpy as np
import planar_structures as structures
import pytest
import torch

from lodestone.artifacts.ledger import Ledger
from lodestone.artifacts.loops import Loops, Status
from lodestone.micromagnetics import loops, planar_batch, planar_batch_cost, planar_batch_window
from lodestone.micromagnetics import planar_batch_kernels as batch_kernels
from lodestone.micromagnetics import planar_kernels as kernels
from lodestone.micromagnetics.planar import PlanarSettings
from lodestone.micromagnetics.planar_batch_cost import Work
from lodestone.micromagnetics.planar_flow import flow
from lodestone.micromagnetics.planar_stray_field import PlanarStrayField

LOG = logging.getLogger(__name__)
CPU = torch.device("cpu")
SETTINGS = {"torque_tolerance": 1e-4, "max_iterations": 20_000, "backend": "gpu"}
FIELDS = structures.sweep_T(20)
COUNT = 4
# Rounding moves a converged state by the torque tolerance over the stiffness, which is of order one; between jumps
# the difference of two runs is therefore a few 1e-4 at most. Seen: 1e-6.
SAME = 5e-4


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def grains():
    return structures.batch(32, 6, np.arange(10, 10 + COUNT))


def run(folder, grains, fields_T=FIELDS, settings=SETTINGS, **options):
    with Ledger(folder / "loops.ledger", "key") as ledger:
        return planar_batch.run_batch_gpu(
            grains, fields_T, structures.MATERIAL, settings, ledger, LOG, device="cpu", **options
        )


@pytest.fixture(scope="module")
def computed(grains, tmp_path_factory):
    return run(tmp_path_factory.mktemp("all"), grains)


def ghosted(a):
    return np.pad(a.numpy(), 1)


def random_layer(seed, ny=12, nx=17):
    rng = np.random.default_rng(seed)
    angle, axis = rng.uniform(-np.pi, np.pi, (2, 1, ny, nx))
    parts = (
        np.sin(angle),
        np.cos(angle),
        2 * np.cos(2 * axis),
        2 * np.sin(2 * axis),
        *rng.normal(0, 0.1, (2, 1, ny, nx)),
    )
    return [torch.tensor(part, dtype=torch.float32) for part in parts]


def test_stray_field_is_that_of_the_compiled_solver():
    s, c, *_ = random_layer(1)
    bx, by = batch_kernels.StrayField(12, 17, structures.CELL_NM, CPU)(s, c)
    wanted = np.zeros((2, 14, 19), np.float32)
    PlanarStrayField(12, 17, structures.CELL_NM, "float32")(ghosted(s[0]), ghosted(c[0]), *wanted)
    # Fields are below 1: a few roundings of single precision.
    np.testing.assert_allclose(np.stack([bx[0], by[0]]), wanted[:, 1:-1, 1:-1], atol=2e-6)


def test_gradient_and_energy_are_those_of_the_compiled_solver():
    layer = random_layer(2)
    gradient, curvature, energy, torque = batch_kernels.evaluate(*layer, torch.tensor([-1.5]), 1.9)
    wanted = np.zeros((2, 14, 19), np.float32)
    arrays = [ghosted(a[0]) for a in layer]
    wanted_energy = kernels.evaluate(*arrays, np.float32(-1.5), np.float32(1.9), *wanted)
    wanted_torque = kernels.largest(wanted[0])
    # Terms of order 10 in single precision.
    np.testing.assert_allclose(np.stack([gradient[0], curvature[0]]), wanted[:, 1:-1, 1:-1], atol=1e-5)
    assert float(energy[0]) == pytest.approx(wanted_energy, rel=1e-6)
    assert float(torque[0]) == pytest.approx(wanted_torque, rel=1e-6)


def test_flow_is_that_of_the_compiled_solver_and_stands_still_for_no_time():
    s, c, kc, ks, bx, by = layer = random_layer(3)
    arrays = [ghosted(a[0]) for a in layer]
    real = np.float32
    work = np.zeros((10, *arrays[0].shape), real)
    flow(*arrays, real(-1.5), real(1.9), real(0.2), real(0.5), 3, 3, work)
    for time_step, wanted in ((0.2, arrays[0][1:-1, 1:-1]), (0.0, s[0].numpy())):
        moments = s, c
        for _ in range(3):
            moments = batch_kernels.flow_step(
                moments, (kc, ks, bx, by), torch.tensor([-1.5]), 1.9, torch.tensor([time_step]), 0.5
            )
        np.testing.assert_allclose(moments[0][0], wanted, atol=1e-5)  # three steps of roundings of single precision


def test_windows_hold_what_moves():
    rng = np.random.default_rng(6)
    ends = rng.integers(0, 160, (30, 4))
    gradient = torch.zeros(30, 160, 160)
    for k, (row, other_row, column, other_column) in enumerate(ends):
        gradient[k, row, column], gradient[k, other_row, other_column] = 1.0, -0.5
    parts = planar_batch_window.windows(gradient)
    assert sorted(np.concatenate([part.members for part in parts])) == list(range(30))
    assert {part.size for part in parts} > {96, 128, None}
    for part in (part for part in parts if part.size):
        rows, columns = part.cells(CPU)
        free = part.free((160, 160), CPU)
        inside = gradient[torch.as_tensor(part.members)[:, None, None], rows, columns]
        assert (inside.abs().sum((1, 2)) == gradient[part.members].abs().sum((1, 2))).all()
        assert ((inside * free).abs().sum((1, 2)) == inside.abs().sum((1, 2))).all()
        # The border of a window is held unless it is the border of the layer.
        for edge, start in ((free[:, 0, 1:-1], part.first[:, 0]), (free[:, 1:-1, 0], part.first[:, 1])):
            assert ((edge == 1).all(1).numpy() == (start == 0)).all()


def test_flow_in_a_window_is_that_of_the_layer_with_the_rest_held():
    s, c, kc, ks, bx, by = (a[:, :, :12] for a in random_layer(7))
    field, step, part = torch.tensor([-1.5]), torch.tensor([0.2]), np.s_[:, 2:9, :7]
    window = planar_batch_window.Windows(7, np.array([0]), np.array([[2, 0]]))
    free = window.free((12, 12), CPU)
    whole = torch.zeros(1, 12, 12)
    whole[part] = free
    wanted = batch_kernels.flow_step((s, c), (kc, ks, bx, by), field, 1.9, step, 0.5, whole)
    cut = [a[part] for a in (s, c, kc, ks, bx, by)]
    found = batch_kernels.flow_step((cut[0], cut[1]), tuple(cut[2:]), field, 1.9, step, 0.5, free)
    np.testing.assert_allclose(found[0], wanted[0][part], atol=1e-6)  # rounding of single precision
    held = whole == 0
    np.testing.assert_allclose(wanted[0][held], s[held], atol=1e-6)


def test_newton_step_is_a_positive_symmetric_operator():
    s, c, *_ = random_layer(4, 3, 4)
    curvature = torch.tensor(np.random.default_rng(4).normal(0, 5, (1, 3, 4)), dtype=torch.float32)
    unit = torch.eye(12).reshape(12, 1, 3, 4)
    matrix = np.stack([batch_kernels.newton_step(e, s, c, curvature, 1.9).numpy().ravel() for e in unit])
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    assert np.linalg.eigvalsh(matrix.astype(np.float64)).min() > 0


def test_curves_are_those_of_the_compiled_solver(grains, computed):
    whole = PlanarSettings(windows=False)
    for k in range(COUNT):
        reference = loops.curve(grains.axis_angle_rad(k), FIELDS, structures.MATERIAL, structures.CELL_NM, whole)
        still = structures.away_from_jumps(reference.magnetisation, 0.1)
        assert still.sum() > 20
        np.testing.assert_allclose(computed["magnetisation"][k][still], reference.magnetisation[still], atol=2e-3)
    assert (computed["status"] == Status.CONVERGED).all()
    assert computed["max_torque"].max() <= SETTINGS["torque_tolerance"]


def test_aligned_structures_reverse_at_the_same_field(tmp_path):
    grains = structures.batch(64, 12, np.arange(2))
    grains.grain_angle_rad[...] *= np.radians(5) / np.pi
    result = run(tmp_path, grains)
    for k in range(2):
        reference = loops.curve(grains.axis_angle_rad(k), FIELDS, structures.MATERIAL, structures.CELL_NM)
        pair = [structures.coercive_field(FIELDS, m) for m in (result["magnetisation"][k], reference.magnetisation)]
        assert abs(pair[0] - pair[1]) < FIELDS[0] - FIELDS[1]


def test_batch_size_changes_nothing(grains, computed, tmp_path):
    again = run(tmp_path, grains, slots=1)
    np.testing.assert_allclose(again["magnetisation"], computed["magnetisation"], atol=SAME)
    np.testing.assert_array_equal(again["step_status"], computed["step_status"])


def test_batch_composition_changes_nothing(computed, tmp_path):
    some = structures.batch(32, 6, np.array([13, 11]))
    result = run(tmp_path, some)
    np.testing.assert_allclose(result["magnetisation"], computed["magnetisation"][[3, 1]], atol=SAME)
    assert result["index"].tolist() == [13, 11]


def test_killed_batch_resumes(grains, computed, tmp_path, monkeypatch):
    append = Ledger.append

    def fail_at_third(self, item, arrays):
        if len(self) == 2:
            raise KeyboardInterrupt
        append(self, item, arrays)

    monkeypatch.setattr(Ledger, "append", fail_at_third)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, grains, slots=2)
    monkeypatch.undo()
    with Ledger(tmp_path / "loops.ledger", "key") as ledger:
        assert len(ledger.done) == 2
        before = dict(ledger.items())
    result = run(tmp_path, grains)
    np.testing.assert_allclose(result["magnetisation"], computed["magnetisation"], atol=SAME)
    for item, arrays in before.items():
        row = list(grains.index).index(item)
        np.testing.assert_array_equal(result["magnetisation"][row], arrays["magnetisation"])


def test_iteration_limit_is_reported(grains, tmp_path):
    result = run(tmp_path, grains, FIELDS[:22], {**SETTINGS, "max_iterations": 2})
    bad = result["step_status"] == Status.ITERATION_LIMIT
    assert bad.any()
    assert (result["max_torque"][bad] > SETTINGS["torque_tolerance"]).all()
    assert (result["max_torque"][~bad] <= SETTINGS["torque_tolerance"]).all()
    np.testing.assert_array_equal(result["status"], result["step_status"].max(1))


def test_result_is_an_artifact(computed, tmp_path):
    Loops(**computed, provenance=structures.PROVENANCE).write(tmp_path / "loops.h5")
    read = Loops.read(tmp_path / "loops.h5")
    np.testing.assert_array_equal(read.magnetisation, computed["magnetisation"])


def test_without_a_gpu_the_cpu_must_be_allowed(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv(planar_batch.ALLOW_CPU, raising=False)
    with pytest.raises(RuntimeError, match=r"hysteresis\.loops\.backend: found 'gpu'"):
        planar_batch.choose_device()
    assert planar_batch.choose_device(allow_cpu=True).type == "cpu"
    monkeypatch.setenv(planar_batch.ALLOW_CPU, "1")
    assert planar_batch.choose_device().type == "cpu"


def test_traffic_is_counted_between_its_parts_and_plain_operations():
    cells, padded = (160, 160), (320, 320)
    field = planar_batch_cost.stray_field_bytes(cells, padded)
    # Two spectra of 320 x 161 complex numbers written, multiplied and read back: no fewer than six passes.
    assert field > 6 * 320 * 161 * 8
    newton = planar_batch_cost.bytes_moved(Work(newtons=10), cells, padded, 5)
    flow = planar_batch_cost.bytes_moved(Work(flows=10, flow_steps=80), cells, padded, 5)
    # Counted with a dispatch hook, plain operations move 90 and 330 MB.
    assert 10 * field < newton < 10 * 90e6
    assert newton < flow < 10 * 330e6


def test_plain_operations_where_nothing_can_be_compiled(computed, tmp_path, monkeypatch, caplog):
    def refuse(*arguments, **options):
        raise RuntimeError("no compiler\nlong story")

    monkeypatch.setattr(torch, "compile", lambda function, **options: refuse)
    result = run(tmp_path, structures.batch(32, 6, np.array([11])), fuse=True)
    np.testing.assert_allclose(result["magnetisation"], computed["magnetisation"][1:2], atol=SAME)
    assert "torch.compile: no compiler; plain operations instead" in caplog.text


def test_batch_fits_into_the_memory():
    each = planar_batch.slot_bytes(160, 160, (320, 320), 8)
    assert planar_batch.slots_that_fit(4000, each, CPU) * each <= planar_batch.CPU_BYTES
    assert planar_batch.slots_that_fit(3, each, CPU) == 3
    assert planar_batch.slots_that_fit(3, 2 * planar_batch.CPU_BYTES, CPU) == 1
