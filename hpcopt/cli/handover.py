"""What a driver that is a job does when its time is nearly over."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from hpcopt.config.file import LoadedConfig
from hpcopt.config.specs import driver_job_spec
from hpcopt.core.errors import HpcoptError, RunnerError
from hpcopt.core.experiment import Experiment
from hpcopt.experiment.composition import own_job_id
from hpcopt.runners.slurm.driver_job import DriverJobs, overrides_of

logger = logging.getLogger(__name__)

#: So long sbatch is tried, at least; what is left of the job's time is not known.
_TRYING_S = 100.0


def hand_over(loaded: LoadedConfig, job_folder: Path, experiment: Experiment) -> None:
    """Submit the job that drives the experiment on, unless nothing is left to do.

    It waits until this job has ended. There is one successor at most: should another
    job be in the queue already, that is the one.

    Args:
        loaded: The config.
        job_folder: The folder of this job.
        experiment: As it stands.

    Raises:
        RunnerError: No successor could be submitted.
    """
    if experiment.n_trials >= loaded.config.run.max_trials and not (
        experiment.open_trials()
    ):
        logger.info("all trials have ended: no successor is needed")
        return
    spec = driver_job_spec(loaded, overrides_of(job_folder))
    jobs = DriverJobs(loaded.config.name, loaded.folder)
    seconds = max(_TRYING_S, float(loaded.config.driver.handover_s or 0))
    try:
        successor = jobs.submit_within(seconds, spec, own_job_id())
    except HpcoptError as exc:
        raise RunnerError(
            f"no successor could be submitted: {exc}; continue with hpcopt submit"
        ) from exc
    logger.info("handed over to job %s", successor)
    click.echo(f"handed over to job {successor}, which begins when this one has ended")
