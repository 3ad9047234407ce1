"""The table of exchange couplings, the list of pairs and the molecular fields of an AkaiKKR output."""

from __future__ import annotations

import re

from lodestone.kkr.lines import Lines, assignments, number, numbers, plain
from lodestone.kkr.output_checks import check_coupling, check_field
from lodestone.kkr.output_types import AkaiKKROutput, Coupling, Pair

_TC = re.compile(r"Tc \(in mean field approximation\) =\s*(\S+?)\s*K")
# Versions differ in the name of the last column.
_HEADER = re.compile(r"index\s+site\s+comp\s+cell\s+distance\s+J_ij\s+J_ij\(meV\)\s+(mult|dgn)\b")
_ROW = "index, 2 sites, 2 components, 3 of the cell, distance, J in Ry, J in meV, multiplicity"
_PAIR = "number, 2 atoms, 2 components, 3 of the cell, distance, J in meV, index"


def read_couplings(lines: Lines, out: AkaiKKROutput) -> None:
    """Read what follows `J_ij calculation starts`, to the end of the list of pairs."""
    names: tuple[str, str] | None = None
    table = False
    known = [site.name for site in out.types]
    for line in lines:
        text = line.strip()
        if not text:
            continue
        if match := _TC.search(line):
            out.Tc_K = number(match.group(1))
            table = False
        elif _HEADER.search(line):
            if names is None:
                raise lines.error(line, "the names of the two types above this header")
            table = True
        elif text.startswith("index") and "J_ij" in text:
            raise lines.error(line, "the columns index site comp cell distance J_ij J_ij(meV) mult")
        elif text.startswith("pair#"):
            _read_pairs(lines, out)
            return
        elif (split := _two_types(text, known)) is not None:
            names, table = split, False
        elif table and names is not None:
            _add_row(lines, out, line, names)
        elif "=" in text:
            out.j_numbers.update(_counts(text))
        elif text.startswith(("sbtime", "***")):
            lines.at -= 1
            return


def _counts(text: str) -> dict[str, object]:
    """Numbers such as ``npair= 11``; ``nc=`` has three."""
    if text.startswith("nc="):
        cells = text.partition("ncelx")[0]
        return {"nc": [int(n) for n in numbers(cells)], **_counts(text[len(cells) :])}
    return {key: plain(value) for key, value in assignments(text).items()}


def _two_types(text: str, known: list[str]) -> tuple[str, str] | None:
    """Split a header ``Sm_0-Co_1`` into its two types; names may hold hyphens themselves."""
    for first in known:
        if text.startswith(first + "-") and text[len(first) + 1 :] in known:
            return first, text[len(first) + 1 :]
    return None


def _add_row(lines: Lines, out: AkaiKKROutput, line: str, names: tuple[str, str]) -> None:
    """Add one row of the table."""
    v = lines.take(line, 12, _ROW)
    if any(not v[k].is_integer() for k in (0, 1, 2, 3, 4, 11)):
        raise lines.error(line, f"whole numbers among {_ROW}")
    four = int(v[1]), int(v[2]), int(v[3]), int(v[4])
    row = Coupling(int(v[0]), *names, *four, (v[5], v[6], v[7]), v[8], v[9], v[10], int(v[11]))
    check_coupling(lines, out, line, row)
    out.couplings.append(row)


def _read_pairs(lines: Lines, out: AkaiKKROutput) -> None:
    """Read the list of all pairs."""
    for line in lines.block():
        v = lines.take(line, 11, _PAIR)
        pair, a, b, c, d, *cell = (int(n) for n in v[:8])
        out.pairs.append(Pair(pair, a, b, c, d, (cell[0], cell[1], cell[2]), v[8], v[9], int(v[10])))


def read_molecular_fields(lines: Lines, out: AkaiKKROutput) -> None:
    """Read what follows `Tc calculation starts`."""
    for line in lines:
        text = line.strip()
        if match := _TC.search(line):
            out.Tc_K = number(match.group(1))
            return
        if text.startswith(("sbtime", "***")):
            lines.at -= 1
            return
        if re.match(r"\d+\s+\d+\s+\S+\s+\S+$", text):
            v = lines.take(line, 4, "sublattice, component, field in Ry and in meV")
            check_field(lines, line, v[2], v[3])
            out.molecular_fields.append((int(v[0]), int(v[1]), v[2], v[3]))
