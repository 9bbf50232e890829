"""The options of generation, by Ax's names and by hpcopt's."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcopt.core.errors import ConfigError
from hpcopt.core.names import expected_name
from hpcopt.core.types import JSONValue
from hpcopt.generation.methods import METHODS
from hpcopt.generation.spec import GeneratorSpec, check_device
from hpcopt.generation.steps import checked_steps

#: One step as a script writes it: names, or the functions themselves.
StepRecord = Mapping[str, Any]

#: Ax's names of the methods.
_METHODS: Mapping[str, str] = {"fast": "auto", "random_search": "sobol"}


@dataclass(frozen=True)
class GenerationOptions:
    """What a script may choose of how parameterizations are generated."""

    spec: GeneratorSpec = field(default_factory=GeneratorSpec)
    seed: int | None = None
    """The seed, where the client has none."""

    def to_json(self) -> dict[str, JSONValue]:
        """Return what may change from run to run."""
        return self.spec.settings()

    def with_own(
        self,
        generator: str | type,
        options: Mapping[str, JSONValue] | None,
        timeout_s: float | None,
    ) -> GenerationOptions:
        """Return the options with a user's own generator.

        Raises:
            ConfigError: It cannot be found again by its name, or something makes no
                sense.
        """
        spec = dataclasses.replace(
            self.spec,
            generator=importable_name("generator", generator),
            options=dict(options or {}),
            folder=modules_folder(),
            timeout_s=self.spec.timeout_s if timeout_s is None else timeout_s,
        )
        return dataclasses.replace(self, spec=spec)


def modules_folder() -> str:
    """Return where the script's own modules are looked for first."""
    return str(Path(sys.path[0] or Path.cwd()).absolute())


def generation_options(
    method: str,
    initialization_budget: int | None,
    seed: int | None,
    step: StepRecord,
    steps: Sequence[Any],
    torch_device: object,
    threads: int,
) -> GenerationOptions:
    """Return the options for Ax's arguments; hpcopt's names of methods work too.

    Args:
        method: Ax's name, or hpcopt's.
        initialization_budget: How many trials come before the model.
        seed: The seed, where the client has none.
        step: The model and the acquisition for all trials, with their options.
        steps: Several in place of them, as in a config.
        torch_device: Where they are computed; ``None`` for where it suits.
        threads: How many threads they take.

    Raises:
        ConfigError: There is no such name, or something makes no sense.
    """
    known = {**{name: name for name in METHODS}, **_METHODS}
    if method not in known:
        raise ConfigError(f"method: {expected_name(method, [*_METHODS, *METHODS])}")
    if initialization_budget is not None and initialization_budget < 1:
        raise ConfigError(
            "initialization_budget: expected at least 1 trial, "
            f"found {initialization_budget}"
        )
    device = "auto" if torch_device is None else str(torch_device)
    check_device(device, "torch_device")
    spec = GeneratorSpec(
        known[method],
        initialization_budget,
        **_with_names(step),
        steps=checked_steps(
            _with_names(one) if isinstance(one, Mapping) else one for one in steps
        ),
        device=device,
        threads=threads,
    )
    if spec.own_names:
        spec = dataclasses.replace(spec, folder=modules_folder())
    return GenerationOptions(spec, seed)


def importable_name(where: str, given: object) -> str:
    """Return the name by which another process imports what a script hands over.

    Args:
        where: The argument that it is handed over as.
        given: A class, a function, or its name.

    Raises:
        ConfigError: No other process can.
    """
    if isinstance(given, str):
        return given
    module, name = (getattr(given, key, "") for key in ("__module__", "__qualname__"))
    found = name or repr(given)
    if module == "__main__":
        found += " of the script itself; put it in a module"
    elif name and "<" not in name:
        return f"{module}:{name}"
    raise ConfigError(
        f"{where}: expected a class or a function that another process can import, or "
        f"a name, found {found}"
    )


def _with_names(step: StepRecord) -> dict[str, Any]:
    """Return a step with the names of the functions in place of them."""
    return {
        key: importable_name(key, value) if key in ("model", "acquisition") else value
        for key, value in step.items()
    }


def refuse_unsupported(**arguments: tuple[object, object]) -> None:
    """Refuse arguments of Ax's that hpcopt does not support.

    Args:
        arguments: The value of each that was given, and the only one that may be.

    Raises:
        ConfigError: A value is another one.
    """
    for name, (given, only) in arguments.items():
        if given != only:
            raise ConfigError(
                f"{name}: {given!r} is not supported yet; expected {only!r}"
            )
