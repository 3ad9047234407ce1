"""Stands in for non-collinear VASP; see vasp_std.py."""

import sys

from vasp_std import play

if __name__ == "__main__":
    sys.exit(play("ncl"))
