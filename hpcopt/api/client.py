"""The client: one experiment, configured, run and looked at from a script.

::

    client = Client()
    client.configure_experiment(parameters, name="hartmann6")
    client.configure_optimization(objective="-loss")
    client.configure_runner(runner)
    client.configure_metrics([metric])
    client.run_trials(max_trials=30, parallelism=3)
    parameters, outcome, trial_index, arm_name = client.get_best_parameterization()

or, without a runner and metrics, evaluating the trials itself::

    for trial_index, parameters in client.get_next_trials(max_trials=3).items():
        client.complete_trial(trial_index, raw_data={"loss": loss(**parameters)})

A script that was killed is started again and goes on where it was; ``Client.open``
needs nothing but the experiment's folder for that. What ``ax.api`` has and hpcopt has
not is refused with a ``ConfigError``, never ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from hpcopt.api.analyses import Analyses
from hpcopt.api.configs import StorageConfig
from hpcopt.api.configuration import missing
from hpcopt.api.held import find_held
from hpcopt.api.reopened import (
    experiment_folder,
    generation_of,
    metrics_of,
    problem_of,
)
from hpcopt.api.running import run_trials
from hpcopt.api.saved import load, save
from hpcopt.api.specs import notify_spec, run_spec
from hpcopt.driver.limits import Limits
from hpcopt.experiment.folder import is_begun, read_experiment
from hpcopt.experiment.spec import file_latency


class Client(Analyses):
    """One experiment.

    Nothing is written before trials are asked for, attached or run. What is only looked
    at is read from the experiment's folder, whoever wrote it: also at the beginning of
    a script that was started again, and while another one runs.

    Args:
        storage_config: Not supported yet: an experiment is kept in its folder.
        random_seed: The seed of all that is random in generation; 0 by default, so
            that a script proposes the same each time.
        folder: Where the experiment is kept; by default ``experiments/<name>`` in the
            current directory, or a new folder there if it has no name.

    Raises:
        ConfigError: An argument is not supported.
    """

    @classmethod
    def open(cls, folder: str | Path, *, modules: str | Path | None = None) -> Self:
        """Return a client of the experiment in a folder; hpcopt's addition to Ax.

        Whoever began it, a script or ``hpcopt run``: its name, parameters, constraints,
        objective, seed and generation are read from its journal, and so are metrics
        that read HDF5 files. To run trials, the runner is to be configured, as nothing
        in the folder says how a script would start them, and so are metrics of your
        own; to look, or to ask and tell, nothing is.

        Args:
            folder: The experiment's folder, which holds its ``journal.jsonl``.
            modules: Where modules with models, acquisitions or a generator of your own
                are looked for first: for an experiment that ``hpcopt run`` began the
                folder of its config. By default it is the script's folder.

        Raises:
            UsageError: It is not the folder of an experiment.
            ConfigError: It was begun by a later version, with what this one has not.
            StorageError: The journal cannot be read.
        """
        path = experiment_folder(folder)
        experiment = read_experiment(path)
        client = cls(random_seed=experiment.seed, folder=path)
        client._problem = problem_of(experiment, path)
        client._goals = experiment.goals
        client._generation = generation_of(experiment, modules)
        client._metrics = metrics_of(experiment)
        client._is_told = True
        return client

    def run_trials(
        self,
        max_trials: int,
        parallelism: int = 1,
        tolerated_trial_failure_rate: float = 0.5,
        initial_seconds_between_polls: float = 1,
        *,
        max_queued_jobs: int | None = None,
        notify: Sequence[str] | None = None,
        notify_on: Sequence[str] = ("end", "pause"),
    ) -> None:
        """Run trials until the experiment has ``max_trials``, and return.

        Begins the experiment, or continues it: trials of an earlier run, perhaps of a
        script that was killed, count and are not run again. Ctrl-C stops in an orderly
        way and leaves running trials running. So does ``hpcopt stop``, or a file
        ``stop`` in the experiment's folder: this method logs a warning and returns, so
        that the script goes on with what is there.

        Args:
            max_trials: How many trials there shall be in all, over all runs; in Ax it
                is how many more.
            parallelism: How many trials may run at once.
            tolerated_trial_failure_rate: The run ends with an error when a larger
                share of the ended trials has failed.
            initial_seconds_between_polls: The wait after a change; it grows while
                nothing happens.
            max_queued_jobs: How many trials may wait in the cluster's queue.
            notify: A command, as its words, that tells a person how the experiment
                stands, such as ``["mail", "-s", "hpcopt", "ann@example.org"]``; as
                ``notify.command`` of a config.
            notify_on: When: some of ``end``, ``pause``, ``stall`` and ``best``.

        Raises:
            UsageError: Something is not configured.
            ConfigError: An argument makes no sense, no metric has a name that the
                objective needs, or the folder holds an experiment with another
                definition.
            FailureRateExceededError: Too many trials failed.
            GenerationError: No parameterization could be proposed.
            RunnerError: The runner will never accept a trial.
            StorageError: The journal cannot be written or read, or another driver
                runs the experiment.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        experiment = self._spec("run_trials")
        if self._runner is None:
            raise missing("run_trials", "configure_runner")
        limits = Limits(
            max_trials=max_trials,
            parallelism=parallelism,
            max_queued_jobs=max_queued_jobs,
            tolerated_trial_failure_rate=tolerated_trial_failure_rate,
            initial_seconds_between_polls=initial_seconds_between_polls,
            result_grace_s=file_latency(self._runner).grace_s,
        )
        metrics = tuple(self._metrics.values())
        spec = run_spec(experiment, self._runner, metrics, limits)
        if notify is not None:
            told = notify_spec(notify, notify_on)
            spec = dataclasses.replace(spec, notify=told)
        if (held := find_held(experiment.folder)) is not None:
            held.close()  # the driver writes from here on
        elif is_begun(experiment.folder):
            self._tell_continued(read_experiment(experiment.folder))
        run_trials(spec)
        self._is_told = True

    def save_to_json_file(self, filepath: str = "ax_client_snapshot.json") -> None:
        """Write where the experiment is kept: its folder holds all that is known.

        Nothing is lost without this; it is there for scripts that were written for Ax.

        Raises:
            UsageError: The experiment is not configured or not begun.
            ConfigError: The folder holds another experiment.
            StorageError: The file cannot be written, or the journal not be read.
        """
        self._read("save_to_json_file")
        if self._folder is not None:
            save(Path(filepath), self._folder)

    @classmethod
    def load_from_json_file(
        cls,
        filepath: str = "ax_client_snapshot.json",
        storage_config: StorageConfig | None = None,
    ) -> Self:
        """Return a client that goes on with a saved one's experiment, as it is now.

        Raises:
            UsageError: There is no saved client, or its experiment is not there.
            StorageError: The journal cannot be read.
        """
        cls(storage_config)  # which refuses what is not supported
        return cls.open(load(Path(filepath)))
