"""Spheres of the stand-in."""


class SphericalSiteKernels:
    def __init__(self, positions, radii):
        assert radii.shape == (1, len(positions))
