"""The part of a config that says what follows when an attempt fails: ``job.on``."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.retry_policy import (
    MAX_INFRASTRUCTURE_RETRIES,
    RetryPolicies,
    RetryPolicy,
)
from hpcopt.runners.script.escalation import ResourceEscalation, parse_memory_mb
from hpcopt.runners.script.time_limit import parse_slurm_time

#: How often a trial goes on from its checkpoint, unless the config says so.
_N_REQUEUES = 10

Number = StrictInt | StrictFloat


class Spec(BaseModel):
    """A part of a config: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GrowingRetrySpec(Spec):
    """What follows when a trial runs out of memory or time."""

    retry: Annotated[StrictInt, Field(ge=0)] | None = None
    """How many such failures of a trial are forgiven; where the section is given
    without it, 1, or 10 with ``requeue``."""
    factor: Number | None = None
    """How many times as much each further attempt gets; 2 unless it is given."""
    cap: StrictStr | StrictInt | None = None
    """The most that an attempt gets, such as ``64G`` or ``2-00:00:00``. At the cap a
    trial is not run again."""
    requeue: StrictBool = False
    """Whether a trial is run again with the same, to go on from its checkpoint."""

    @model_validator(mode="after")
    def _one_way(self) -> GrowingRetrySpec:
        if self.requeue and (self.factor is not None or self.cap is not None):
            raise ValueError(
                "expected either requeue, which gives the same again, or factor and "
                "cap, found both"
            )
        return self

    def policy(self) -> RetryPolicy:
        """Return the policy.

        Raises:
            ConfigError: A number is out of its range.
        """
        if self.requeue:
            return RetryPolicy(_N_REQUEUES if self.retry is None else self.retry)
        retry = 1 if self.retry is None else self.retry
        return RetryPolicy(retry, 2.0 if self.factor is None else float(self.factor))


class RetrySpec(Spec):
    """How often a trial is run again as it was."""

    retry: Annotated[StrictInt, Field(ge=0)]
    """How many such failures of a trial are forgiven."""


class OnSection(Spec):
    """What follows when an attempt fails, by its cause."""

    memory: GrowingRetrySpec = GrowingRetrySpec(retry=0)
    """It ran out of memory: again with more of ``mem``, ``mem_per_cpu`` or
    ``mem_per_gpu``."""
    time: GrowingRetrySpec = GrowingRetrySpec(retry=0)
    """It ran out of time: again with more of ``time``, or from its checkpoint."""
    infrastructure: RetrySpec = RetrySpec(retry=MAX_INFRASTRUCTURE_RETRIES)
    """A node failed, the job was preempted without being requeued, or it was lost:
    again for free, elsewhere."""
    trial: RetrySpec = RetrySpec(retry=0)
    """The program failed: a non-zero exit code, or a signal."""

    def policies(self) -> RetryPolicies:
        """Return the policies.

        Raises:
            ConfigError: A number is out of its range.
        """
        try:
            return RetryPolicies(
                memory=self.memory.policy(),
                time=self.time.policy(),
                infrastructure=RetryPolicy(self.infrastructure.retry),
                trial=RetryPolicy(self.trial.retry),
            )
        except ConfigError as exc:
            raise ConfigError(f"job.on: {exc}") from exc

    def escalation(self) -> ResourceEscalation:
        """Return what a retry may be given more of, and how much at most.

        Raises:
            ConfigError: A cap is not an amount of memory, or not a time.
        """
        policies = self.policies()
        memory_cap, time_cap = self.memory.cap, self.time.cap
        time_cap_s = None if time_cap is None else _time_cap_s(str(time_cap))
        return ResourceEscalation(
            memory=policies.memory.retry > 0 and policies.memory.factor > 1,
            memory_cap_mb=math.inf
            if memory_cap is None
            else parse_memory_mb(str(memory_cap), "job.on.memory.cap"),
            time=policies.time.retry > 0 and policies.time.factor > 1,
            time_cap_s=math.inf if time_cap_s is None else time_cap_s,
        )


def _time_cap_s(text: str) -> float | None:
    try:
        return parse_slurm_time(text)
    except ConfigError as exc:
        raise ConfigError(
            "job.on.time.cap: expected a time such as 30, 01:30:00 or 2-00:00:00, "
            f"found {text!r}"
        ) from exc
