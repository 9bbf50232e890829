"""``hpcopt completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from hpcopt.cli.target import examples

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog=examples(
        'eval "$(hpcopt completion bash)"',
        "hpcopt completion fish > ~/.config/fish/completions/hpcopt.fish",
    )
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL (bash, zsh or fish) complete hpcopt's commands.

    Verbs, options, their values, files and folders, and the columns of trials. The line
    of the example completes in the present shell; in ~/.bashrc or ~/.zshrc it does so
    in every new one.
    """
    completion = get_completion_class(shell)
    assert completion is not None
    made = completion(ctx.find_root().command, {}, "hpcopt", "_HPCOPT_COMPLETE")
    # Without ``source``, which runs bash to see whether it is older than 4.4.
    click.echo(made.source_template % made.source_vars())
