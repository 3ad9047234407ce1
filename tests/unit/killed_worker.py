"""A job that runs one program of one code: ``killed_worker.py CODE FOLDER PROGRAM``; the folder is prepared."""

import logging
import sys
from pathlib import Path

from lodestone.dft.abinit.backend import Abinit
from lodestone.dft.calculation import Resources
from lodestone.dft.vasp.backend import Vasp
from lodestone.kkr import gpaw_run, run

LOG = logging.getLogger("killed")


def main(code, folder, program):
    if code == "abinit":
        Abinit({"command": program}).run(folder, Resources())
    elif code == "vasp":
        Vasp({"std_command": program}).run(folder, Resources())
    elif code == "akaikkr":
        run.run_chain(folder, program, 0.02, 1, 1, 0.0, LOG)
    else:
        settings = {"command": program, "setups_folder": str(folder)}
        gpaw_run.execute(folder / "in.tar", folder / "raw.tar.gz", settings, "key", (1, 0.0), LOG)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
