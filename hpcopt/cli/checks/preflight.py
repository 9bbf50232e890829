"""What is looked at before an experiment is begun, so that nothing fails later."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hpcopt.cli.checks.program import look_for_program
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import goal_sentence
from hpcopt.config.file import LoadedConfig
from hpcopt.core.errors import ConfigError, RunnerError
from hpcopt.experiment import parts
from hpcopt.experiment.continuation import continued_space
from hpcopt.experiment.folder import is_begun, read_experiment
from hpcopt.host.clock import SystemClock
from hpcopt.runners.protocol import AttemptRequest, submission_name
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.lint import lint, place_of
from hpcopt.runners.script.template import read_template

Runner = Literal["slurm", "local"]

#: A line of a template that says in which folder its commands run.
_GOES_SOMEWHERE = re.compile(
    r"^\s*(cd|pushd)\b|^#SBATCH.*\s(--chdir|-D)|\{\{\s*(command|directory)",
    re.MULTILINE,
)

_NO_CD = (
    "without a cd its relative paths start in the folder of the trial or of its job "
    "array; cd {{ config.folder }} goes to the config's"
)


@dataclass(frozen=True)
class Check:
    """Something that was looked at and found in order."""

    what: str
    found: str
    is_doubtful: bool = False
    """Whether it may fail where the trials run."""


def preflight(loaded: LoadedConfig, kind: Runner) -> Iterator[Check]:
    """Look at all that a config needs, one thing after another; change nothing.

    Raises:
        ConfigError: Something is wrong; the message names the file and the key.
        StorageError: The experiment is begun, and its journal cannot be read.
    """
    yield _config(loaded)
    parts.check_space(loaded.config.search_space())
    parts.make_reader(loaded.config, kind, SystemClock())
    names = ", ".join(metric.name for metric in loaded.config.metrics)
    yield Check("metrics", names)
    yield from _template(loaded)
    request = first_request(loaded)
    yield _program(loaded)
    yield _folder(loaded)
    yield _site(loaded, kind, request)


def first_request(loaded: LoadedConfig) -> AttemptRequest:
    """Return the first attempt of the first trial: the centre of the space."""
    from hpcopt.generation.design.center import center_of

    return AttemptRequest(0, 0, center_of(loaded.config.search_space()))


def _config(loaded: LoadedConfig) -> Check:
    config = loaded.config
    goal = goal_sentence(config.goals())
    n_parameters = text.count(len(config.parameters), "parameter")
    return Check(
        "config",
        f"{loaded.path.name}: {goal} over {n_parameters}, "
        f"{text.count(config.run.max_trials, 'trial')}, "
        f"{config.run.parallelism} at a time",
    )


def _template(loaded: LoadedConfig) -> Iterator[Check]:
    scripts = parts.job_scripts(loaded)
    path = scripts.spec.template
    names = [parameter.name for parameter in loaded.config.parameters]
    findings = lint(read_template(path), scripts.spec, names, _has_program)
    errors = [finding.sentence(path) for finding in findings if finding.is_error]
    for finding in findings:
        if not finding.is_error:
            yield Check("template", finding.sentence(path), is_doubtful=True)
    if errors:
        raise ConfigError("\n".join(errors))
    if not _GOES_SOMEWHERE.search(read_template(path)):
        yield Check("template", f"{path}: {_NO_CD}", is_doubtful=True)
    _render_each_shape(loaded, scripts)
    yield Check("template", f"{path}, rendered for the centre of the space")


def _render_each_shape(loaded: LoadedConfig, scripts: JobScripts) -> None:
    """Render the first trial, and one for each other set of active parameters."""
    from hpcopt.generation.design.center import shapes

    space = loaded.config.search_space()
    for parameters in shapes(space):
        request = AttemptRequest(0, 0, parameters)
        try:
            scripts.render(request, submission_name(loaded.config.name, [request]))
        except ConfigError as exc:
            inactive = [p.name for p in space.parameters if p.name not in parameters]
            missing = [name for name in inactive if f"'{name}'" in str(exc)]
            if not missing:
                raise
            raise ConfigError(
                f"{exc}. There are trials without {', '.join(missing)}: expected a "
                f"default there, such as {{{{ {missing[0]} | default(0) }}}}"
            ) from exc


def _has_program(name: str) -> bool:
    return shutil.which(name) is not None


def _program(loaded: LoadedConfig) -> Check:
    finding = look_for_program(loaded)
    if finding.is_error:
        raise ConfigError(f"{loaded.path}: {finding.text}")
    if finding.is_doubtful:
        found = f"{finding.text} here; does the job provide it?"
        return Check("program", found, is_doubtful=True)
    return Check("program", finding.text)


def _folder(loaded: LoadedConfig) -> Check:
    folder = loaded.folder
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(
            f"{loaded.path}: folder: expected a folder to write in, found {nearest}"
        )
    if not is_begun(folder):
        return Check("folder", str(folder))
    experiment = read_experiment(folder)
    _, changes = continued_space(experiment, loaded.config.definition(), folder)
    begun = f"{folder}, begun, {text.count(experiment.n_trials, 'trial')} so far"
    return Check("folder", "; ".join([begun, *changes]))


def _site(loaded: LoadedConfig, kind: Runner, request: AttemptRequest) -> Check:
    if kind == "local":
        parts.make_local_runner(loaded, SystemClock()).plan([request])
        return Check("runner", "local: processes of this machine")
    from hpcopt.slurm.messages import blamed_option

    runner = parts.make_slurm_runner(loaded, SystemClock())
    try:
        answer = runner.validate(request)
    except RunnerError as exc:
        spec = parts.job_scripts(loaded).spec
        option = blamed_option(str(exc))
        place = place_of(option, spec, read_template(spec.template)) or "job"
        raise ConfigError(f"{loaded.path}: {place}: {exc}") from exc
    return Check("runner", f"slurm: {answer}")
