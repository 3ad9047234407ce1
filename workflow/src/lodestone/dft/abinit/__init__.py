"""ABINIT 9 or later: input decks, runs, outputs."""
