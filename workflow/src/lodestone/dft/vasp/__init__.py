"""VASP: input sets, potentials, runs under custodian with a ladder for lost moments, and what the output says."""
