"""Stands in for VASP: compares the input it is given with what was expected, then replays recorded output.

What to do at each launch comes from the JSON file named by VASP_PLAYS: a list of plays for each "item/step" (or "*"),
the last of which is repeated. A play may hold

- expect: folder with the INCAR and KPOINTS to compare with, and a POSCAR if there is one;
- tags: INCAR tags that have to have these values;
- needs: files that have to be there;
- replay: folder of recorded output, below tests/data/vasp;
- files: single files of it, by the name they get;
- texts: text of single files;
- edits: [file, old text, new text], made after copying; the old text has to be there;
- stdout, stderr: recorded text to print;
- keep: fraction of vasprun.xml and OUTCAR that gets written, as if the run had been cut off;
- end: exit status, "killed" (by its own SIGKILL), "until_stopped" (waits for a STOPCAR), "forever", or "frozen" (the
  same, and its last output is a day old).
"""

import gzip
import json
import os
import signal
import sys
import time
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "vasp"
WRONG_INPUT = 86


def play(executable):
    """Do what the next play of this run says."""
    path = Path(os.environ["VASP_PLAYS"])
    run = Path.cwd()
    key = f"{run.parents[1].name}/{run.parent.name}"
    plays = json.loads(path.read_text())
    counter = path.with_name(f"{key.replace('/', '.')}.launches")
    number = int(counter.read_text()) if counter.exists() else 0
    counter.write_text(str(number + 1))
    chosen = plays.get(key) or plays["*"]
    act = chosen[min(number, len(chosen) - 1)]
    wrong = mismatch(executable, act)
    if wrong:
        sys.stderr.write(f"stand-in: wrong input: {wrong}\n")
        return WRONG_INPUT
    write_output(act)
    return end(act.get("end", 0))


def incar(path):
    """Tags of an INCAR as text."""
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {key.strip(): " ".join(value.split()) for key, value in pairs}


def mismatch(executable, act):
    """Why the input is not what it should be, or nothing."""
    tags = incar(Path("INCAR"))
    vectors = tags.get("LSORBIT") == "True" or tags.get("LNONCOLLINEAR") == "True"
    if vectors != (executable == "ncl"):
        return f"vasp_{executable} cannot run {'non-' if vectors else ''}collinear input"
    if Path("POTCAR").read_text().count("End of Dataset") != len(Path("POSCAR").read_text().splitlines()[5].split()):
        return "POTCAR and POSCAR do not have the same number of elements"
    expected = dict(act.get("tags", {}))
    if "expect" in act:
        reference = DATA / act["expect"]
        expected |= incar(reference / "INCAR")
        if set(tags) != set(expected):
            return f"INCAR: tags differ: {sorted(set(tags) ^ set(expected))}"
        for name in ("KPOINTS", "POSCAR"):
            if (reference / name).exists() and (reference / name).read_text() != Path(name).read_text():
                return f"{name} differs from {reference / name}"
    different = {key: (tags.get(key), value) for key, value in expected.items() if tags.get(key) != value}
    missing = [name for name in act.get("needs", []) if not Path(name).is_file()]
    if different or missing:
        return f"INCAR (found, expected): {different}; missing files: {missing}"
    return ""


def read(path):
    """Text of a recorded file."""
    return gzip.decompress((DATA / path).read_bytes()).decode(errors="replace")


def write_output(act):
    """Write the recorded files, with the edits."""
    files = {}
    if "replay" in act:
        files = {path.name.removesuffix(".gz"): read(path) for path in (DATA / act["replay"]).glob("*.gz")}
    files |= {name: read(path) for name, path in act.get("files", {}).items()}
    files |= act.get("texts", {})
    for name, old, new in act.get("edits", []):
        assert old in files[name], f"{name}: no {old!r}"
        files[name] = files[name].replace(old, new)
    for name in ("CONTCAR", "OSZICAR"):
        if "replay" in act:
            files.setdefault(name, "")
    if incar(Path("INCAR")).get("LCHARG") == "True":
        files["CHGCAR"] = "charge\n"
    if incar(Path("INCAR")).get("LWAVE") == "True":
        files["WAVECAR"] = "orbitals\n"
    for name, text in files.items():
        part = act.get("keep", 1.0) if name in ("vasprun.xml", "OUTCAR") else 1.0
        Path(name).write_text(text[: int(part * len(text))])
    sys.stdout.write(read(act["stdout"]) if "stdout" in act else " running\n")
    sys.stderr.write(read(act["stderr"]) if "stderr" in act else "")
    sys.stdout.flush()
    sys.stderr.flush()


def end(how):
    """End as the play says."""
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "frozen":
        os.utime("vasp.out", (time.time() - 86400,) * 2)
    if how in ("until_stopped", "forever", "frozen"):
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and not (how == "until_stopped" and Path("STOPCAR").exists()):
            time.sleep(0.02)
        return 0
    return how


if __name__ == "__main__":
    sys.exit(play("std"))
