"""``hpcopt retry``."""

from __future__ import annotations

import click

from hpcopt.cli.asking import (
    ask,
    find_named,
    is_driven,
    named_trials,
    say_unanswered,
    wait_option,
)
from hpcopt.cli.target import examples
from hpcopt.cli.views.facts import state
from hpcopt.host.clock import SystemClock


@click.command(
    epilog=examples("hpcopt retry 7 hpcopt.yaml", "hpcopt retry 3 5 8-11 hpcopt.yaml")
)
@click.argument("words", nargs=-1, required=True, metavar="N... [TARGET]")
@wait_option
def command(words: tuple[str, ...], wait_s: float) -> None:
    """Run trials again that failed or were abandoned, with the same parameters.

    N is a trial's number, or a range such as 3-5. Each gets a new attempt; it counts as
    failed no more, and no further trial is generated in its place. Where no driver
    runs, the next hpcopt run runs them. TARGET is the experiment's config or its
    folder, by default the one here.
    """
    asked = named_trials(words, takes_all=False)
    folder = find_named(asked).folder

    def carry_out() -> None:
        from hpcopt.driver.requests import RequestFolder, RequestInbox
        from hpcopt.experiment.journal import reopen_journal

        with reopen_journal(folder) as journal:
            RequestInbox(journal, RequestFolder(folder), SystemClock()).process()

    answered = ask(folder, "retry", asked.trials, carry_out, wait_s=wait_s)
    if answered is None:
        say_unanswered(folder, wait_s)
        return
    for index in asked.trials or ():
        trial = answered.experiment.trial(index)
        if index in answered.trials:
            click.echo(f"trial {index}: attempt {trial.n_old_attempts} follows")
        else:
            click.echo(f"trial {index}: not run again, it is {state(trial)}")
    if answered.trials and not is_driven(folder):
        click.echo("no driver runs; hpcopt run continues with them")
