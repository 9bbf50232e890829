"""Cards that say whether something is in order."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any

import pandas as pd
from typing_extensions import override

from hpcopt.analysis import page
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.text import escape


class HealthcheckStatus(IntEnum):
    """Whether something is in order."""

    PASS = 0
    """Nothing to say."""
    FAIL = 1
    """Something is wrong; do not go on without a look."""
    WARNING = 2
    """Something may be wrong."""
    INFO = 3
    """Nothing is wrong, and there is something to say."""


class HealthcheckAnalysisCard(AnalysisCard):
    """A card whose blob is JSON with a ``status`` and what else the check tells."""

    def get_status(self) -> HealthcheckStatus:
        """Return what the check found."""
        return HealthcheckStatus(self.get_additional_attrs()["status"])

    def is_passing(self) -> bool:
        """Whether nothing is wrong."""
        return self.get_status() in (HealthcheckStatus.PASS, HealthcheckStatus.INFO)

    def is_user_facing(self) -> bool:
        """Whether there is something to say."""
        return self.get_status() is not HealthcheckStatus.PASS

    def get_additional_attrs(self) -> dict[str, Any]:
        """Return all that the check tells, its status among it."""
        attrs: dict[str, Any] = json.loads(self.blob)
        return attrs

    @override
    def body_html(self) -> str:
        status = self.get_status()
        table = "" if self.df.empty else page.table(self.df)
        return (
            f'<p class="hpcopt-status hpcopt-{status.name.lower()}">'
            f"{escape(status.name)}</p>{table}"
        )


def create_healthcheck_analysis_card(
    name: str,
    title: str,
    subtitle: str,
    df: pd.DataFrame,
    status: HealthcheckStatus,
    **additional_attrs: str | float | bool,
) -> HealthcheckAnalysisCard:
    """Return the card of a check.

    Args:
        name: The name of the analysis' class.
        title: What was checked.
        subtitle: What was found, and what to do about it.
        df: The data behind it.
        status: What was found.
        additional_attrs: What else to tell programs.
    """
    blob = json.dumps({"status": int(status), **additional_attrs})
    return HealthcheckAnalysisCard(name, title, subtitle, df, blob)
