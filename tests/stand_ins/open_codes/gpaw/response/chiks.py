"""Susceptibility of the stand-in."""


class ChiKS:
    def __init__(self, calculator, ecut, nbands, eta, gammacentered, txt):
        assert eta == 0.0 and gammacentered
