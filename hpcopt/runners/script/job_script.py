"""Writes what a trial's job runs: the rendered template and the wrapper around it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from hpcopt.core.errors import ConfigError, HpcoptError, SubmissionDeferredError
from hpcopt.core.trials.adjustment import NO_ADJUSTMENT
from hpcopt.core.types import JSONValue
from hpcopt.host.durable import (
    cannot_write,
    is_lasting,
    make_folder_durably,
    sync_folder,
    write_text_durably,
)
from hpcopt.runners.protocol import AttemptRequest, Submission
from hpcopt.runners.script.attempt_folder import AttemptFolder, attempt_folder
from hpcopt.runners.script.job_spec import JobSpec, SlurmValue
from hpcopt.runners.script.rendered_job import (
    RenderedJob,
    shared_directives,
)
from hpcopt.runners.script.sbatch_lines import checked_directives
from hpcopt.runners.script.template import ShellText, render_script, render_text
from hpcopt.runners.script.wrapper import array_wrapper, pack_wrapper, wrapper

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
        options = {
            option: _option_text(option, value, names)
            for option, value in spec.options.items()
        }
        return RenderedJob(
            script=script,
            job=wrapper(lines, variables, modules),
            directives=lines,
            options=spec.escalation.apply(options, lines, request.adjustment),
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
        text = array_wrapper(shared_directives(submission, rendered), folder)
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
        lines = shared_directives(submission, rendered)
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
            make_folder_durably(folder)
            for task, request in enumerate(submission.requests):
                target = Path("../..") / self.folder(request).path.relative_to(
                    self.experiment_folder
                )
                link = folder / str(task)
                if not link.is_symlink():
                    link.symlink_to(target)
            for name, text in others.items():
                write_text_durably(folder / name, text, sync_parent=False)
            write_text_durably(folder / "job.sh", job, mode=0o755)
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
            words = [self._python, "-m", "hpcopt.node.worker", self.spec.function]
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


def _option_text(
    option: str, value: SlurmValue, names: Mapping[str, object]
) -> str | None:
    if value is True:
        return None
    if isinstance(value, str):
        return render_text(value, names, f"job.slurm.{option}")
    return str(value)
