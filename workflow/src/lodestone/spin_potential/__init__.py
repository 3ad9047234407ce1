"""Magnetic moment tensor potentials: evaluation, fit, equilibration of moments, files of other programs."""
