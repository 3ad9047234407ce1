"""A folder in which the VASP back end runs stand-ins instead of VASP: made-up potentials, recorded output."""

import dataclasses
import gzip
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

from pymatgen.core import Lattice, Structure

from lodestone.dft.calculation import Resources, read_calculation, write_item
from lodestone.dft.presets import preset
from lodestone.dft.vasp.backend import Vasp

STAND_INS = Path(__file__).parents[1] / "stand_ins"
DATA = Path(__file__).parents[1] / "data" / "vasp"

# Looks like a POTCAR to pymatgen and custodian; every number in it is made up, except ENMAX and RWIGS as printed.
POTCAR = """  PAW_PBE {name} 01Jan2000
 8.00000000000000
 parameters from PSCTR are:
   VRHFIN ={element}:  made up
   LEXCH  = PE
   TITEL  = PAW_PBE {name} 01Jan2000
   POMASS =   50.000; ZVAL   =    8.000    mass and valenz
   RWIGS  =    2.460; RWIGS  =    {rwigs}    wigner-seitz radius (au A)
   ENMAX  =  {enmax}; ENMIN  =  200.000 eV
 END of PSCTR-controll parameters
 local part
  1.0 2.0 3.0
 End of Dataset
"""
MADE_UP = {
    "Fe_pv": ("Fe", 293.238, 1.302),
    "Ni_pv": ("Ni", 367.986, 1.286),
    "O": ("O", 400.0, 0.820),
    "V_pv": ("V", 263.673, 1.323),
    "Nd_3": ("Nd", 182.619, 1.990),
}


def potentials(folder):
    """Make a folder for PMG_VASP_PSP_DIR."""
    for name, (element, enmax, rwigs) in MADE_UP.items():
        path = folder / "POT_GGA_PAW_PBE" / name / "POTCAR"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(POTCAR.format(name=name, element=element, enmax=enmax, rwigs=rwigs))
    return folder


def fe2o2(moments=(3.0, 1.4, 0.0, 0.0)):
    """Crystal of custodian's recorded relaxation, its elements not grouped: Fe O Fe O."""
    lattice = Lattice([[-2.659783, 0.0, -1.529434], [0.929318, 2.561842, 1.461340], [2.659783, 0.0, -4.625534]])
    points = {"Fe1": [0, 0, 0], "O1": [0.227931, 0.455862, 0.748548], "Fe2": [0.5, 0, 0.5]}
    points["O2"] = [0.772069, 0.544138, 0.251452]
    magmom = [moments[0], moments[2], moments[1], moments[3]]
    return Structure(lattice, ["Fe", "O", "Fe", "O"], list(points.values()), site_properties={"magmom": magmom})


def nio(moments=(1.1, 0.9)):
    """Crystal of quacc's recorded run of NiO, which converged with moments of 1.122 and 0.903."""
    return Structure(
        Lattice([[2.547, 0.0, 1.4705], [0.849, 2.4013, 1.4705], [0.0, 0.0, 2.941]]),
        ["Ni", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5]],
        site_properties={"magmom": list(moments)},
    )


def recorded_crystal(name):
    """Crystal at the start of a recorded vasprun.xml."""
    with gzip.open(DATA / name) as stream:
        root = ElementTree.parse(stream).getroot()
    basis = root.find("structure/crystal/varray[@name='basis']")
    positions = root.find("structure/varray[@name='positions']")
    elements = [row.find("c").text.strip() for row in root.find("atominfo/array[@name='atoms']/set")]
    numbers = [[[float(x) for x in row.text.split()] for row in table] for table in (basis, positions)]
    return Structure(Lattice(numbers[0]), elements, numbers[1])


class Runs:
    """Prepare, run and collect calculations of fe2o2 with plays for the stand-ins."""

    def __init__(self, folder, monkeypatch, **options):
        self.folder = folder
        self.plays_path = folder / "plays" / "plays.json"
        self.plays_path.parent.mkdir()
        monkeypatch.setenv("PMG_VASP_PSP_DIR", str(potentials(folder / "psp")))
        monkeypatch.setenv("VASP_PLAYS", str(self.plays_path))
        commands = {f"{name}_command": f"{sys.executable} {STAND_INS / f'vasp_{name}.py'}" for name in ("std", "ncl")}
        # Sees the end of a run at once; checks only then, so that what they find does not depend on time.
        self.backend = Vasp({**commands, "poll_s": 0.01, "checks_every": 1000000, **options})

    def prepare(self, name, kind, structure=None, preset_name="nd_fe", **changes):
        calculation = dataclasses.replace(preset(preset_name)[kind], **changes)
        structure = structure or fe2o2()
        write_item(structure, calculation, self.folder / name)
        self.backend.prepare(structure, calculation, self.folder / name)
        return calculation

    def run(self, name, plays, resources=None):
        self.plays_path.write_text(json.dumps(plays))
        self.backend.run(self.folder / name, resources or Resources())

    def collect(self, name):
        folder = self.folder / name
        return self.backend.collect(folder, read_calculation(folder))

    def launches(self, name, step):
        path = self.plays_path.with_name(f"{name}.{step}.launches")
        return int(path.read_text()) if path.exists() else 0
