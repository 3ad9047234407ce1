"""Read AkaiKKR outputs of any version: what was asked, what came out, and whether the run came to its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from lodestone.kkr import output_blocks as blocks
from lodestone.kkr.j_table import read_couplings, read_molecular_fields
from lodestone.kkr.lines import NUMBER, Lines, OutputError, assignments, number, numbers, plain
from lodestone.kkr.output_checks import check_whole
from lodestone.kkr.output_types import AkaiKKROutput

_MESH = re.compile(r"\s*meshr\s+mse\s+ng\s+mxl")
_REFUSED = re.compile(r"unknown token|unknown option|not defined|illegal", re.IGNORECASE)
_ELAPSED = re.compile(r"elapsed time\s+(\S+) sec(?: \(\s*(\d+) threads\))?")
_RECORD_LINES = 40
_JUNK = re.compile("[\\x00-\\x08\\x0e-\\x1f\\x7f\\ufffd]")
_ITERATION = ("itr", "neu", "moment", "te", "err")
# Also the date with which the next run of the same file begins.
_LAST_LINES = re.compile(r"\s*(sbtime|routine|count|cpu|total cpu|elapsed|debug|\d+-\w{3}-\d{4}|\d\d:\d\d:\d\d)")
_CONDUCTIVITY = re.compile(rf"(cnd[12]|resistivity)\s+({NUMBER})\s+\(")


def read_output(path: str | Path) -> AkaiKKROutput:
    """Read one AkaiKKR output; of a file with several runs, the last.

    Parameters
    ----------
    path : path
        What the program printed.

    Returns
    -------
    AkaiKKROutput
        Also for a run that did not converge or was cut off: see `converged` and `finished`.

    Raises
    ------
    OutputError
        A `ValueError` with file and line: the file is no output of AkaiKKR, the program refused its input, or a line
        cannot be read.
    """
    return read_outputs(path)[-1]


def read_outputs(path: str | Path) -> list[AkaiKKROutput]:
    """Read every run in a file; see `read_output`."""
    if Path(path).is_dir():
        raise OutputError(str(path), 1, "a folder", "an output of AkaiKKR, which is a file")
    text = Path(path).read_text(errors="replace")
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if _JUNK.search(line):
            raise OutputError(str(path), at + 1, line, "text; this has bytes that no program prints")
    if lines and not text.endswith("\n") and not _ELAPSED.search(lines[-1]):
        # A run that was killed in the middle of a line: half a number must not pass for one.
        lines.pop()
    starts = [i for i, line in enumerate(lines) if _MESH.match(line)]
    if not starts:
        raise _no_output(str(path), lines)
    begins = [0, *starts[1:]]
    ends = [*starts[1:], len(lines)]
    return [_read_run(Lines(str(path), lines[a:b], a + 1)) for a, b in zip(begins, ends, strict=True)]


def _no_output(path: str, lines: list[str]) -> OutputError:
    """Say which line shows that this is no output."""
    for at, line in enumerate(lines[:_RECORD_LINES]):
        if _REFUSED.search(line):
            return OutputError(path, at + 1, line, "an output of AkaiKKR; the program refused its input")
    at, line = next(((i, x) for i, x in enumerate(lines) if x.strip()), (0, ""))
    return OutputError(path, at + 1, line, "an output of AkaiKKR, which has a line 'meshr mse ng mxl'")


def _read_run(lines: Lines) -> AkaiKKROutput:
    """Read one run, line by line; each kind of block has its reader."""
    out = AkaiKKROutput(lines.path)
    started: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        if out.finished and not _LAST_LINES.match(line):
            # Runs with conductivities print their time once before them.
            out.finished = False
        if not out.mesh and not _MESH.match(line):
            started.append(line.strip())
            continue
        try:
            if not _dispatch(line, lines, out):
                _single(line, out)
        except OutputError:
            raise
        except (ValueError, IndexError) as error:
            raise lines.error(lines.lines[lines.at - 1], "numbers as AkaiKKR prints them") from error
        if not out.parameters and lines.at > _RECORD_LINES:
            raise lines.error(line, "a block 'data read in' near the beginning")
    out.started = " ".join(text for text in started if not text.startswith("debug"))
    if not out.parameters:
        raise lines.error(lines.lines[-1], "a block 'data read in'")
    check_whole(lines, out)
    return out


_BLOCKS: tuple[tuple[re.Pattern[str], Callable[[str, Lines, AkaiKKROutput], None]], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"\s*meshr\s+mse", blocks.mesh),
        (r"\s*data read in", blocks.parameters),
        (r"\s*complex energy mesh", blocks.energy_mesh),
        (r"\s*lattice constant", blocks.lattice),
        (r"\s*primitive translation", blocks.primitive_vectors),
        (r"\s*reciprocal lattice", blocks.reciprocal_vectors),
        (r"\s*type of site", blocks.site_types),
        (r"\s*atoms in the unit cell", blocks.atoms),
        (r"\s*symop ", blocks.symmetry),
        (r"\s*core configuration for", blocks.core_configuration),
        (r"\s*nl\s+cnf\s+energy", blocks.atomic_levels),
        (r"\s*sdftyp=.*dmpc=", blocks.last_iteration),
        (r"\s*\*\*\* type-", blocks.component),
        (r"\s*sbtime report", blocks.routine_times),
        (r"\s*J_ij calculation starts", lambda line, lines, out: read_couplings(lines, out)),
        (r"\s*Tc calculation starts", lambda line, lines, out: read_molecular_fields(lines, out)),
    )
)


def _dispatch(line: str, lines: Lines, out: AkaiKKROutput) -> bool:
    """Hand a block to its reader; False if the line begins none."""
    for pattern, reader in _BLOCKS:
        if pattern.match(line):
            reader(line, lines, out)
            return True
    return False


def _single(line: str, out: AkaiKKROutput) -> None:
    """Lines that stand on their own."""
    text = line.strip()
    if text.startswith(("***wrn", "***msg", "***err")):
        out.messages.append(text)
    elif text.startswith("*** no convergence"):
        out.no_convergence = True
    elif text.startswith("open f-core"):
        out.open_core = True
    elif match := re.match(r"itr=\s*(\d+)\s+rms error =\s*(\S+)", text):
        out.atomic_iterations.append((int(match.group(1)), number(match.group(2))))
    elif text.startswith("itr=") and "te=" in text:
        values = assignments(text)
        if missing := [name for name in _ITERATION if name not in values]:
            raise ValueError(f"no {missing[0]}=")
        out.iterations.append({name: number(values[name]) for name in _ITERATION})
    elif match := _ELAPSED.search(text):
        out.finished = True
        out.elapsed_s = number(match.group(1))
        out.threads = int(match.group(2)) if match.group(2) else None
    elif match := _CONDUCTIVITY.match(text):
        if match.group(1) == "resistivity":
            out.resistivity_uohm_cm = number(match.group(2))
        else:
            out.conductivity_au.append(number(match.group(2)))
    elif text.startswith("total cpu"):
        out.routine_times["total cpu"] = numbers(text)
    elif found := {key: plain(value) for key, value in assignments(text).items()}:
        values_only = {key: float(value) for key, value in found.items() if isinstance(value, int | float)}
        if values_only:
            out.numbers.append(values_only)
