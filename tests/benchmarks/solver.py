"""Speed and accuracy of the in-plane solver on one core, printed as JSON.

    python tests/benchmarks/solver.py [number of random structures [number of isotropic ones beside the plain descent]]

Three sets: aligned grains, 100 of them within 15 degrees, the case on which other codes were timed, with a plain
descent in double precision beside it; random structures of the study; and ten isotropic ones of 48 x 48 cells beside
curves that followed the pure flow. Times are processor seconds of this process, so that other programs disturb them
little. For the cores not to be shared, `make bench` sets one thread per library.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from plain_descent import PlainDescent
from scipy import fft

from lodestone.magnetism.loop_figures import anchor_points
from lodestone.magnetism.material import Material
from lodestone.micromagnetics.loops import curve, warm_up
from lodestone.micromagnetics.planar_stray_field import PlanarStrayField
from lodestone.microstructure import voronoi

REFERENCES = Path(__file__).parents[1] / "data" / "reference_flow"
MATERIAL = Material(1.61, 4.2e6, 8e-12)
CELL_NM = (2.0, 2.0, 36000.0)
FIELDS_T = MATERIAL.anisotropy_field_T * np.linspace(1, -1, 201)
STEP_T = FIELDS_T[0] - FIELDS_T[1]
STUDY = {"cells": 160, "grain_count_min": 16, "grain_count_max": 256, "max_misorientation_deg": 180.0}
ALIGNED = {**STUDY, "grain_count_min": 100, "grain_count_max": 100, "max_misorientation_deg": 15.0}


def timed(function, *arguments):
    """Result and processor seconds."""
    start = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - start


def coercivity_T(magnetisation):
    """Coercive field in tesla."""
    values, exists = anchor_points(FIELDS_T, magnetisation, MATERIAL.anisotropy_field_T)
    return values[5] * MATERIAL.anisotropy_field_T if exists[5] else np.nan


def jump_free(reference):
    """Fields at which neither this nor the neighbouring steps of a curve are jumps."""
    jumps = np.abs(np.diff(reference, prepend=reference[0])) > 0.02
    return ~(jumps | np.roll(jumps, 1) | np.roll(jumps, -1))


def compare(axis_angle_rad, tolerance=1e-4):
    """The solver beside the plain descent on one structure."""
    ours, seconds = timed(curve, axis_angle_rad, FIELDS_T, MATERIAL, CELL_NM)
    plain = PlainDescent(axis_angle_rad, MATERIAL, CELL_NM)
    reference, plain_seconds = timed(plain.curve, FIELDS_T, tolerance)
    away = jump_free(reference)
    return {
        "seconds": round(seconds, 3),
        "evaluations": ours.evaluations,
        "plain_seconds": round(plain_seconds, 2),
        "plain_evaluations": plain.evaluations,
        "H_c_error_field_steps": round(abs(coercivity_T(ours.magnetisation) - coercivity_T(reference)) / STEP_T, 4),
        "largest_M_error_away_from_jumps": float(f"{np.abs(ours.magnetisation - reference)[away].max():.1e}"),
    }


def random_structures(count):
    """Processor seconds of a curve for structures of the study."""
    drawn = voronoi.batch(7, "labelled_structures", 0, count, STUDY)
    rows = [timed(curve, drawn.axis_angle_rad(k), FIELDS_T, MATERIAL, CELL_NM) for k in range(count)]
    seconds = np.array([row[1] for row in rows])
    return {
        "structures": count,
        "mean_seconds": round(float(seconds.mean()), 3),
        "median_seconds": round(float(np.median(seconds)), 3),
        "largest_seconds": round(float(seconds.max()), 3),
        "not_converged": int(sum(row[0].status != 0 for row in rows)),
        "minutes_for_1000_on_2_cores": round(float(seconds.mean()) * 1000 / 2 / 60, 1),
    }


def reversals():
    """Isotropic structures beside curves that followed the pure steepest-descent flow: where do avalanches end?"""
    rows = {}
    for path in sorted(REFERENCES.glob("seed*.npz")):
        with np.load(path) as data:
            angle, fields, reference = data["axis_angle_rad"], data["field_T"], data["magnetisation"]
        ours = curve(angle, fields, MATERIAL, CELL_NM).magnetisation
        error = np.abs(ours - reference)
        rows[path.stem] = {
            "H_c_error_field_steps": round(abs(coercivity_T(ours) - coercivity_T(reference)) / STEP_T, 3),
            "largest_M_error": float(f"{error.max():.0e}"),
            "fields_with_M_error_above_1e-3": int((error > 1e-3).sum()),
        }
    return rows


def isotropic(count):
    """Structures with axes beyond 70 degrees beside the plain descent, which takes minutes for each."""
    drawn = voronoi.batch(3, "labelled_structures", 0, 10 * count, STUDY)
    wide = np.flatnonzero(np.abs(drawn.max_misorientation_rad) > np.radians(70))[:count]
    return [compare(drawn.axis_angle_rad(k)) for k in wide]


def stray_field_times():
    """Milliseconds of one stray field of the layer, and of scipy's transforms for the same, without anything else."""
    stray = PlanarStrayField(160, 160, CELL_NM, "float32")
    moments = np.ones((162, 162), np.float32)
    field_x, field_y = np.zeros_like(moments), np.zeros_like(moments)
    stray(moments, moments, field_x, field_y)
    rounds = range(50)
    ours = min(timed(lambda: [stray(moments, moments, field_x, field_y) for _ in rounds])[1] for _ in range(5))
    return {"lodestone_ms": round(ours / 50 * 1e3, 3), "scipy_transforms_ms": transform_floor()}


def transform_floor():
    """Milliseconds of the four complex transforms of one evaluation by scipy, without anything else."""
    rows, whole = np.ones((160, 320), np.complex64), np.ones((320, 320), np.complex64)

    def once():
        fft.fft(fft.fft(rows, axis=1), 320, axis=0)
        fft.ifft(fft.ifft(whole, axis=0)[:160], axis=1)

    return round(min(timed(lambda: [once() for _ in range(50)])[1] for _ in range(5)) / 50 * 1e3, 3)


def main(count, isotropic_count):
    """Print the figures."""
    warm_up(MATERIAL)
    drawn = voronoi.batch(3, "labelled_structures", 0, 3, ALIGNED)
    PlainDescent(drawn.axis_angle_rad(0)[:16, :16], MATERIAL, CELL_NM).curve(FIELDS_T[:2], 1e-2)
    figures = {
        "stray_field": stray_field_times(),
        "aligned": [compare(drawn.axis_angle_rad(k)) for k in range(3)],
        "study": random_structures(count),
        "reversals": reversals(),
        "isotropic": isotropic(isotropic_count),
        # Seconds a curve of aligned grains takes on one core of such a machine, measured in autumn 2026.
        "others_s": {"fidimag": 93, "magnum.np": 16, "NeuralMag": 356},
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main(*(int(given) for given in (sys.argv[1:3] + ["16", "0"][len(sys.argv[1:3]) :])))
