"""Finite-difference micromagnetics: energies, stray field, minimisers, hysteresis."""
