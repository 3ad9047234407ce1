"""Lodestone designs permanent magnets, from electrons to hysteresis loops."""

__version__ = "0.1.0"
