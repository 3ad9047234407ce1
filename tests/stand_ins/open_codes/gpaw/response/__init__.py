"""Response functions of the stand-in."""
