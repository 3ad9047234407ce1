"""Graph networks of crystals, ALIGNN's: trained, transferred, loaded, and asked for energies, forces and moments."""
