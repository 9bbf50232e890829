"""The options of generation, by Ax's names and by hpcopt's."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpcopt.core.errors import ConfigError
from hpcopt.core.names import expected_name
from hpcopt.core.types import JSONValue
from hpcopt.generation.methods import METHODS
from hpcopt.generation.spec import GeneratorSpec

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
        if isinstance(generator, type):
            if generator.__module__ == "__main__":
                raise ConfigError(
                    f"generator: expected a class that another process can import, "
                    f"found {generator.__qualname__} of the script itself; put it in "
                    "a module"
                )
            generator = f"{generator.__module__}:{generator.__qualname__}"
        spec = dataclasses.replace(
            self.spec,
            generator=generator,
            options=dict(options or {}),
            folder=modules_folder(),
            timeout_s=self.spec.timeout_s if timeout_s is None else timeout_s,
        )
        return dataclasses.replace(self, spec=spec)


def modules_folder() -> str:
    """Return where the script's own modules are looked for first."""
    return str(Path(sys.path[0] or Path.cwd()).absolute())


def generation_options(
    method: str, initialization_budget: int | None, seed: int | None, threads: int
) -> GenerationOptions:
    """Return the options for Ax's arguments; hpcopt's names of methods work too.

    Raises:
        ConfigError: There is no such method, or the budget or the number of threads is
            not positive.
    """
    known = {**{name: name for name in METHODS}, **_METHODS}
    if method not in known:
        raise ConfigError(f"method: {expected_name(method, [*_METHODS, *METHODS])}")
    if initialization_budget is not None and initialization_budget < 1:
        raise ConfigError(
            "initialization_budget: expected at least 1 trial, "
            f"found {initialization_budget}"
        )
    spec = GeneratorSpec(known[method], initialization_budget, threads=threads)
    return GenerationOptions(spec, seed)


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
