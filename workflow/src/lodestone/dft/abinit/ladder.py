"""What ABINIT tries when a magnetic state was lost on the way to self-consistency; see `lodestone.dft.moments`.

The folder of a calculation is its ledger: a rung is a deck beside the prepared one, ``run_1.abi`` beside ``run.abi``,
and what became of it is read off its output, by the job that goes on and by the one that collects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lodestone.artifacts.atomic import replacing
from lodestone.dft.abinit.output import Output, OutputError, read_output
from lodestone.dft.calculation import Calculation
from lodestone.dft.moments import Intended, Rung, Try, Verdict, agree_on_none

# Linear mixing, as Pulay's method, the default, may jump to another state; the magnetisation takes longer steps.
_LINEAR = (("iscf", 12), ("diemix", 0.4), ("diemixmag", 0.8))
LADDER = (
    Rung("as prepared", 1.0),
    Rung("higher start moments", 1.5),
    Rung("higher start moments and linear mixing", 1.5, _LINEAR),
)


@dataclass(frozen=True, eq=False)
class Climb:
    """All tries of one prepared deck.

    Attributes
    ----------
    deck : Path
        The prepared deck.
    intended : Intended
        The magnetic state that was asked for.
    calculation : Calculation
        Moments that are held are not judged.
    axis : (3,) or None
        Cartesian axis of the magnetisation, with spin-orbit coupling.
    """

    deck: Path
    intended: Intended
    calculation: Calculation
    axis: Sequence[float] | None = None

    def path(self, attempt: int) -> Path:
        """Deck of a try."""
        return self.deck if attempt == 0 else self.deck.with_name(f"{self.deck.stem}_{attempt}.abi")

    def prepare(self, attempt: int) -> Path:
        """Write the deck of a try, unless it is there; returns its path."""
        path = self.path(attempt)
        if not path.is_file():
            with replacing(path) as temporary:
                Path(temporary).write_text(climbed(self.deck.read_text(), LADDER[attempt]))
        return path

    def outputs(self) -> list[Output]:
        """Read what all tries printed, the first one first.

        Raises
        ------
        OutputError
            If one of them did not come to its end.
        FileNotFoundError
            If one of them was not run.
        """
        decks = [self.path(attempt) for attempt in range(len(LADDER)) if self.path(attempt).is_file()]
        return [read_output(deck.with_suffix(".abo").read_text(errors="replace")) for deck in decks]

    def verdict(self, output: Output) -> Verdict:
        """Whether a try kept its moments; what did not converge is not judged."""
        moves = self.calculation.kind == "relax" and not output.ions_converged
        if self.calculation.kind == "constrained" or not output.electrons_converged or moves:
            return Verdict("kept")
        return self.intended.judge(self.along_axis(output))

    def along_axis(self, output: Output) -> np.ndarray:
        """Signed moments (site,) along the axis of the magnetisation."""
        return output.moments_muB if self.axis is None else output.moments_muB @ np.asarray(self.axis)

    def goes_on(self) -> bool:
        """Whether the last try lost or turned moments, and there is another rung."""
        try:
            outputs = self.outputs()
        except (OutputError, FileNotFoundError):
            return False
        return len(outputs) < len(LADDER) and self.verdict(outputs[-1]).state != "kept"

    def is_nonmagnetic(self, outputs: Sequence[Output]) -> bool:
        """Whether all rungs agree that there are no moments, and no earlier step has found some."""
        if self.intended.found or len(outputs) < len(LADDER):
            return False
        if any(self.verdict(output).state != "lost" for output in outputs):
            return False
        # Along the axis alone a moment that has turned away from it would be overlooked.
        sizes = [o.moments_muB if self.axis is None else np.linalg.norm(o.moments_muB, axis=1) for o in outputs]
        return agree_on_none([Try(o.energy_eV, size) for o, size in zip(outputs, sizes, strict=True)])


def prepared(folder: Path) -> list[Path]:
    """Decks of a folder that were prepared, without those of later tries."""
    return sorted(path for path in folder.glob("*.abi") if "_" not in path.stem)


def climbed(text: str, rung: Rung) -> str:
    """Text of a deck with the start moments and the settings of a rung.

    The deck that was prepared is the one that is changed, as a person may have changed it before.
    """
    given = {name for name, _ in rung.settings}
    lines, in_spins = [], False
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in given:
            continue
        if in_spins and len(words) == 3 and all(_is_number(word) for word in words):
            line = " ".join(f"{rung.scale * float(word):.8f}" for word in words)
        else:
            in_spins = words == ["spinat"]
        lines.append(line)
    return "\n".join([*lines, *(f"{name} {value}" for name, value in rung.settings)]) + "\n"


def _is_number(word: str) -> bool:
    """Whether a word of a deck is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True
