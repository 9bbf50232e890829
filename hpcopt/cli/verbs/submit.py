"""``hpcopt submit``."""

from __future__ import annotations

import logging
import shlex
import time
from pathlib import Path

import click
from click.exceptions import Exit

from hpcopt.cli.checks.preflight import preflight
from hpcopt.cli.target import FOLDER, config_argument, examples
from hpcopt.cli.views import text
from hpcopt.cli.views.driver_state import driver_state
from hpcopt.config.file import LoadedConfig, load_config
from hpcopt.config.specs import driver_job_spec, experiment_spec
from hpcopt.core.errors import ConfigError, LeaseHeldError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.experiment.continuation import continuation
from hpcopt.experiment.folder import is_begun, make_folder, read_experiment
from hpcopt.runners.script.job_spec import SlurmValue
from hpcopt.runners.slurm.driver_job import DriverJobs
from hpcopt.slurm.driver_job_folders import latest

logger = logging.getLogger(__name__)

#: How long sbatch is tried: it may have to be found out whether one was heard.
_TRYING_S = 60.0


@click.command(
    epilog=examples(
        "hpcopt submit hpcopt.yaml",
        "hpcopt submit hpcopt.yaml --time 2-00:00:00 --partition long",
        "hpcopt submit hpcopt.yaml -o qos=low -o constraint=login",
    )
)
@config_argument
@click.option("-t", "--time", "limit", metavar="TIME", help="The time of each job.")
@click.option("-p", "--partition", metavar="NAME", help="Where it runs.")
@click.option("-A", "--account", metavar="NAME", help="Who pays for it.")
@click.option("--mem", metavar="SIZE", help="Its memory.")
@click.option(
    "-o",
    "--option",
    "options",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="Any other option of sbatch, by its long name; may be repeated.",
)
def command(
    config: Path,
    limit: str | None,
    partition: str | None,
    account: str | None,
    mem: str | None,
    options: tuple[str, ...],
) -> None:
    """Run the experiment of CONFIG, or continue it, with the driver as a Slurm job.

    CONFIG is hpcopt.yaml by default. No terminal and no login node is needed then.
    Shortly before the job's time is over it submits its successor, and so on until all
    trials have ended: the experiment may last longer than any job may. The options here
    go before those in the config, under driver.slurm, and hold for the successors, too.
    """
    named = {"time": limit, "partition": partition, "account": account, "mem": mem}
    overrides: dict[str, SlurmValue] = {k: v for k, v in named.items() if v is not None}
    overrides |= dict(map(_option, options))
    loaded = load_config(config)
    click.get_current_context().meta[FOLDER] = loaded.folder
    if loaded.config.job.runner == "local":
        raise UsageError(
            f"{loaded.path}: job.runner is local: trials would end with the driver's "
            "job; give job.runner slurm, or use hpcopt run"
        )
    spec = driver_job_spec(loaded, overrides)
    spec.options()
    if is_begun(loaded.folder):
        _check_begun(loaded)
    else:
        for check in preflight(loaded, "slurm"):
            logger.debug("%s: %s", check.what, check.found)
    make_folder(loaded.folder)
    jobs = DriverJobs(loaded.config.name, loaded.folder)
    if there := jobs.in_queue():
        raise LeaseHeldError(
            f"the experiment in {loaded.folder} has a driver: job {there} is in the "
            "queue; nothing was submitted"
        )
    _say(config, loaded, jobs.submit_within(_TRYING_S, spec))


def _option(text_: str) -> tuple[str, SlurmValue]:
    name, separator, value = text_.partition("=")
    return name.lstrip("-"), value if separator else True


def _check_begun(loaded: LoadedConfig) -> None:
    """Check that a driver could go on.

    Raises:
        ConfigError: The experiment was begun with another definition.
        LeaseHeldError: A driver runs it.
        Exit: There is nothing left to do.
    """
    experiment = read_experiment(loaded.folder)
    definition = experiment_spec(loaded).definition()
    continuation(experiment, definition, loaded.folder)
    now = time.time()
    state = driver_state(loaded.folder, experiment, now)
    if state.state == "running":
        raise LeaseHeldError(
            f"the experiment in {loaded.folder} has a driver, "
            f"{state.sentence(now)}; nothing was submitted"
        )
    if _is_complete(experiment, loaded):
        click.echo(
            f"all {experiment.n_trials} trials have ended; nothing was submitted. "
            "For more of them raise run.max_trials"
        )
        raise Exit(0)
    if (live := experiment.settings.get("runner")) == "local" and (
        experiment.live_attempts()
    ):
        raise ConfigError(f"{loaded.folder}: trials are live on the {live} runner")


def _is_complete(experiment: Experiment, loaded: LoadedConfig) -> bool:
    is_full = experiment.n_trials >= loaded.config.run.max_trials
    return is_full and not experiment.open_trials()


def _say(config: Path, loaded: LoadedConfig, job_id: str) -> None:
    job = latest(loaded.folder)
    click.echo(f"driver submitted as job {job_id}")
    name = shlex.quote(str(config))
    text.print_facts(
        [
            ("log", str(job.log) if job else ""),
            ("look", f"hpcopt status {name}"),
            ("stop", f"hpcopt stop {name}"),
        ]
    )
