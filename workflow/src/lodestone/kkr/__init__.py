"""AkaiKKR decks and outputs, exchange couplings, and what follows from them: T_C, M(T), exchange stiffness."""
