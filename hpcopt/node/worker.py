"""Runs a Python function as a trial: ``python -m hpcopt.node.worker module:function``.

The job's script runs it in ``job.directory``, from where the module is imported.
Parameters come from ``parameters.json`` in the attempt's folder and are passed by
keyword; the result goes to ``result.h5`` there. The function returns

* a dict of metric name to a number, a ``(mean, sem)`` tuple, or an array of numbers;
* or one number or ``(mean, sem)``, the metric ``objective``;
* or nothing, if it has called ``hpcopt.report``.

A metric is the dataset ``/<name>``, its standard error ``/<name>_sem``; what is
returned replaces what was reported under the same name. The exit code is 1, after the
traceback, if the function raises, and 2, after one sentence, if it cannot be called or
returns something else. Then ``error.json`` in the folder says what went wrong.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hpcopt.core.errors import UsageError
from hpcopt.metrics import result_file
from hpcopt.node import report
from hpcopt.runners.script.worker_error import ErrorNote

#: The metric that a bare number is.
OBJECTIVE = "objective"


@dataclass(frozen=True)
class _Task:
    """What to run, and where its result belongs."""

    function: Callable[..., object]
    parameters: Mapping[str, Any]
    result: Path
    marks: Mapping[str, int | str]
    """What the result file says of its writer."""

    def save(self, values: Mapping[str, Any], *, is_complete: bool) -> None:
        arrays = {name: np.asarray(value) for name, value in values.items()}
        marks = {result_file.COMPLETE: int(is_complete), **self.marks}
        result_file.write_result(self.result, arrays, marks)


def main(arguments: Sequence[str]) -> int:
    """Run one trial and return the exit code."""
    folder = os.environ.get("HPCOPT_TRIAL_FOLDER")
    with ErrorNote(Path(folder) if folder else None) as note:
        try:
            task = _prepare(arguments)
        except UsageError as error:
            return _refuse(error, note)
        progress = report.begin(lambda series: task.save(series, is_complete=False))
        returned = task.function(**task.parameters)
        try:
            values = {**progress.series, **_metrics(returned)}
            if not values:
                raise UsageError(
                    "expected the function to return a number or a dict of metrics, or "
                    "to call hpcopt.report; found that it did neither"
                )
        except UsageError as error:
            return _refuse(error, note)
        task.save(values, is_complete=True)
    return 0


def _refuse(error: UsageError, note: ErrorNote) -> int:
    sys.stderr.write(f"hpcopt.node.worker: {error}\n")
    note.refuse(str(error))
    return error.exit_code


def _prepare(arguments: Sequence[str]) -> _Task:
    if len(arguments) != 1 or arguments[0].count(":") != 1:
        raise UsageError(
            f"expected one argument, module:function, found {list(arguments)}"
        )
    folder = Path(_variable("HPCOPT_TRIAL_FOLDER"))
    marks: dict[str, int | str] = {
        result_file.TRIAL: _number("HPCOPT_TRIAL_INDEX"),
        result_file.ATTEMPT: _number("HPCOPT_ATTEMPT"),
        result_file.JOB_ID: os.environ.get("SLURM_JOB_ID", ""),
    }
    parameters = _parameters(folder / "parameters.json")
    function = _function(arguments[0])
    _check_signature(function, parameters, arguments[0])
    return _Task(function, parameters, folder / "result.h5", marks)


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise UsageError(
            f"expected the environment variable {name}, which a job of hpcopt has, "
            "found none"
        )
    return value


def _number(name: str) -> int:
    text = _variable(name)
    if not text.isdecimal():
        raise UsageError(f"{name}: expected a whole number, found {text!r}")
    return int(text)


def _parameters(path: Path) -> Mapping[str, Any]:
    try:
        parameters = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise UsageError(f"{path}: cannot read the parameters: {exc}") from exc
    if not isinstance(parameters, dict):
        raise UsageError(f"{path}: expected a JSON object, found {parameters!r}")
    return parameters


def _function(name: str) -> Callable[..., object]:
    module_name, _, attribute = name.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:  # Python leaves it out under PYTHONSAFEPATH
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if f"{module_name}.".startswith(f"{exc.name}."):
            raise UsageError(
                f"{name}: expected a module {module_name} in {folder} or installed, "
                "found none"
            ) from exc
        raise
    try:
        for part in attribute.split("."):
            found = getattr(found, part)
    except AttributeError as exc:
        raise UsageError(
            f"{name}: expected a function {attribute} in "
            f"{getattr(found, '__file__', module_name)}, found none"
        ) from exc
    if not callable(found):
        raise UsageError(f"{name}: expected a function, found {type(found).__name__}")
    function: Callable[..., object] = found
    return function


def _check_signature(
    function: Callable[..., object], parameters: Mapping[str, Any], name: str
) -> None:
    signature = inspect.signature(function)
    try:
        signature.bind(**parameters)
    except TypeError as exc:
        raise UsageError(
            f"{name}: expected a function of the parameters {sorted(parameters)}, "
            f"found {name.partition(':')[2]}{signature}: {exc}"
        ) from exc


def _metrics(returned: object) -> dict[str, npt.NDArray[Any]]:
    """Return the datasets of what the function returned."""
    if returned is None:
        return {}
    metrics = returned if isinstance(returned, Mapping) else {OBJECTIVE: returned}
    values: dict[str, npt.NDArray[Any]] = {}
    for name, value in metrics.items():
        if not isinstance(name, str) or not name or set(name) & set("/@"):
            raise UsageError(
                "expected metric names that are text without '/' and '@', "
                f"found {name!r}"
            )
        if isinstance(value, tuple) and len(value) == 2:
            values[name], values[f"{name}_sem"] = (_array(name, v) for v in value)
        else:
            values[name] = _array(name, value)
    return values


def _array(name: str, value: object) -> npt.NDArray[Any]:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise UsageError(
            f"metric {name!r}: expected a number, (mean, sem) or an array of numbers, "
            f"found {value!r}"
        )
    return array


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
