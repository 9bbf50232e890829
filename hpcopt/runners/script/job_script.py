"""Renders and writes what an attempt runs: the template and the wrapper around it."""

from __future__ import annotations

import itertools
import json
import shlex
import sys
from collections.abc import ItemsView, Mapping, ValuesView
from dataclasses import replace
from pathlib import Path

from typing_extensions import override

from hpcopt.core.errors import ConfigError, HpcoptError, SubmissionDeferredError
from hpcopt.core.trials.adjustment import NO_ADJUSTMENT, Adjustment
from hpcopt.core.types import JSONValue
from hpcopt.host.durable import (
    cannot_write,
    is_lasting,
    make_folder_durably,
    sync_folder,
    write_text_durably,
)
from hpcopt.runners.protocol import AttemptRequest
from hpcopt.runners.script.attempt_folder import AttemptFolder, attempt_folder
from hpcopt.runners.script.job_spec import JobSpec, SlurmValue
from hpcopt.runners.script.rendered_job import RenderedJob
from hpcopt.runners.script.sbatch_lines import checked_directives
from hpcopt.runners.script.template import ShellText, render_script, render_text
from hpcopt.runners.script.wrapper import wrapper

#: Names that mean something else in templates than a parameter.
RESERVED_NAMES = frozenset(
    {
        "command",
        "config",
        "directory",
        "experiment",
        "parameters",
        "python",
        "setup",
        "trial",
    }
)


