"""The command ``hpcopt``: its verbs, and what becomes of errors."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from collections.abc import Mapping
from importlib import import_module

import click
from click.exceptions import Exit
from typing_extensions import override

from hpcopt import __version__
from hpcopt.cli.needed import missing_package, needs
from hpcopt.cli.target import FOLDER, OWN_PROCESS
from hpcopt.core.errors import HpcoptError

#: The verbs by section, each in the module of its name, loaded only when it is used.
_SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Begin": {
        "init": "Write a config to start from.",
        "check": "Check a config before anything is submitted.",
        "doctor": "Check this machine: Slurm, the file system, the versions.",
    },
    "Run": {
        "run": "Start an experiment, or continue it.",
        "submit": "The same, with the driver as a Slurm job.",
        "stop": "Ask the driver to stop; jobs go on.",
        "cancel": "End trials and give them up.",
        "retry": "Run trials again that failed or were cancelled.",
    },
    "Look": {
        "status": "How the experiment stands.",
        "watch": "The same, live, in the whole terminal.",
        "best": "The best parameters so far.",
        "pareto": "The best trade-offs between several objectives.",
        "trials": "A table of all trials.",
        "show": "Everything about one trial.",
        "logs": "The output of one trial.",
        "report": "A page about an experiment, for a browser.",
        "compare": "Two trials or two experiments side by side.",
        "importance": "How much each parameter matters.",
        "export": "The whole history as CSV, Parquet, HDF5 or JSON.",
        "replay": "Make every suggestion again, and compare.",
    },
    "Help": {
        "completion": "What makes the shell complete commands.",
    },
}

_VERBS = {
    verb: help_ for section in _SECTIONS.values() for verb, help_ in section.items()
}

_WIDTH = max(map(len, _VERBS))

_EPILOG = """\
\b
Begin with:
  hpcopt init
  hpcopt check
  hpcopt run

Every verb explains itself: hpcopt VERB --help. An experiment is named by its config
or by its folder; it need not be named in its folder, or where its config is called
hpcopt.yaml.

Completion in the shell: eval "$(hpcopt completion bash)", or zsh or fish.
"""


class _Verbs(click.Group):
    """Loads a verb when it is used, and turns errors into sentences."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        command: click.Command = import_module(f"hpcopt.cli.verbs.{cmd_name}").command
        command.name = cmd_name  # for the reference that is made from the commands
        return command

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        verb = args[0]
        if verb not in _VERBS and not verb.startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(verb, _VERBS, n=1)
            hint = (
                f"did you mean {close[0]}?"
                if close
                else f"there are: {', '.join(_VERBS)}"
            )
            ctx.fail(f"no verb {verb!r}; {hint}")
        return super().resolve_command(ctx, args)

    @override
    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        for section, verbs in _SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(
                    [(verb.ljust(_WIDTH), verbs[verb]) for verb in verbs]
                )

    @override
    def invoke(self, ctx: click.Context) -> object:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, Exit):
            raise
        except HpcoptError as exc:
            for line in str(exc).splitlines():
                _complain(line)
            raise Exit(exc.exit_code) from exc
        except KeyboardInterrupt as exc:
            raise Exit(130) from exc
        except Exception as exc:
            if (missing := missing_package(exc)) is not None:
                _complain(f"hpcopt {ctx.invoked_subcommand} {needs(missing)}")
                raise Exit(1) from exc
            if isinstance(exc, OSError) and exc.errno == errno.EPIPE:
                raise  # whoever reads the output has left; click knows
            from hpcopt.cli.crash import write_report

            path = write_report(ctx.meta.get(FOLDER))
            _complain(
                f"unexpected {type(exc).__name__}: {exc or 'no message'}; "
                f"the details are in {path}"
            )
            raise Exit(1) from exc


def _complain(line: str) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {line}", err=True)


@click.group(
    cls=_Verbs,
    epilog=_EPILOG,
    no_args_is_help=True,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.version_option(__version__, message="hpcopt %(version)s")
def command_line() -> None:
    """Optimise expensive simulations on a Slurm cluster, or on this machine.

    You write down the parameters, the program to run and the number to make small or
    large. hpcopt chooses parameters by Bayesian optimisation, submits a job for each
    trial, reads the results and goes on. It can be stopped at any time: the same
    command continues.
    """


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every terminal has a tick
    try:
        command_line(prog_name="hpcopt", obj=OWN_PROCESS)
    finally:
        gc.freeze()  # the process ends: nothing more needs to be freed
