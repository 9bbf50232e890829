"""The ask-and-tell methods of a client, for scripts that evaluate trials themselves."""

from __future__ import annotations

import copy
import logging
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from hpcopt.api.configs import StorageConfig
from hpcopt.api.configuration import Configuration
from hpcopt.api.held import WRITING, HeldExperiment
from hpcopt.api.outcomes import observations
from hpcopt.core.errors import ConfigError, PointError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import TrialStatus, python_value
from hpcopt.core.types import TOutcome, TParameterization
from hpcopt.generation.factory import make_generator
from hpcopt.generation.service.environment import environment
from hpcopt.generation.snapshot import Snapshot

logger = logging.getLogger(__name__)


class AskTell(Configuration):
    """The part of a ``Client`` for scripts that evaluate trials themselves.

    The first of these methods that is called begins the experiment in its folder, or
    continues it; from then on no other process may write it, until ``close`` is called,
    a ``with`` block of the client ends, or the script does. What a method has told or
    been told is on disk when it returns. A script that was killed and is started again
    finds all its trials; those that it had not completed are still running, as far as
    anybody knows.
    """

    def __init__(
        self,
        storage_config: StorageConfig | None = None,
        random_seed: int | None = None,
        *,
        folder: str | Path | None = None,
    ) -> None:
        super().__init__(storage_config, random_seed, folder=folder)
        self._held: HeldExperiment | None = None
        self._is_told = False
        """Whether it is known that trials of an earlier script are continued."""

    def get_next_trials(
        self, max_trials: int, fixed_parameters: TParameterization | None = None
    ) -> dict[int, TParameterization]:
        """Return new trials to evaluate: indices and parameters.

        Args:
            max_trials: How many; there are fewer where the search space is used up.
            fixed_parameters: Values that all of them shall have.

        Raises:
            UsageError: Something is not configured, or a constraint is relative to a
                baseline that was not attached.
            ConfigError: ``max_trials`` is no count, ``fixed_parameters`` are not in the
                search space, or the folder holds another experiment.
            GenerationError: No parameterization could be proposed.
            StorageError: The journal cannot be written or read, or another process
                runs the experiment.
        """
        max_trials = _whole("max_trials", max_trials)
        if max_trials < 1:
            raise ConfigError(f"max_trials: expected at least 1, found {max_trials}")
        fixed = {k: python_value(v) for k, v in (fixed_parameters or {}).items()}
        with self._writing("get_next_trials") as held:
            _check_baseline(held.experiment)
            spec = self._generation.spec
            generator = make_generator(spec)
            snapshot = Snapshot.of(held.experiment).with_fixed(fixed)
            generation = generator.generate(max_trials, snapshot).recording(
                environment(spec.threads), snapshot.environment
            )
            trials = held.manual_trials.hand_out(generation, fixed)
        if len(trials) < max_trials:
            logger.warning(
                "%d trials were asked for and %d are left in the search space: %s",
                max_trials,
                len(trials),
                generation.why_none,
            )
        return {trial.index: dict(trial.parameters) for trial in trials}

    def attach_data(
        self, trial_index: int, raw_data: TOutcome, progression: int | None = None
    ) -> None:
        """Add data to a trial that is running or completed.

        Args:
            trial_index: Which trial.
            raw_data: Metric name to its mean, or to its mean and standard error.
                Metrics that no goal names are kept with the others. One that is NaN is
                not known, and warned about.
            progression: At which step, such as an epoch, it was measured. Of several
                steps the value at the highest counts, in whatever order they are told.

        Raises:
            UnknownTrialError: There is no such trial.
            UsageError: It failed or was abandoned, or ``raw_data`` is not numbers.
            StorageError: The journal cannot be written.
        """
        index = _whole("trial_index", trial_index)
        outcome = observations(raw_data, progression, index)
        with self._writing("attach_data") as held:
            held.manual_trials.add_data(index, outcome)

    def complete_trial(
        self,
        trial_index: int,
        raw_data: TOutcome | None = None,
        progression: int | None = None,
    ) -> TrialStatus:
        """Complete a trial, with its data if that was not attached before.

        A metric that is missing is warned about and may be attached later; the others
        are learnt from all the same. Of a trial that is completed already the data are
        replaced.

        Args:
            trial_index: Which trial.
            raw_data: As for ``attach_data``.
            progression: As for ``attach_data``.

        Returns:
            ``TrialStatus.COMPLETED``.

        Raises:
            UnknownTrialError: There is no such trial.
            UsageError: It failed or was abandoned, a runner has it, or ``raw_data`` is
                not numbers.
            StorageError: The journal cannot be written.
        """
        index = _whole("trial_index", trial_index)
        outcome = observations(raw_data or {}, progression, index)
        with self._writing("complete_trial") as held:
            held.manual_trials.complete(index, outcome)
            trial = held.experiment.trial(index)
            names = held.experiment.goals.metric_names
        if missing := [name for name in names if name not in trial.outcome]:
            logger.warning("trial %d is completed without %s", index, missing)
        return trial.status

    def attach_trial(
        self, parameters: TParameterization, arm_name: str | None = None
    ) -> int:
        """Add a running trial with parameters of your own, and return its index.

        Args:
            parameters: A value for each parameter. They may lie outside the search
                space, as data of an earlier campaign do: beyond bounds, against
                constraints, a value that is not offered. Such a trial is marked and
                warned about; it teaches the model, and is never the best.
            arm_name: Its name; by default one from its index, such as ``"7_0"``.

        Raises:
            UsageError: A name is not that of a parameter, a value is missing or of a
                wrong type, or the arm's name is in use.
            StorageError: The journal cannot be written or read, or another process
                runs the experiment.
        """
        return self._attach("attach_trial", parameters, arm_name or "", False)

    def attach_baseline(
        self, parameters: TParameterization, arm_name: str | None = None
    ) -> int:
        """Add a running trial as the baseline of relative outcome constraints.

        Args:
            parameters: A value for each parameter, as for ``attach_trial``.
            arm_name: Its name; ``"baseline"`` by default.

        Returns:
            Its index. It is to be completed like any other.

        Raises:
            UsageError: A name is not that of a parameter, a value is missing or of a
                wrong type, or the arm's name is in use.
            StorageError: The journal cannot be written or read, or another process
                runs the experiment.
        """
        name = arm_name or "baseline"
        return self._attach("attach_baseline", parameters, name, True)

    def mark_trial_failed(
        self, trial_index: int, failed_reason: str | None = None
    ) -> None:
        """Mark a trial as failed: its parameters could not be evaluated.

        One that is marked so stays as it is.

        Raises:
            UnknownTrialError: There is no such trial.
            UsageError: It has ended otherwise, or a runner has it.
            StorageError: The journal cannot be written.
        """
        index = _whole("trial_index", trial_index)
        with self._writing("mark_trial_failed") as held:
            held.manual_trials.fail(index, failed_reason or "")

    def mark_trial_abandoned(self, trial_index: int) -> None:
        """Mark a trial as abandoned, which says nothing about its parameters.

        One that is marked so stays as it is.

        Raises:
            UnknownTrialError: There is no such trial.
            UsageError: It has ended otherwise, or a runner has it.
            StorageError: The journal cannot be written.
        """
        index = _whole("trial_index", trial_index)
        with self._writing("mark_trial_abandoned") as held:
            held.manual_trials.abandon(index, "")

    def mark_trial_early_stopped(self, trial_index: int) -> None:
        """Mark a trial as stopped early; the data attached so far counts.

        One that is marked so stays as it is.

        Raises:
            UnknownTrialError: There is no such trial.
            UsageError: It has ended otherwise, a runner has it, or nothing is known of
                it.
            StorageError: The journal cannot be written.
        """
        index = _whole("trial_index", trial_index)
        with self._writing("mark_trial_early_stopped") as held:
            held.manual_trials.stop_early(index)

    def _attach(
        self, method: str, parameters: TParameterization, name: str, is_baseline: bool
    ) -> int:
        try:
            plain = {key: python_value(value) for key, value in parameters.items()}
        except TypeError as exc:
            raise PointError(f"parameters: {exc}") from exc
        with self._writing(method) as held:
            trials = held.manual_trials
            return trials.attach(plain, name=name, is_baseline=is_baseline)

    def close(self) -> None:
        """Release the experiment, so that another process may write it.

        Everything is on disk already. A script need not call this at its end, and a
        method that writes acquires the experiment again. Where several clients of one
        process share an experiment, it is released with the last of them.
        """
        held, self._held = self._held, None
        if held is not None:
            held.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __deepcopy__(self, _: object) -> Self:
        """Return another client of the same experiment, with what is configured."""
        clone = copy.copy(self)
        clone._metrics = dict(self._metrics)
        if clone._held is not None:
            clone._held.add(clone)
        return clone

    @contextmanager
    def _writing(self, method: str) -> Iterator[HeldExperiment]:
        """Yield the experiment for this client to write; begin it if it is new.

        The threads of a process write one after the other.
        """
        spec = self._spec(method)
        with WRITING:
            held = self._held
            if held is None or held.is_closed or not held.is_as(spec):
                held = self._held = HeldExperiment.acquire(spec, self)
                self._tell_continued(held.experiment)
            yield held

    def _tell_continued(self, experiment: Experiment) -> None:
        """Warn, once, that an experiment is continued that was begun elsewhere."""
        if experiment.n_trials and not self._is_told:
            logger.warning(
                "experiment %r in %s has %d %s already, the latest event of %s, and "
                "goes on; another name or folder begins a new one",
                experiment.name,
                self._folder,
                experiment.n_trials,
                "trial" if experiment.n_trials == 1 else "trials",
                f"{datetime.fromtimestamp(experiment.last_event_time):%Y-%m-%d %H:%M}",
            )
        self._is_told = True


def _whole(name: str, value: object) -> int:
    """Return a whole number of Python or numpy as an ``int``.

    Raises:
        ConfigError: It is none.
    """
    try:
        if not isinstance(value, bool):
            return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        pass
    raise ConfigError(f"{name}: expected a whole number, found {value!r}")


def _check_baseline(experiment: Experiment) -> None:
    goals = experiment.goals
    if goals.is_absolute or experiment.baseline is not None:
        return
    relative = [bound.expression for bound in goals.bounds if bound.is_relative]
    raise UsageError(
        f"get_next_trials: expected attach_baseline to be called before, for the "
        f"constraints {relative} are relative to it"
    )