class JobScripts:
    """Renders and writes the scripts of an experiment's trials."""

    def __init__(
        self,
        experiment_name: str,
        experiment_folder: Path,
        spec: JobSpec,
        *,
        python: str = sys.executable,
    ) -> None:
        self.experiment_name = experiment_name
        self.experiment_folder = experiment_folder.absolute()
        self.spec = spec
        self.python = python

    def folder(self, request: AttemptRequest) -> AttemptFolder:
        """Return the folder of the attempt, which may not exist yet."""
        return attempt_folder(
            self.experiment_folder, request.trial_index, request.number
        )

    def render(self, request: AttemptRequest, name: str) -> RenderedJob:
        """Return what the attempt would run, submitted under ``name``.

        Raises:
            ConfigError: The template or an expression of ``job`` is wrong, or cannot
                be rendered for these parameters.
        """
        spec = self.spec
        trial = _TrialNames(self._trial_names(request, name))
        names = self._names(request, trial)
        directory = render_text(spec.directory, names, "job.directory")
        script = render_script(
            spec.template,
            {
                **names,
                **self._command(names),
                "setup": ShellText("\n".join(spec.setup)),
                "directory": str(spec.config_folder.absolute() / directory),
            },
        )
        lines = checked_directives(script, spec.template)
        variables = {
            key: render_text(text, names, f"job.environment.{key}")
            for key, text in spec.environment.items()
        }
        variables |= {
            "HPCOPT_EXPERIMENT_FOLDER": str(self.experiment_folder),
            "HPCOPT_TRIAL_FOLDER": str(self.folder(request).path),
            "HPCOPT_TRIAL_INDEX": str(request.trial_index),
            "HPCOPT_ATTEMPT": str(request.number),
        }
        is_function = spec.function is not None
        modules = str(spec.config_folder.absolute()) if is_function else ""
        first_options = {
            option: _option_text(option, value, names)
            for option, value in spec.options.items()
        }
        return RenderedJob(
            script=script,
            job=wrapper(lines, variables, modules),
            directives=lines,
            options=spec.escalation.apply(first_options, lines, request.adjustment),
            first_options=first_options,
            parameters=json.dumps(dict(request.parameters), allow_nan=False),
            variables=variables,
            python_path=modules,
            is_named=trial.is_name_used,
        )

    def renamed(
        self, rendered: RenderedJob, request: AttemptRequest, name: str
    ) -> RenderedJob:
        """Return what was rendered under another name, as it is under ``name``.

        Raises:
            ConfigError: It cannot be rendered under this name.
        """
        return self.render(request, name) if rendered.is_named else rendered

    def adjusted(self, rendered: RenderedJob, adjustment: Adjustment) -> RenderedJob:
        """Return what was rendered, with the options of another adjustment.

        Raises:
            ConfigError: More shall be given of something, and nothing says how much of
                it a first attempt gets.
        """
        options = self.spec.escalation.apply(
            rendered.first_options, rendered.directives, adjustment
        )
        return replace(rendered, options=options)

    def gives_more(self, before: AttemptRequest, after: AttemptRequest) -> bool:
        """Whether the adjustments of the two make a difference to their options."""
        return self.changed_options(before) != self.changed_options(after)

    def changed_options(self, request: AttemptRequest) -> dict[str, JSONValue]:
        """Return the options that differ from those of the trial's first attempt."""
        if request.adjustment == NO_ADJUSTMENT:
            return {}
        return self.render(request, "").changed_options

    def metadata(self, request: AttemptRequest) -> dict[str, JSONValue]:
        """Return ``RenderedJob.metadata`` of an attempt that was submitted before.

        Raises:
            ConfigError: It was given more of something, and cannot be rendered now.
        """
        try:
            return self.render(request, "").metadata
        except ConfigError:
            # A config that was changed meanwhile is no reason not to find the job.
            if request.adjustment != NO_ADJUSTMENT:
                raise
            return {}

    def next_attempt(self, trial_index: int) -> int:
        """Return the number of the trial's first attempt that has no folder."""
        numbers = itertools.count()
        return next(
            number
            for number in numbers
            if not self.folder(AttemptRequest(trial_index, number, {})).path.exists()
        )

    def write(
        self, request: AttemptRequest, rendered: RenderedJob, *, is_packed: bool = False
    ) -> AttemptFolder:
        """Write the attempt's folder durably, and return it.

        One that is packed has no ``job.sh`` of its own.

        Raises:
            SubmissionDeferredError: A file could not be written just now.
            StorageError: A file cannot be written: the disk is full, or read-only.
        """
        folder = self.folder(request)
        try:
            make_folder_durably(folder.path)
            parameters = rendered.parameters + "\n"
            write_text_durably(folder.parameters, parameters, sync_parent=False)
            scripts = {folder.script: rendered.script}
            if not is_packed:
                scripts[folder.job] = rendered.job
            for path, text in scripts.items():
                write_text_durably(path, text, mode=0o755, sync_parent=False)
            sync_folder(folder.path)
        except OSError as exc:
            raise cannot_write_now(folder.path, exc) from exc
        return folder

    def _trial_names(self, request: AttemptRequest, name: str) -> dict[str, object]:
        folder = self.folder(request).path
        return {
            "index": request.trial_index,
            "attempt": request.number,
            "name": name,
            "folder": str(folder),
            "checkpoint": str(folder.parent),
        }

    def _names(
        self, request: AttemptRequest, trial: Mapping[str, object]
    ) -> dict[str, object]:
        reserved = sorted(RESERVED_NAMES & set(request.parameters))
        if reserved:
            raise ConfigError(
                f"parameter {reserved[0]!r}: this name means something else in job "
                "templates; call the parameter otherwise"
            )
        named = {k: v for k, v in request.parameters.items() if k.isidentifier()}
        return {
            **named,
            "parameters": dict(request.parameters),
            "trial": trial,
            "experiment": {
                "name": self.experiment_name,
                "folder": str(self.experiment_folder),
            },
            "config": {"folder": str(self.spec.config_folder.absolute())},
            "python": self.python,
        }

    def _command(self, names: Mapping[str, object]) -> dict[str, ShellText]:
        """Return ``command``, or nothing if the template must do without."""
        if self.spec.function is not None:
            words = [self.python, "-m", "hpcopt.node.worker", self.spec.function]
        elif self.spec.command is not None:
            words = [
                render_text(word, names, f"job.command[{position}]")
                for position, word in enumerate(self.spec.command)
            ]
        else:
            return {}
        return {"command": ShellText(shlex.join(words))}


class _TrialNames(dict[str, object]):
    """What ``trial`` is in templates; tells afterwards whether its name was used."""

    is_name_used = False

    @override
    def __getitem__(self, key: str) -> object:
        self.is_name_used |= key == "name"
        return super().__getitem__(key)

    @override
    def get(self, key: str, default: object = None) -> object:
        return self[key] if key in self else default  # noqa: SIM401 - that is this

    @override
    def items(self) -> ItemsView[str, object]:  # type: ignore[override]
        return ItemsView(self)

    @override
    def values(self) -> ValuesView[object]:  # type: ignore[override]
        return ValuesView(self)

    @override
    def __repr__(self) -> str:
        return repr(dict(self.items()))


def cannot_write_now(path: Path, exc: OSError) -> HpcoptError:
    """Return what follows from a file below ``path`` that cannot be written."""
    if is_lasting(exc):
        return cannot_write(Path(exc.filename or path), exc)
    return SubmissionDeferredError(f"cannot write {path}: {exc}")


def _option_text(
    option: str, value: SlurmValue, names: Mapping[str, object]
) -> str | None:
    if value is True:
        return None
    if isinstance(value, str):
        return render_text(value, names, f"job.slurm.{option}")
    return str(value)
