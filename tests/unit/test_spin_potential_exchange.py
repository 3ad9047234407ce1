"""Exchange couplings from magnetic potentials: models whose couplings are known in closed form, and their limits."""

import numpy as np
import pytest
from ase.build import bulk
from spin_crystals import potential as random_potential

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.exchange import CONVENTION
from lodestone.kkr import mean_field
from lodestone.magnetism.units import K_B_MEV
from lodestone.spin_potential.configurations import ConfigurationError, Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.exchange import exchange
from lodestone.spin_potential.exchange_flips import spin_flips
from lodestone.spin_potential.potential import SpinPotential

PROVENANCE = Provenance(backend="test", seed=0, config_sha256="0" * 64)
# Three shells of bcc iron within the cutoff, so that supercells stay small.
R_MIN_A, R_CUT_A, M_MAX_MUB, LATTICE_A = 2.0, 4.2, 3.0, 2.86
# Couplings of some meV are differences of energies of some tens of eV, each rounded to 1e-16 of itself.
ROUNDING_MEV = 1e-10
RADIAL = np.array([[[-0.4, 0.1, 0.03], [0.2, 0.15, -0.02]], [[0.3, -0.1, 0.04], [0.25, 0.05, 0.01]]])


def model(level=2, xi=(1.0,), spin=(1, 1), species=("Fe", "Al"), radial=RADIAL):
    """A potential with one product of Chebyshev polynomials of moments, and energies of free atoms as large as real."""
    made = SpinPotential.random(
        species, level_number=level, magnetic_size=2, rng=np.random.default_rng(0), radial_size=radial.shape[2],
        r_min_A=R_MIN_A, r_cut_A=R_CUT_A, m_max_muB=M_MAX_MUB,
    )  # fmt: skip
    count = len(species)
    coefficients = np.zeros_like(made.radial_coefficients)
    coefficients[:, :, 0, :, spin[0], spin[1]] = radial[:count, :count]
    energies = np.array([-34000.0, -6600.0])[:count]
    return made.with_parameters(np.concatenate([xi, energies, coefficients.ravel()]))


def radial_function(r, coefficients):
    """Eq. 5 without the moments."""
    t = (2 * r - R_MIN_A - R_CUT_A) / (R_CUT_A - R_MIN_A)
    return np.where(r < R_CUT_A, np.polynomial.chebyshev.chebval(t, coefficients) * (R_CUT_A - r) ** 2, 0.0)


def lengths(made):
    return np.linalg.norm(made.bond_vector_A, axis=1)


def fe_al():
    """Ordered FeAl whose moments point against each other."""
    return bulk("FeAl", "cesiumchloride", a=LATTICE_A), np.array([2.2, -0.7])


@pytest.fixture(scope="module")
def iron():
    return exchange(model(), bulk("Fe", a=LATTICE_A), [2.2], 2 * R_CUT_A, PROVENANCE, name="iron")


@pytest.fixture(scope="module")
def two_sublattices():
    return exchange(model(), *fe_al(), 2 * R_CUT_A, PROVENANCE)


def test_couplings_of_a_pair_model_are_those_of_its_radial_function_in_every_shell(iron):
    # E = sum over i != j of f(r) m_i m_j / m_max^2 = - sum of J_ij e_i.e_j.
    expected = -1e3 * radial_function(lengths(iron), RADIAL[0, 0]) * (2.2 / M_MAX_MUB) ** 2
    assert np.abs(iron.bond_meV - expected).max() < ROUNDING_MEV
    near = lengths(iron) < R_CUT_A
    assert np.abs(expected[near]).min() > 1.0
    shells, counts = np.unique(np.round(lengths(iron)[near], 6), return_counts=True)
    assert counts.tolist() == [8, 6, 12] and shells[0] == pytest.approx(LATTICE_A * 3**0.5 / 2, abs=1e-6)


def test_pairs_of_a_pair_model_beyond_the_cutoff_have_no_coupling(iron):
    far = lengths(iron) > R_CUT_A
    assert far.sum() > 50 and np.abs(iron.bond_meV[far]).max() < ROUNDING_MEV


