"""Programs that are built with MPI, started alone inside a Slurm job."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_STEP = ("SLURM_STEP", "SLURM_SRUN_", "SLURM_PMI", "PMI_", "PMIX_", "PMI2_")
_RANK = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_TASK_PID", "SLURM_GTIDS")


def leave_job_step(environment: MutableMapping[str, str] = os.environ) -> None:
    """Forget the job step that Snakemake's job runs in, so that programs started by it do not take part in it.

    Every job that asks for no MPI is a step of ``srun``. A program of one process that is built with MPI finds that
    out, takes itself for a rank that ``srun`` has launched, and ends at once where its MPI does not speak Slurm's
    protocol, as that of Debian does not.

    Parameters
    ----------
    environment : mapping of str to str
        Changed in place.
    """
    for name in [name for name in environment if name.startswith(_STEP) or name in _RANK]:
        del environment[name]
