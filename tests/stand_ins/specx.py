"""Stand-in for AkaiKKR's specx: checks the input it is given, then replays a real output or fails as told.

The folder in the environment variable SPECX_PLAN holds ``plan.json``: for each task (go, tc, j) a list of actions, the
first for the first call and so on, the last for all calls after it. An action is the name of what to do, and a number
where it needs one: ``replay``, ``no_convergence``, ``diverge``, ``error``, ``refuse``, ``truncate`` (to a share of the
output), ``kill`` (after a share of it), ``no_end``, ``hang``. Real outputs lie there as ``go.log``, ``tc.log``,
``j.log``; the inputs that are expected as ``go.in``, ``tc.in``, ``j.in``, compared without record, mixing and comments.
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

PLAN = Path(os.environ["SPECX_PLAN"])


def tokens(text):
    """Words of an input, numbers rounded; comments left out."""
    words = " ".join(line for line in text.splitlines() if not line.lstrip().startswith(("#", "c "))).split()
    return [round(float(word), 6) if re.fullmatch(r"[-+.\d]+(?:e-?\d+)?", word) else word for word in words]


def compared(text):
    """Words but for the start record and the mixing, which restarts change."""
    words = tokens(text)
    at = next(i for i, word in enumerate(words) if word in ("init", "1st", "2nd"))
    return words[:at] + words[at + 1 : at + 4] + words[at + 5 :], words[at], words[at + 4]


def main():
    given = sys.stdin.read()
    words, record, mixing = compared(given)
    task = words[0]
    step = "j" if task.startswith("j") else task
    reference, _, _ = compared((PLAN / f"{step}.in").read_text())
    if words != reference:
        wrong = next((a, b) for a, b in zip([*words, None], [*reference, None], strict=False) if a != b)
        print(f" unknown token: {wrong[0]}  (expected {wrong[1]})")
        return 1
    calls = PLAN / "calls.jsonl"
    with calls.open("a") as log:
        log.write(json.dumps({"step": step, "record": record, "mixing": mixing}) + "\n")
    if record != "init" and not Path(words[1]).is_file():
        print(" ***err in potin...potential file not found")
        return 1
    number = sum(json.loads(line)["step"] == step for line in calls.read_text().splitlines()) - 1
    actions = json.loads((PLAN / "plan.json").read_text())[step]
    action, *amount = actions[min(number, len(actions) - 1)]
    output = (PLAN / f"{step}.log").read_text()
    if "elapsed time" not in output:  # the real file with couplings ends within the list of pairs
        output += "\n elapsed time         0.30 sec ( 14 threads)\n"
    if action != "refuse":
        Path(words[1]).write_text("potential\n")
    return act(action, amount, output)


def act(action, amount, output):
    """Do what the plan says."""
    if action == "refuse":
        print(" unknown token: mse=5")
    elif action == "no_convergence":
        last = output.index("   interval=")
        sys.stdout.write(output[:last] + "   *** no convergence\n" + output[last:])
    elif action == "diverge":
        sys.stdout.write(
            re.sub(r"err= -\d\.\d+", "err=  3.141", output).replace(
                "   interval=", "   *** no convergence\n   interval="
            )
        )
    elif action == "error":
        sys.stdout.write(output[: output.index("   ***** self")] + " ***err in corcnf...core state not found\n")
    elif action in ("truncate", "kill"):
        sys.stdout.write(output[: int(amount[0] * len(output))])
        sys.stdout.flush()
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
    elif action == "no_end":
        sys.stdout.write(re.split(r" +sbtime report| elapsed time", output)[0])
    elif action == "hang":
        sys.stdout.flush()
        time.sleep(600)
    else:
        sys.stdout.write(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
