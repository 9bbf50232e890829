"""Checks of a config before its experiment begins."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from hpcopt.cli.checks.program import look_for_program, missing_module
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import goal_sentence
from hpcopt.config.file import LoadedConfig
from hpcopt.config.specs import experiment_spec, job_runner, notify_spec
from hpcopt.core.errors import ConfigError, RunnerError
from hpcopt.experiment.build import check_space
from hpcopt.experiment.continuation import continuation
from hpcopt.experiment.folder import is_begun, read_experiment
from hpcopt.experiment.job_runner import JobRunnerConfig, RunnerKind
from hpcopt.experiment.spec import ExperimentSpec
from hpcopt.host.clock import SystemClock
from hpcopt.runners.protocol import AttemptRequest, submission_name
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.lint import lint, place_of
from hpcopt.runners.script.template import read_template

#: A line of a template that sets the working directory of its commands.
_SETS_DIRECTORY = re.compile(
    r"^\s*(cd|pushd)\b|^#SBATCH.*\s(--chdir|-D)|\{\{\s*(command|directory)",
    re.MULTILINE,
)

_NO_CD = (
    "without a cd its relative paths start in the folder of the trial or of its job "
    "array; cd {{ config.folder }} goes to the config's"
)


@dataclass(frozen=True)
class Check:
    """The result of a check that found no error."""

    what: str
    found: str
    is_doubtful: bool = False
    """Whether it may fail where the trials run."""


def preflight(loaded: LoadedConfig, kind: RunnerKind) -> Iterator[Check]:
    """Yield the results of all checks of a config; nothing is changed.

    Raises:
        ConfigError: Something is wrong; the message names the file and the key.
        StorageError: The experiment is begun, and its journal cannot be read.
    """
    yield _config(loaded)
    check_space(loaded.config.search_space())
    experiment = experiment_spec(loaded)
    names = ", ".join(metric.name for metric in experiment.metrics)
    yield Check("metrics", names)
    jobs = job_runner(loaded, kind)
    yield from _template(loaded, jobs)
    request = first_request(loaded)
    yield _program(loaded)
    yield from _own_generation(loaded, experiment)
    yield from _notify(loaded)
    yield _folder(loaded, experiment)
    yield _site(loaded, jobs, request)


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


def _template(loaded: LoadedConfig, jobs: JobRunnerConfig) -> Iterator[Check]:
    scripts = jobs.scripts(loaded.config.name, loaded.folder)
    path = scripts.spec.template
    names = [parameter.name for parameter in loaded.config.parameters]
    findings = lint(read_template(path), scripts.spec, names, _has_program)
    errors = [finding.sentence(path) for finding in findings if finding.is_error]
    for finding in findings:
        if not finding.is_error:
            yield Check("template", finding.sentence(path), is_doubtful=True)
    if errors:
        raise ConfigError("\n".join(errors))
    if not _SETS_DIRECTORY.search(read_template(path)):
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


def _own_generation(loaded: LoadedConfig, spec: ExperimentSpec) -> Iterator[Check]:
    """Check that the modules of generation are there: a user's own, and packages."""
    try:
        spec.generation.check_packages()
    except ConfigError as exc:
        raise ConfigError(f"{loaded.path}: generation.{exc}") from exc
    own = spec.generation.own_names
    for key, name in own.items():
        module, folders = name.partition(":")[0], (loaded.config_folder,)
        if missing := missing_module(f"generation.{key}", module, folders):
            raise ConfigError(f"{loaded.path}: {missing}")
    if own:
        yield Check("generator", ", ".join(dict.fromkeys(own.values())))


def _notify(loaded: LoadedConfig) -> Iterator[Check]:
    """Check that the command that tells a person is there."""
    spec = notify_spec(loaded)
    if spec is None:
        return
    program = spec.command[0]
    is_path = "/" in program
    where = str(loaded.config_folder / program) if is_path else program
    told = f"on {', '.join(spec.on)}: {shlex.join(spec.command)}"
    if shutil.which(where):
        yield Check("notify", told)
        return
    missing = (
        f"{program} is not an executable file"
        if is_path
        else (f"there is no program {program} here")
    )
    # The driver may run on another machine, and goes on without anybody told.
    found = f"notify.command: {missing}; nobody would be told"
    yield Check("notify", found, is_doubtful=True)


def _folder(loaded: LoadedConfig, spec: ExperimentSpec) -> Check:
    folder = loaded.folder
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(
            f"{loaded.path}: folder: expected a folder to write in, found {nearest}"
        )
    if not is_begun(folder):
        return Check("folder", str(folder))
    experiment = read_experiment(folder)
    changes = continuation(experiment, spec.definition(), folder).changes
    begun = f"{folder}, begun, {text.count(experiment.n_trials, 'trial')} so far"
    return Check("folder", "; ".join([begun, *changes]))


def _site(
    loaded: LoadedConfig, jobs: JobRunnerConfig, request: AttemptRequest
) -> Check:
    name, folder, clock = loaded.config.name, loaded.folder, SystemClock()
    if jobs.kind == "local":
        jobs.build_local(name, folder, clock.now).plan([request])
        return Check("runner", "local: processes of this machine")
    from hpcopt.slurm.messages import blamed_option

    runner = jobs.build_slurm(name, folder, clock.now)
    try:
        answer = runner.validate(request)
    except RunnerError as exc:
        option = blamed_option(str(exc))
        place = place_of(option, jobs.spec, read_template(jobs.spec.template)) or "job"
        raise ConfigError(f"{loaded.path}: {place}: {exc}") from exc
    return Check("runner", f"slurm: {answer}")
