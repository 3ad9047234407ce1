"""Total energies, moments and anisotropy of crystals: one interface, several back ends, and what follows from them."""