def test_signs_of_two_sublattices_are_in_the_couplings_and_sizes_in_the_moments(two_sublattices):
    made, (_, moments) = two_sublattices, fe_al()
    r, i, j = lengths(made), made.bond_source, made.bond_target
    # E has f_ij of the environment of i and f_ji of that of j: with different radial functions, the mean counts.
    f = np.array([(radial_function(d, RADIAL[a, b]) + radial_function(d, RADIAL[b, a])) / 2
                  for d, a, b in zip(r, i, j, strict=True)])  # fmt: skip
    expected = -1e3 * f * np.abs(moments[i] * moments[j]) / M_MAX_MUB**2
    assert np.abs(made.bond_meV - expected).max() < ROUNDING_MEV
    assert {(a, b) for a, b in zip(i.tolist(), j.tolist(), strict=True)} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert made.moment_muB.tolist() == [2.2, 0.7] and made.atomic_number.tolist() == [26, 13]
    assert made.convention == CONVENTION


def test_couplings_are_the_same_in_both_directions(two_sublattices):
    forth = {
        (i, j, *cell): J
        for i, j, cell, J in zip(
            two_sublattices.bond_source.tolist(), two_sublattices.bond_target.tolist(),
            two_sublattices.bond_cell.tolist(), two_sublattices.bond_meV.tolist(), strict=True,
        )
    }  # fmt: skip
    assert len(forth) == len(two_sublattices.bond_meV)
    assert all(forth[(j, i, -a, -b, -c)] == meV for (i, j, a, b, c), meV in forth.items())


def test_the_four_states_one_by_one_give_the_same_coupling(two_sublattices):
    """Without batches, symmetry or moved states: energies of four supercells, for one pair of either kind."""
    crystal, moments = fe_al()
    made, repeat = two_sublattices, (6, 6, 6)
    big, reference = crystal.repeat(repeat), np.tile(moments, 216)
    for i, j in ((0, 0), (0, 1)):
        bond = np.flatnonzero((made.bond_source == i) & (made.bond_target == j))[0]
        a, b, c = made.bond_cell[bond] % 6
        other = 2 * ((a * 6 + b) * 6 + c) + j
        energies = {}
        for s in (1, -1):
            for t in (1, -1):
                state = reference.copy()
                state[i], state[other] = s * abs(reference[i]), t * abs(reference[other])
                image = Configurations.from_atoms([big], ("Fe", "Al"), [state])
                bare = evaluate(model(), image).atom_energy_eV - np.where(image.kind == 0, -34000.0, -6600.0)
                energies[s, t] = bare.sum()
        found = -1e3 * (energies[1, 1] + energies[-1, -1] - energies[1, -1] - energies[-1, 1]) / 8
        # Energies of 34000 eV an atom are rounded to 1e-11 eV.
        assert found == pytest.approx(made.bond_meV[bond], abs=1e-6)


def test_many_body_terms_couple_pairs_up_to_twice_the_cutoff():
    """xi (sum_j f(r_kj) m_j)^2 of every atom k is bilinear: J_ij is a sum over common neighbours."""
    crystal, xi = bulk("Fe", a=LATTICE_A), -0.01
    made = exchange(model(4, (0.0, xi), (0, 1), ("Fe",)), crystal, [2.2], 2 * R_CUT_A + 3.0, PROVENANCE)
    n = np.stack(np.meshgrid(*[np.arange(-9, 10)] * 3), axis=-1).reshape(-1, 3) @ crystal.cell.array

    def f(vectors):
        r = np.linalg.norm(vectors, axis=-1)
        return np.where(r > 0.1, radial_function(r, RADIAL[0, 0]), 0.0)

    common = np.array([f(n) @ f(n - vector) for vector in made.bond_vector_A])
    expected = -1e3 * xi * common * (2.2 / M_MAX_MUB) ** 2
    assert np.abs(made.bond_meV - expected).max() < ROUNDING_MEV
    beyond = lengths(made) > R_CUT_A
    assert np.abs(made.bond_meV[beyond]).max() > 0.01
    assert lengths(made).max() <= 2 * R_CUT_A


def test_a_flip_costs_four_times_the_sum_of_the_couplings_of_bilinear_models(iron, two_sublattices):
    flips = spin_flips(model(), bulk("Fe", a=LATTICE_A), [2.2])
    assert flips.held_J0_meV[0] == pytest.approx(mean_field.summed_couplings(iron)[0, 0], abs=1e-8)
    assert flips.held_eV[0] == pytest.approx(4e-3 * flips.held_J0_meV[0], rel=1e-12)
    crystal, moments = fe_al()
    e = np.sign(moments)
    flips = spin_flips(model(), crystal, moments)
    assert flips.site.tolist() == [0, 1]
    assert np.abs(flips.held_J0_meV - e * (mean_field.summed_couplings(two_sublattices) @ e)).max() < 1e-8


