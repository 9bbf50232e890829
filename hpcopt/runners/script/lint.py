"""Looks for mistakes in a job template before anything is submitted.

Errors are what would run another job than the one that is meant; a warning is what may
be meant and mostly is not. Nothing is rendered: the lines are those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from hpcopt.runners.script.job_spec import JobSpec
from hpcopt.runners.script.sbatch_lines import (
    FORBIDDEN,
    MANAGED,
    Directive,
    directives,
    full_name,
)

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_STATEMENT = re.compile(r"\{%#.*?#%\}|\{%.*?%\}", re.DOTALL)
_SHELLS = ("sh", "bash", "dash", "ksh", "zsh", "ash")
_NEARLY = re.compile(r"\s+#SBATCH\s+-|#\s+SBATCH\s+-|#\s*sbatch\s+-")
_SBATCH_CALL = re.compile(r"(?:^|[;&|({`])\s*(?:exec\s+)?sbatch\s(?!.*(--wait\b|-W\b))")
_ERREXIT = re.compile(r"^\s*set\s+-(\w*e|o\s+errexit)|^#!.*\s-\w*e", re.MULTILINE)

#: Commands that succeed whatever has happened before them.
_MASKS = re.compile(r"(exit\s+0|true|:|wait|(echo|printf|date)\b[^|&]*)\s*;?\s*")


@dataclass(frozen=True)
class TemplateProblem:
    """One thing that is wrong, or seems to be."""

    line: int | None
    """Its line in the template, from 1; ``None`` if it is about the whole."""
    message: str
    """One sentence, without the line."""
    is_error: bool = False

    def sentence(self, template: object) -> str:
        """Return the sentence with its place."""
        place = f"{template}, line {self.line}" if self.line else f"{template}"
        return f"{place}: {self.message}"


def lint(
    source: str,
    spec: JobSpec,
    parameters: Collection[str],
    has_program: Callable[[str], bool],
) -> list[TemplateProblem]:
    """Return what is wrong with a template, by line.

    Args:
        source: Its text.
        spec: What else is known of the job; its template is not read.
        parameters: The names of the experiment's parameters.
        has_program: Whether an interpreter, a path or a name on PATH, is there.
    """
    script = _STATEMENT.sub(lambda found: "\n" * found[0].count("\n"), source)
    if not spec.setup:
        script = re.sub(r"\{\{\s*setup\s*\}\}", "", script)
    found = directives(script)
    findings = [
        *_shebang(script, has_program),
        *_comments(script),
        *_places(found),
        *_options(found),
        *_signals(script, found, spec),
        *_commands(script),
        *_unused(source, spec, parameters),
    ]
    return sorted(findings, key=lambda finding: finding.line or 0)


def interpreter(script: str) -> str:
    """Return the program that the shebang of a script names; empty for none."""
    words = script.split("\n", 1)[0].removeprefix("#!").split()
    if not script.startswith("#!") or not words:
        return ""
    if words[0].rpartition("/")[2] == "env":
        words = [w for w in words[1:] if not w.startswith("-") and "=" not in w]
    return words[0] if words else ""


def is_shell(script: str) -> bool:
    """Whether the shebang of a script names a shell of the Bourne family."""
    return interpreter(script).rpartition("/")[2] in _SHELLS


def _shebang(
    script: str, has_program: Callable[[str], bool]
) -> Iterator[TemplateProblem]:
    first = script.split("\n", 1)[0]
    name = interpreter(script)
    if not name:
        yield TemplateProblem(
            1, f"expected a shebang such as #!/bin/bash, found {first!r}", True
        )
    elif "{{" not in first and not has_program(name):
        yield TemplateProblem(
            1, f"the interpreter {name} is not on this machine; is it on the nodes?"
        )


def _comments(script: str) -> Iterator[TemplateProblem]:
    for number, line in enumerate(script.split("\n"), start=1):
        if _NEARLY.match(line):
            yield TemplateProblem(
                number,
                f"{line.strip()!r} is a comment to sbatch, which reads only lines that "
                "begin with #SBATCH",
            )


def place_of(option: str, spec: JobSpec, source: str) -> str:
    """Return where an option of sbatch is set: a key of the config, or a line.

    Args:
        option: Its long name.
        spec: The job.
        source: The text of the template.
    """
    for key in spec.slurm:
        if key.replace("_", "-") == option:
            return f"job.slurm.{key}"
    for each in reversed(directives(source)):
        if option in (name for name, _ in each.options):
            return f"{spec.template}, line {each.line}"
    return ""


def _places(found: list[Directive]) -> Iterator[TemplateProblem]:
    for each in found:
        if each.after:
            yield TemplateProblem(
                each.line,
                f"{each.text!r} stands after the first command, {each.after!r}; "
                "sbatch does not look at it there",
                True,
            )


def _options(found: list[Directive]) -> Iterator[TemplateProblem]:
    seen: dict[str, tuple[str | None, int]] = {}
    for each in found:
        try:
            options = each.options
        except ValueError as exc:
            yield TemplateProblem(each.line, f"{each.text!r}: {exc}".lower(), True)
            continue
        for given, value in options:
            name = full_name(given)
            yield from _option(each.line, name, value)
            before, line = seen.get(name, (value, 0))
            if before != value and name not in FORBIDDEN and name not in MANAGED:
                yield TemplateProblem(
                    each.line,
                    f"--{name} is on line {line} already, as {before}; "
                    f"the last one, {value}, counts",
                )
            seen[name] = (value, each.line)


def _option(line: int, name: str, value: str | None) -> Iterator[TemplateProblem]:
    if name in FORBIDDEN:
        yield TemplateProblem(
            line,
            f"--{name} cannot be used in a trial's script: {FORBIDDEN[name]}",
            True,
        )
    elif name in MANAGED:
        yield TemplateProblem(
            line,
            f"--{name}: hpcopt sets this option itself, and the line has no effect"
            f"{MANAGED[name]}",
        )
    elif not name and value in ("hetjob", "packjob"):
        yield TemplateProblem(
            line, "a trial cannot be a heterogeneous job, as arrays cannot be", True
        )
    elif not name:
        yield TemplateProblem(
            line, f"expected an option, such as --{value}, found {value!r}", True
        )


def _signals(
    script: str, found: list[Directive], spec: JobSpec
) -> Iterator[TemplateProblem]:
    """Warn of a signal that would reach no program."""
    given: list[tuple[int | None, str]] = []
    if isinstance(signal := spec.options.get("signal"), str):
        given.append((None, signal))
    for each in found:
        try:
            options = each.options
        except ValueError:
            continue  # told by _options
        given += [
            (each.line, value or "") for name, value in options if name == "signal"
        ]
    text = " ".join((script, *(spec.command or ())))
    for line, signal in given[:1]:
        flags = signal.partition(":")[0] if ":" in signal else ""
        if "B" not in flags and not re.search(r"\b(srun|mpirun|mpiexec)\b", text):
            yield TemplateProblem(
                line,
                f"--signal={signal} is sent to steps of srun only, and there is none: "
                f"for the script itself it is --signal=B:{signal.rpartition(':')[2]}",
            )
        elif "B" in flags and not re.search(r"^\s*(exec|trap)\s", script, re.MULTILINE):
            yield TemplateProblem(
                line,
                f"--signal={signal} reaches the script and not its program: begin the "
                "program's line with exec, or trap the signal",
            )


def _commands(script: str) -> Iterator[TemplateProblem]:
    if not is_shell(script):
        return
    lines = [
        (number, line.strip())
        for number, line in enumerate(script.split("\n"), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    for number, line in lines:
        if _SBATCH_CALL.search(f"{line} "):
            yield TemplateProblem(
                number,
                "a job submitted within the script: the trial ends with this script, "
                "not with that job; --wait makes it wait",
            )
    if len(lines) < 2 or _ERREXIT.search(script):
        return
    (_, before), (number, last) = lines[-2:]
    if _MASKS.fullmatch(last) and "||" not in before:
        yield TemplateProblem(
            number,
            f"{last!r} succeeds whatever came before: a trial whose program failed "
            "would not count as failed; set -e at the top, or exec for the program",
        )


def _unused(
    source: str, spec: JobSpec, parameters: Collection[str]
) -> Iterator[TemplateProblem]:
    """Warn of parameters that nothing depends on."""
    expressions = " ".join(_EXPRESSION.findall(source))
    words = set(re.findall(r"\w+", expressions))
    if "command" in words and spec.function is not None:
        return
    texts = [source, spec.directory, *spec.setup, *spec.environment.values()]
    texts += [value for value in spec.options.values() if isinstance(value, str)]
    if "command" in words:
        texts += spec.command or ()
    everything = "\n".join(texts)
    named = set(re.findall(r"\w+", " ".join(_EXPRESSION.findall(everything))))
    if "parameters" in named or re.search(
        r"HPCOPT_TRIAL_|parameters\.json", everything
    ):
        return
    unused = [name for name in parameters if name not in named]
    if len(unused) == len(parameters):
        yield TemplateProblem(
            None, "no parameter is named in it: all trials would be the same"
        )
    elif unused:
        yield TemplateProblem(
            None,
            f"the parameter {unused[0]!r} is named nowhere: nothing depends on it, "
            "unless the program reads parameters.json",
        )
