"""Genetic search for crystals: seeds, operators, fitness, selection, relaxation in batches."""
