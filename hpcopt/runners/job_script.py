"""Writes what a trial's job runs: the rendered template and the wrapper around it."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from hpcopt.core.disk import cannot_write, is_lasting
from hpcopt.core.errors import ConfigError, HpcoptError, SubmissionDeferredError
from hpcopt.core.policy import NO_ADJUSTMENT
from hpcopt.core.types import JSONValue
from hpcopt.runners.job_spec import JobSpec, SlurmValue
from hpcopt.runners.protocol import AttemptRequest, Submission
from hpcopt.runners.sbatch_lines import directives
from hpcopt.runners.shell_template import ShellText, render_script, render_text
from hpcopt.runners.template_lint import FORBIDDEN, full_name
from hpcopt.runners.trial_folder import (
    AttemptFolder,
    attempt_folder,
    make_folder,
    sync_folder,
    write_durably,
)
from hpcopt.runners.wrapper import array_wrapper, pack_wrapper, wrapper

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


@dataclass(frozen=True)
class RenderedJob:
    """What one attempt runs, as text; nothing of it is written yet."""

    script: str
    """The rendered template."""
    job: str
    """The wrapper, with the template's ``#SBATCH`` lines."""
    directives: tuple[str, ...]
    """The template's ``#SBATCH`` lines."""
    options: Mapping[str, str | None]
    """Options for sbatch's command line by long name; ``None`` for a flag."""
    parameters: str
    """The parameterization, as JSON."""
    variables: Mapping[str, str]
    """The script's environment, as far as it is the trial's own."""
    python_path: str
    """A folder to look for Python modules in before all others; empty for none."""

    @property
    def digest(self) -> str:
        """SHA-256 of all of it, in hexadecimal."""
        options = json.dumps(dict(self.options), sort_keys=True)
        parts = "\0".join((self.script, self.job, options, self.parameters))
        return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()


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
        self._python = python

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
        names = self._names(request, name)
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
        lines = _directives(script, spec.template)
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
        options = {
            option: _option_text(option, value, names)
            for option, value in spec.options.items()
        }
        return RenderedJob(
            script=script,
            job=wrapper(lines, variables, modules),
            directives=lines,
            options=spec.growth.apply(options, lines, request.adjustment),
            parameters=json.dumps(dict(request.parameters), allow_nan=False),
            variables=variables,
            python_path=modules,
        )

    def changed_options(self, request: AttemptRequest) -> dict[str, JSONValue]:
        """Return the options that differ from those of the trial's first attempt."""
        if not request.adjustment.to_json():
            return {}
        first = self.render(replace(request, adjustment=NO_ADJUSTMENT), "").options
        now = self.render(request, "").options
        return {k: v for k, v in now.items() if v != first.get(k)}

    def gives_more(self, before: AttemptRequest, after: AttemptRequest) -> bool:
        """Whether the two would be submitted with different options."""
        return self.changed_options(before) != self.changed_options(after)

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
            make_folder(folder.path)
            write_durably(folder.parameters, rendered.parameters + "\n")
            write_durably(folder.script, rendered.script, mode=0o755)
            if not is_packed:
                write_durably(folder.job, rendered.job, mode=0o755)
            sync_folder(folder.path)
        except OSError as exc:
            raise _write_error(folder.path, exc) from exc
        return folder

    def write_array(
        self, submission: Submission, rendered: Sequence[RenderedJob]
    ) -> Path:
        """Write a job array's folder durably, and return it.

        Its ``job.sh`` is what to submit; task ``k`` runs ``requests[k]``, whose folder
        is written by ``write``.

        Raises:
            SubmissionDeferredError: A file could not be written just now.
            StorageError: A file cannot be written: the disk is full, or read-only.
        """
        folder = self.experiment_folder / "arrays" / submission.name
        text = array_wrapper(_shared_directives(submission, rendered), folder)
        self._write_group(folder, submission, text)
        return folder

    def write_pack(
        self, submission: Submission, rendered: Sequence[RenderedJob], at_once: int
    ) -> Path:
        """Write the folder of a pack durably, and return it.

        Its ``job.sh`` is what to submit; it runs all the requests, whose folders are
        written by ``write``, ``at_once`` of them at a time.

        Raises:
            SubmissionDeferredError: A file could not be written just now.
            StorageError: A file cannot be written: the disk is full, or read-only.
        """
        folder = self.pack_folder(submission.name)
        lines = _shared_directives(submission, rendered)
        text = pack_wrapper(lines, folder, self._python, at_once)
        members = [
            {"variables": dict(job.variables), "python_path": job.python_path}
            for job in rendered
        ]
        self._write_group(folder, submission, text, {"pack.json": json.dumps(members)})
        return folder

    def pack_folder(self, name: str) -> Path:
        """Return the folder of a pack, which may not exist yet."""
        return self.experiment_folder / "packs" / name

    def _write_group(
        self,
        folder: Path,
        submission: Submission,
        job: str,
        others: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write a ``job.sh``, and a link to the folder of each attempt."""
        try:
            make_folder(folder)
            for task, request in enumerate(submission.requests):
                target = Path("../..") / self.folder(request).path.relative_to(
                    self.experiment_folder
                )
                link = folder / str(task)
                if not link.is_symlink():
                    link.symlink_to(target)
            for name, text in others.items():
                write_durably(folder / name, text)
            write_durably(folder / "job.sh", job, mode=0o755)
            sync_folder(folder)
        except OSError as exc:
            raise _write_error(folder, exc) from exc

    def _names(self, request: AttemptRequest, name: str) -> dict[str, object]:
        reserved = sorted(RESERVED_NAMES & set(request.parameters))
        if reserved:
            raise ConfigError(
                f"parameter {reserved[0]!r}: this name means something else in job "
                "templates; call the parameter otherwise"
            )
        folder = self.folder(request).path
        named = {k: v for k, v in request.parameters.items() if k.isidentifier()}
        return {
            **named,
            "parameters": dict(request.parameters),
            "trial": {
                "index": request.trial_index,
                "attempt": request.number,
                "name": name,
                "folder": str(folder),
                "checkpoint": str(folder.parent),
            },
            "experiment": {
                "name": self.experiment_name,
                "folder": str(self.experiment_folder),
            },
            "config": {"folder": str(self.spec.config_folder.absolute())},
            "python": self._python,
        }

    def _command(self, names: Mapping[str, object]) -> dict[str, ShellText]:
        """Return ``command``, or nothing if the template must do without."""
        if self.spec.function is not None:
            words = [self._python, "-m", "hpcopt.worker", self.spec.function]
        elif self.spec.command is not None:
            words = [
                render_text(word, names, f"job.command[{position}]")
                for position, word in enumerate(self.spec.command)
            ]
        else:
            return {}
        return {"command": ShellText(shlex.join(words))}


def _write_error(path: Path, exc: OSError) -> HpcoptError:
    if is_lasting(exc):
        return cannot_write(Path(exc.filename or path), exc)
    return SubmissionDeferredError(f"cannot write {path}: {exc}")


def digest(rendered: Sequence[RenderedJob]) -> str:
    """Return one SHA-256, in hexadecimal, of all that a submission runs."""
    digests = "\n".join(job.digest for job in rendered)
    return hashlib.sha256(digests.encode()).hexdigest()


def _shared_directives(
    submission: Submission, rendered: Sequence[RenderedJob]
) -> tuple[str, ...]:
    shared = rendered[0].directives
    if any(job.directives != shared for job in rendered):
        raise ValueError(f"{submission.name}: its tasks differ in #SBATCH lines")
    return shared


def _option_text(
    option: str, value: SlurmValue, names: Mapping[str, object]
) -> str | None:
    if value is True:
        return None
    if isinstance(value, str):
        return render_text(value, names, f"job.slurm.{option}")
    return str(value)


def _directives(script: str, template: Path) -> tuple[str, ...]:
    """Return the ``#SBATCH`` lines of a script.

    Raises:
        ConfigError: The script has no shebang, or a ``#SBATCH`` line that sbatch would
            not see or that hpcopt cannot have.
    """
    first = script.partition("\n")[0]
    if not first.startswith("#!"):
        raise ConfigError(
            f"{template}, line 1: expected a shebang such as #!/bin/bash, "
            f"found {first!r}"
        )
    found = directives(script)
    for each in found:
        where = f"{template}, line {each.line} of the script"
        if each.after:
            raise ConfigError(
                f"{where}: {each.text!r} stands after the first command, "
                f"{each.after!r}; sbatch does not look at it there"
            )
        try:
            names = {full_name(name) for name, _ in each.options}
        except ValueError as exc:
            raise ConfigError(f"{where}: {each.text!r}: {exc}") from exc
        for name in sorted(names & FORBIDDEN.keys()):
            raise ConfigError(
                f"{where}: --{name} cannot be used in a trial's script: "
                f"{FORBIDDEN[name]}"
            )
    return tuple(each.text for each in found)
