"""Which generator an experiment uses, as the config and the API say it. No numerics."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals
from hpcopt.core.types import JSONValue
from hpcopt.generation.catalogue import check_packages, is_own
from hpcopt.generation.steps import GenerationStep, check_ends, checked_steps

#: A generation may take so long for its first suggestion.
_TIMEOUT_S = 600.0

#: And for each further one this share of that.
_SHARE_OF_FURTHER = 0.1

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")

#: What a single step is made of.
_STEP_KEYS = ("method", "model", "acquisition", "model_options", "acquisition_options")


@dataclass(frozen=True)
class GeneratorSpec:
    """Which generator proposes.

    Raises:
        ConfigError: Something makes no sense.
    """

    method: str = "auto"
    n_initial: int | None = None
    """How many trials come before the model; ``None`` to go by the search space."""
    generator: str | None = None
    """A user's own, as ``module:Class``; it takes the place of the method."""
    options: Mapping[str, JSONValue] = field(default_factory=dict)
    """The keyword arguments of the user's own class."""
    folder: str | None = None
    """Where the user's own module is looked for first."""
    timeout_s: float = _TIMEOUT_S
    """How long a suggestion may take."""
    threads: int = 1
    """How many threads numerics take while it is at work."""
    model: str = "auto"
    """One of ``MODELS``, or a user's function as ``module:function``."""
    acquisition: str = "auto"
    """One of ``ACQUISITIONS``, or a user's function as ``module:function``."""
    model_options: Mapping[str, JSONValue] = field(default_factory=dict)
    acquisition_options: Mapping[str, JSONValue] = field(default_factory=dict)
    steps: tuple[GenerationStep, ...] = ()
    """Several, one after the other, in place of a method, a model and an acquisition
    for all trials."""
    device: str = "auto"
    """Where named models and acquisitions are computed: ``auto``, ``cpu``, ``cuda`` or
    ``cuda:k``."""

    def __post_init__(self) -> None:
        step = GenerationStep(*(getattr(self, key) for key in _STEP_KEYS))
        if self.steps and step != GenerationStep():
            [*_, found] = step.to_json()
            raise ConfigError(
                f"steps: expected {found} within each step, found it beside them"
            )
        check_ends(self.steps)
        self._check_generator(step)
        if not (math.isfinite(self.timeout_s) and self.timeout_s > 0):
            raise ConfigError(
                f"timeout_s: expected seconds above 0, found {self.timeout_s}"
            )
        if isinstance(self.threads, bool) or not isinstance(self.threads, int):
            raise ConfigError(f"threads: expected a number, found {self.threads!r}")
        if self.threads < 1:
            raise ConfigError(f"threads: expected at least 1, found {self.threads}")
        check_device(self.device, "device")

    def _check_generator(self, step: GenerationStep) -> None:
        if self.generator is None:
            if self.options:
                raise ConfigError(
                    "options: expected a generator that takes them, found none"
                )
            return
        if not is_own(self.generator):
            raise ConfigError(
                f"generator: expected module:Class, found {self.generator!r}"
            )
        if self.steps or step.is_named:
            found = "steps" if self.steps else [*step.to_json()][-1]
            raise ConfigError(
                f"{found}: expected none beside a generator of your own, which "
                "proposes all trials"
            )

    @property
    def all_steps(self) -> tuple[GenerationStep, ...]:
        """The steps, or the only one."""
        if self.steps:
            return self.steps
        return (GenerationStep(*(getattr(self, key) for key in _STEP_KEYS)),)

    @property
    def own_names(self) -> dict[str, str]:
        """What is the user's own, by the key that names it."""
        if self.generator is not None:
            return {"generator": self.generator}
        return {
            f"steps[{number}].{key}" if self.steps else key: name
            for number, step in enumerate(self.all_steps)
            for key, name in step.own_functions.items()
        }

    @property
    def name(self) -> str:
        """What to call it."""
        return self.generator or ", then ".join(step.name for step in self.all_steps)

    def limit_s(self, n: int) -> float:
        """Return how long ``n`` suggestions together may take."""
        return self.timeout_s * (1 + _SHARE_OF_FURTHER * (n - 1))

    def check_goals(self, goals: Goals) -> None:
        """Check that all is defined for the goals of an experiment.

        Raises:
            ConfigError: Something is not; the sentence names what is.
        """
        self._check_each(lambda step: step.check_goals(goals))

    def check_packages(self) -> None:
        """Check that what the models need besides is installed.

        Raises:
            ConfigError: It is not; the sentence says how to install it.
        """
        self._check_each(lambda step: check_packages(step.model))

    def _check_each(self, check: Callable[[GenerationStep], None]) -> None:
        """Check each step; an error names it.

        Raises:
            ConfigError: As ``check`` raises it.
        """
        for number, step in enumerate(self.all_steps):
            try:
                check(step)
            except ConfigError as exc:
                where = f"steps[{number}]." if self.steps else ""
                raise ConfigError(f"{where}{exc}") from exc

    def settings(self) -> dict[str, JSONValue]:
        """Return what the journal keeps, defaults left out."""
        changed: dict[str, JSONValue] = {"method": self.method}
        if self.n_initial is not None:
            changed["n_initial"] = self.n_initial
        if self.generator is not None:
            changed["generator"] = self.generator
            changed["options"] = dict(self.options)
        if self.timeout_s != _TIMEOUT_S:
            changed["timeout_s"] = self.timeout_s
        if self.threads != 1:
            changed["threads"] = self.threads
        if self.device != "auto":
            changed["device"] = self.device
        if self.steps:
            changed["steps"] = [step.to_json() for step in self.steps]
            return changed
        return {**changed, **self.all_steps[0].to_json()}

    def to_json(self) -> dict[str, JSONValue]:
        """Return the spec as a JSON object."""
        return {**self.settings(), "folder": self.folder}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> GeneratorSpec:
        """Return the spec that ``to_json`` or ``settings`` wrote.

        Raises:
            ConfigError: It is none of this version.
        """
        names = {one.name for one in fields(cls)}
        known = {name: record[name] for name in record if name in names}
        if "steps" in known:
            known["steps"] = checked_steps(known["steps"])
        return cls(**known)


def check_device(device: str, where: str) -> None:
    """Check that there may be such a device.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:k``.
        where: What it was given as.

    Raises:
        ConfigError: There is none of this name.
    """
    if not _DEVICE.fullmatch(str(device)):
        raise ConfigError(
            f"{where}: expected auto, cpu, cuda or, of several, cuda:0 and so on, "
            f"found {device!r}"
        )


def spec_of(settings: Mapping[str, Any], modules: str | None = None) -> GeneratorSpec:
    """Return what generates in an experiment with ``settings``.

    Args:
        settings: Those of the experiment.
        modules: The folder where a user's own modules are looked for first.

    Raises:
        ConfigError: It is none of this version.
    """
    spec = GeneratorSpec.from_json(settings.get("generation", {}))
    return replace(spec, folder=modules) if spec.own_names else spec
