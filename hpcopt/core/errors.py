"""Every error that hpcopt raises on purpose.

::

    HpcoptError                    exit code 1
    ├── UsageError                 exit code 2: what the user asked for cannot be
    │   ├── ConfigError            a config, space, objective or template is wrong
    │   ├── UnknownTrialError      a KeyError, too
    │   ├── PointError             values that the search space has not; a ValueError
    │   └── SavedClientMissingError  a FileNotFoundError, too
    ├── StorageError
    │   ├── JournalDamagedError    a line in the middle of the journal cannot be read
    │   ├── LeaseHeldError         another driver runs this experiment
    │   └── LeaseLostError         another driver took this experiment over
    ├── RunnerError                the runner could not do what was asked
    │   ├── SubmissionRefusedError   nothing was submitted, and asking again is useless
    │   ├── SubmissionDeferredError  nothing was submitted; asking again later may work
    │   ├── SubmissionUnknownError   it may or may not have been submitted
    │   └── PollError              the state of the attempts is not known right now
    ├── MetricError                the trial's result is there and is wrong
    ├── ResultNotReadyError        the trial's result is not there (yet)
    ├── MissingPackageError      something needs a package that is not installed
    ├── GenerationError            the generator could not propose parameterizations
    ├── FailureRateExceededError   too many trials failed
    └── RepeatedFailureError       the first trials all failed at once and alike

Each message says what was expected, what was found, and where.
"""

from __future__ import annotations


class HpcoptError(Exception):
    """The root of all errors raised on purpose."""

    exit_code = 1
    """What the command line exits with."""


class UsageError(HpcoptError):
    """The user asked for something that cannot be done."""

    exit_code = 2


class ConfigError(UsageError):
    """A config, a search space, an objective or a template is wrong."""


class UnknownTrialError(UsageError, KeyError):
    """There is no trial of that index; a ``KeyError``, as scripts for Ax expect."""

    __str__ = Exception.__str__  # that of KeyError quotes the message


class PointError(UsageError, ValueError):
    """Names or values of parameters are none that the search space has."""


class SavedClientMissingError(UsageError, FileNotFoundError):
    """There is no file of a saved client."""


class StorageError(HpcoptError):
    """The experiment's facts cannot be read or written."""


class JournalDamagedError(StorageError):
    """A line in the middle of the journal cannot be read."""


class LeaseHeldError(StorageError):
    """Another driver runs this experiment."""


class LeaseLostError(StorageError):
    """Another driver took this experiment over."""


class RunnerError(HpcoptError):
    """A runner could not do what was asked."""


class SubmissionRefusedError(RunnerError):
    """Nothing was submitted, and submitting the same again would be refused again."""


class SubmissionDeferredError(RunnerError):
    """Nothing was submitted; the same submission may be accepted later."""


class SubmissionUnknownError(RunnerError):
    """Whether anything was submitted is not known: look before submitting again."""


class PollError(RunnerError):
    """The state of the live attempts could not be learned this time."""


class MetricError(HpcoptError):
    """The trial's result is there and is not what was asked for."""


class ResultNotReadyError(HpcoptError):
    """The trial's result is not there yet, or is still being written."""


class MissingPackageError(HpcoptError):
    """What was asked for needs a package that is not installed."""


class GenerationError(HpcoptError):
    """The generator could not propose parameterizations."""


class FailureRateExceededError(HpcoptError):
    """More trials failed than ``tolerated_trial_failure_rate`` allows."""


class RepeatedFailureError(HpcoptError):
    """All trials of a run failed at once and in the same way."""

    def __init__(self, message: str, trial_index: int) -> None:
        super().__init__(message)
        self.trial_index = trial_index
        """The last trial that did; the end of its log is worth a look."""