def test_the_mean_field_temperature_is_two_thirds_of_J0(iron):
    J0 = float(iron.bond_meV.sum())
    assert J0 > 1.0
    assert mean_field.curie_temperature_K(iron) == pytest.approx(2 * J0 / (3 * K_B_MEV), rel=1e-12)


def test_couplings_depend_neither_on_the_supercell_nor_on_the_choice_of_cell():
    """A potential with all its terms; symmetry and supercells only save work."""
    made = random_potential(level=6, seed=5, species=("Fe",))
    values = dict(vars(made)) | {"r_cut_A": 3.2}
    short = SpinPotential(**values)
    one = bulk("Fe", a=LATTICE_A)
    found = [
        exchange(short, crystal, [2.2] * len(crystal), 4.1, PROVENANCE, repeat=repeat)
        for crystal, repeat in ((one, None), (one, (7, 6, 8)), (bulk("Fe", a=LATTICE_A, cubic=True), (4, 5, 4)))
    ]
    spectra = [np.sort(made.bond_meV) for made in found]
    assert np.abs(spectra[0]).max() > 0.1
    assert np.abs(spectra[0] - spectra[1]).max() < 1e-8
    assert np.abs(np.repeat(spectra[0], 2) - spectra[2]).max() < 1e-8
    assert "range 4.1 A" in found[0].message


def test_a_supercell_in_which_pairs_are_mistaken_for_images_is_refused_by_name():
    crystal = bulk("Fe", a=LATTICE_A, cubic=True)
    with pytest.raises(ConfigurationError, match="iron: found a supercell of 2 x 2 x 2 cells, .*allowed: 6 x 6 x 6"):
        exchange(model(), crystal, [2.2, 2.2], 2 * R_CUT_A, PROVENANCE, name="iron", repeat=(2, 2, 2))
    with pytest.raises(ConfigurationError, match="iron: found a supercell of 2 x 3 x 3 cells"):
        spin_flips(model(), crystal, [2.2, 2.2], name="iron", repeat=(2, 3, 3))


def test_sites_without_a_moment_are_refused_unless_they_are_left_out(two_sublattices):
    crystal, _ = fe_al()
    for call in (lambda: exchange(model(), crystal, [2.2, 0.0], 5.0, PROVENANCE, name="B2"),
                 lambda: spin_flips(model(), crystal, [2.2, 0.0], name="B2")):  # fmt: skip
        with pytest.raises(ConfigurationError, match=r"B2, atom 1: found a moment of 0\.000 mu_B, allowed: at least"):
            call()
    made = exchange(model(), crystal, [2.2, -0.03], 2 * R_CUT_A, PROVENANCE, magnetic=[0])
    assert set(made.bond_source.tolist()) == set(made.bond_target.tolist()) == {0}
    assert made.moment_muB.tolist() == [2.2, -0.03]
    # In a pair model the other moments do not matter.
    both = two_sublattices
    among_iron = both.bond_meV[(both.bond_source == 0) & (both.bond_target == 0)]
    assert np.abs(np.sort(made.bond_meV) - np.sort(among_iron)).max() < ROUNDING_MEV


