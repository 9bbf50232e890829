"""The lines on top: what experiment it is, its driver, its trials, the best so far."""

from __future__ import annotations

from rich.text import Text

from hpcopt.cli.views import text
from hpcopt.cli.views.facts import goal_sentence, objectives_text, states
from hpcopt.cli.watch.observer import Seen
from hpcopt.cli.watch.printable import line
from hpcopt.core.experiment import Experiment

_DRIVER_COLOURS = {"running": "green", "silent": "red", "killed": "red"}


def header(seen: Seen, folder: str) -> list[Text]:
    """Return the header; a line more where something is to be told.

    Args:
        seen: What was seen.
        folder: The experiment's, as it is displayed.
    """
    if seen.experiment is None:
        return [
            line((folder, "bold")),
            line(("the experiment is not begun yet, as far as can be seen", "yellow")),
        ]
    experiment = seen.experiment
    lines = [
        line(
            (experiment.name, "bold"),
            f"  {goal_sentence(experiment.goals)}  ",
            (folder, "dim"),
        ),
        _driver(seen),
        _trials(experiment, seen),
        _best(experiment, seen),
    ]
    if note := experiment.driver_activity.note:
        lines.append(line(("note   ", "dim"), (note, "yellow")))
    return lines


def _driver(seen: Seen) -> Text:
    if seen.driver is None:
        return line(("driver ", "dim"), "not known")
    colour = _DRIVER_COLOURS.get(seen.driver.state, "")
    return line(("driver ", "dim"), (seen.driver.sentence(seen.now), colour))


def _trials(experiment: Experiment, seen: Seen) -> Text:
    run = experiment.settings.get("run")
    most = run.get("max_trials") if isinstance(run, dict) else None
    of = f" of {most}" if most else ""
    shown = line(("trials ", "dim"), f"{experiment.n_trials}{of}")
    for k, (name, n) in enumerate(states(experiment).items()):
        shown.append(": " if k == 0 else ", ")
        shown.append(f"{n} {name}", text.STATE_COLOURS.get(name))
    shown.append(f"  elapsed {text.duration(seen.elapsed_s)}")
    return shown


def _best(experiment: Experiment, seen: Seen) -> Text:
    front = seen.progress.front
    if not front:
        is_bounded = experiment.goals.constraints and seen.progress.reached
        what = "none feasible so far" if is_bounded else "none so far"
        return line(("best   ", "dim"), what)
    if not experiment.goals.is_single:
        n = text.count(len(front), "trial")
        return line(("best   ", "dim"), (f"{n} on the Pareto front", "bold"))
    best = experiment.trial(front[0])
    values = objectives_text(best, experiment.absolute_goals)
    return line(
        ("best   ", "dim"),
        (values, "bold green"),
        f", trial {best.index}: {text.parameters(best.parameters)}",
    )
