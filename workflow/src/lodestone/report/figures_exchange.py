"""Drawings of exchange couplings against distance (as Ito et al., Fig. 5) and of magnetism against temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase.data import chemical_symbols

from lodestone.artifacts.curie import METHODS, Curie
from lodestone.artifacts.exchange import Exchange
from lodestone.report import style

METHOD_WORDS = {"mean_field": "mean field", "rpa": "RPA", "monte_carlo": "Monte Carlo"}
MAX_DISTANCE_A = 10.0
_MARKS = "osD^vP"


def shells(exchange: Exchange) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Distances (angstrom) and couplings (meV) of one crystal by pair of elements, each value once.

    Bonds of one pair, distance and coupling are drawn as one point: thousands of bonds are few shells.
    """
    symbols = np.array([chemical_symbols[z] if z else "?" for z in exchange.atomic_number])
    distance = np.linalg.norm(exchange.bond_vector_A, axis=1)
    ends = np.sort(np.column_stack([symbols[exchange.bond_source], symbols[exchange.bond_target]]), axis=1)
    found = {}
    for pair in np.unique(ends, axis=0):
        chosen = (ends == pair).all(axis=1) & (distance <= MAX_DISTANCE_A)
        rounded = np.column_stack([distance[chosen].round(3), exchange.bond_meV[chosen].round(3)])
        points = np.unique(rounded, axis=0)
        found["-".join(pair)] = (points[:, 0], points[:, 1])
    return found


def couplings(crystals: Sequence[Exchange], name: str) -> str:
    """Draw J_ij against distance, one panel for each crystal."""
    with style.settings():
        figure = style.drawing(max(4.2 * len(crystals), 6.4), 3.4)
        for axes, exchange in zip(figure.subplots(1, len(crystals), squeeze=False)[0], crystals, strict=True):
            axes.axhline(0, color=style.MUTED, lw=0.8)
            for i, (pair, (distance, coupling)) in enumerate(shells(exchange).items()):
                mark, colour = _MARKS[i % len(_MARKS)], style.SERIES[i % len(style.SERIES)]
                axes.plot(distance, coupling, mark, color=colour, ms=4.2, mec=style.PAPER, mew=0.5, label=pair)
            axes.set_title(exchange.name)
            axes.set_xlabel("R_{ij}  (Å)")
            axes.set_ylabel("J_{ij}  (meV)")
            axes.legend(loc="best")
        return style.svg(figure, name, "Exchange couplings against distance")


def magnetisation(crystals: Sequence[Curie], name: str) -> str:
    """Draw the moment of the cell over that at T = 0 against temperature, with the Curie temperatures found."""
    with style.settings():
        figure = style.drawing(7.6, 3.6)
        axes = figure.subplots()
        for i, curie in enumerate(crystals):
            colour = style.SERIES[i % len(style.SERIES)]
            scale = curie.moment_0_muB if curie.moment_0_muB else 1.0
            axes.errorbar(
                curie.temperature_K,
                curie.moment_muB / scale,
                yerr=curie.moment_error_muB / abs(scale),
                fmt="o-",
                color=colour,
                ms=4,
                mec=style.PAPER,
                lw=1.1,
                label=curie.name,
            )
            temperature = curie.curie_temperature_K("monte_carlo")
            if temperature is not None:
                axes.axvline(temperature, color=colour, lw=0.9, ls="--")
        axes.set_xlabel("T  (K)")
        axes.set_ylabel("M(T) / M(0)")
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.legend(loc="best")
        return style.svg(figure, name, "Magnetisation against temperature")


def temperatures(curie: Curie) -> Mapping[str, str]:
    """Curie temperature of each method in words, a dash where there is none."""
    words = {}
    for method in METHODS:
        value = curie.curie_temperature_K(method)
        error = float(curie.Tc_error_K[METHODS.index(method)])
        words[method] = "–" if value is None else f"{value:.0f} K" + (f" ± {error:.0f}" if error else "")
    return words
