"""The Slurm job that this process is part of."""

import os


def job_number() -> str | None:
    """As Slurm's commands take it; None outside Slurm. An array's last task has the number of the whole array."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")
