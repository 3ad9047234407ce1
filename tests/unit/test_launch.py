"""Programs of one process do not find the job step of Slurm that they run in."""

from lodestone.launch import leave_job_step


def test_a_step_is_forgotten_and_the_job_is_not():
    kept = {"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "2", "PATH": "/bin", "PMG_VASP_PSP_DIR": "potentials"}
    step = ("SLURM_STEP_ID", "SLURM_STEPID", "SLURM_PROCID", "SLURM_LOCALID", "PMI_RANK", "PMIX_RANK", "PMI_FD")
    environment = {**kept, **dict.fromkeys(step, "0")}
    leave_job_step(environment)
    assert environment == kept
