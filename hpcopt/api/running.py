"""Runs the trials that a script has set up, and logs how they end."""

from __future__ import annotations

import logging

from hpcopt.api.stop_control import ScriptControl
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial, TrialStatus
from hpcopt.driver.ended_trials import EndedTrials
from hpcopt.driver.progress import DriverProgress
from hpcopt.experiment.composition import open_driver
from hpcopt.experiment.spec import RunSpec
from hpcopt.host.clock import SystemClock

logger = logging.getLogger(__name__)

_ENDED = tuple(status for status in TrialStatus if status.is_terminal)


def run_trials(spec: RunSpec) -> None:
    """Run trials until there are as many as the limits say, or none is left to try.

    Raises:
        ConfigError: The folder cannot be used, or holds an experiment with another
            definition.
        KeyboardInterrupt: Ctrl-C was pressed; the journal is in order, and trials that
            run go on running.
        HpcoptError: As ``Driver.run``.
    """
    clock = SystemClock()
    control = ScriptControl(spec.experiment.folder, clock.interrupt)
    log = _Log(spec.limits.max_trials)
    with open_driver(spec, clock=clock, control=control, observe=log.observe) as driver:
        log.begin(driver.experiment, spec)
        stop = driver.run()
        experiment = driver.experiment
    if stop.is_complete:
        logger.info("experiment %s: %s", experiment.name, stop.reason)
        return
    logger.warning(
        "experiment %s: %s, with %d of %d trials; run_trials continues it",
        experiment.name,
        stop.reason,
        experiment.n_trials,
        spec.limits.max_trials,
    )


class _Log:
    """Logs each trial when it has ended."""

    def __init__(self, max_trials: int) -> None:
        self._max_trials = max_trials
        self._ended: EndedTrials | None = None

    def begin(self, experiment: Experiment, spec: RunSpec) -> None:
        """Log from where the run goes on."""
        self._ended = EndedTrials(experiment)
        logger.info(
            "experiment %s in %s has %d of %d trials",
            experiment.name,
            spec.experiment.folder,
            experiment.n_trials,
            self._max_trials,
        )

    def observe(self, experiment: Experiment, progress: DriverProgress) -> None:
        """Log what has ended since the last call."""
        if self._ended is None:
            return
        for trial, _ in self._ended.update(experiment):
            logger.info(
                "%s (%d of %d have ended)",
                _sentence(trial),
                experiment.count(*_ENDED),
                self._max_trials,
            )


def _sentence(trial: Trial) -> str:
    if trial.status is TrialStatus.COMPLETED:
        values = ", ".join(f"{name} = {o.mean:g}" for name, o in trial.outcome.items())
        return f"trial {trial.index} is completed: {values}"
    return f"trial {trial.index} is {trial.status.name.lower()}: {trial.reason}"