def test_other_wrong_input_is_named():
    crystal = bulk("Fe", a=LATTICE_A)
    for arguments, message in (
        (([2.2, 2.2], 5.0), r"Fe: found moments of shape \(2,\), expected \(1,\)"),
        (([2.2], 1.0), "Fe: found no pair within range_A = 1 A"),
        (([3.5], 5.0), r"Fe, atom 0: found a moment of 3\.500 mu_B, allowed: -3\.0 to 3\.0"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            exchange(model(), crystal, *arguments, PROVENANCE)
    with pytest.raises(ConfigurationError, match="Fe: found magnetic site 1, allowed: 0 to 0"):
        exchange(model(), crystal, [2.2], 5.0, PROVENANCE, magnetic=[1])


def landau(quadratic_eV, quartic_eV, coupling_eV):
    """Nearest neighbours in bcc: 8 (q T_2(x_i) + r T_4(x_i)) - J sum_j x_i x_j at each atom, x = m over its largest."""
    made = SpinPotential.random(
        ("Fe",), level_number=2, magnetic_size=5, rng=np.random.default_rng(0), radial_size=1, r_min_A=2.0,
        r_cut_A=2.7, m_max_muB=M_MAX_MUB,
    )  # fmt: skip
    coefficients = np.zeros_like(made.radial_coefficients)
    # f = (r_cut - r)^2 of nearest neighbours is divided out: energies above are those of a pair.
    f = (2.7 - LATTICE_A * 3**0.5 / 2) ** 2
    coefficients[..., 2, 0], coefficients[..., 4, 0], coefficients[..., 1, 1] = quadratic_eV, quartic_eV, -coupling_eV
    return made.with_parameters(np.concatenate([[1.0], [-34000.0], coefficients.ravel() / f]))


def landau_equilibrium(quadratic_eV, quartic_eV, coupling_eV, start):
    """Energy and x of the same model, written down on a lattice of its own, by Newton's method."""
    size = round((len(start)) ** (1 / 3))
    cells = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    bonds = np.zeros((len(cells), len(cells)))
    # In the primitive vectors of ASE's bcc cell neighbours are +-a, +-b, +-c and +-(a + b + c).
    for step in np.concatenate([np.eye(3, dtype=int), [[1, 1, 1]]]):
        for sign in (1, -1):
            to = np.ravel_multi_index(tuple(((cells + sign * step) % size).T), (size,) * 3)
            bonds[np.arange(len(cells)), to] += 1.0
    well = 8 * np.polynomial.Chebyshev([0, 0, quadratic_eV, 0, quartic_eV])
    slope, curvature, x = well.deriv(), well.deriv(2), start.copy()
    for _ in range(50):
        x -= np.linalg.solve(np.diag(curvature(x)) - 2 * coupling_eV * bonds, slope(x) - 2 * coupling_eV * bonds @ x)
    assert np.linalg.eigvalsh(np.diag(curvature(x)) - 2 * coupling_eV * bonds).min() > 0
    return well(x).sum() - coupling_eV * x @ bonds @ x, x


def test_a_flip_between_equilibria_is_that_of_a_landau_model_solved_apart():
    terms = (0.02, 0.08, 0.01)
    flips = spin_flips(landau(*terms), bulk("Fe", a=LATTICE_A), [2.2], repeat=(4, 4, 4), tolerance_eV_muB=1e-8)
    before, x = landau_equilibrium(*terms, np.full(64, 2.2 / M_MAX_MUB))
    x[0] *= -1
    after, x = landau_equilibrium(*terms, x)
    assert x[0] < -0.1 and flips.reason == ("",)
    # What is left of magnetic forces counts in the second order; energies of 64 atoms are rounded to 1e-13 eV.
    assert flips.free_eV[0] == pytest.approx(after - before, abs=1e-10)
    assert flips.free_moment_muB[0] == pytest.approx(M_MAX_MUB * x[0], abs=1e-6)
    assert flips.free_J0_meV[0] == pytest.approx(250 * (after - before), abs=1e-7)
    # Moments that may answer make a flip cheaper, seen from the same equilibrium.
    equilibrium = landau_equilibrium(*terms, np.full(64, 2.2 / M_MAX_MUB))[1][0] * M_MAX_MUB
    same = spin_flips(landau(*terms), bulk("Fe", a=LATTICE_A), [equilibrium], repeat=(4, 4, 4))
    assert 0 < same.free_eV[0] < same.held_eV[0] - 1e-3


def test_a_moment_that_turns_back_has_no_energy_between_equilibria():
    flips = spin_flips(landau(0.02, 0.08, 0.2), bulk("Fe", a=LATTICE_A), [2.2])
    assert np.isnan(flips.free_eV[0]) and np.isnan(flips.free_moment_muB[0])
    assert "equilibrium" in flips.reason[0]
    assert flips.held_eV[0] == pytest.approx(4 * 8 * 0.2 * (2.2 / M_MAX_MUB) ** 2, rel=1e-9)


def test_couplings_that_favour_another_order_are_told():
    crystal = bulk("Fe", a=LATTICE_A, cubic=True)
    model_of = landau(0.02, 0.08, -0.01)
    found = [exchange(model_of, crystal, moments, 2.6, PROVENANCE) for moments in ([2.2, 2.2], [2.2, -2.2])]
    assert "favour another order" in found[0].message and "favour" not in found[1].message
    # e lies along the moment itself, so that J_ij < 0 whichever state it is computed in.
    assert found[0].bond_meV == pytest.approx(found[1].bond_meV, abs=1e-8)
    assert found[0].bond_meV.max() < 0
