"""An analysis that is annotated as in Ax's tutorial runs with its imports changed."""

from __future__ import annotations

import pandas as pd
from typing_extensions import override

from hpcopt.adapter.base import Adapter
from hpcopt.analysis.analysis import Analysis, AnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.generation_strategy.generation_strategy import GenerationStrategy
from tests.support.analysis_world import losses, view


class TrialStatusTable(Analysis):
    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategy | None = None,
        adapter: Adapter | None = None,
    ) -> AnalysisCard:
        assert experiment is not None
        records = [
            {"status": status.name, "count": len(trials)}
            for status, trials in experiment.trials_by_status.items()
            if len(trials) > 0
        ]
        return self._create_analysis_card(
            title="Trials by Status",
            subtitle="How many trials are in each status?",
            df=pd.DataFrame.from_records(records),
        )


def test_it_computes_its_card() -> None:
    seen = view("-loss", [*losses(1.0, 2.0), None])
    strategy = GenerationStrategyView(seen.core)
    assert isinstance(strategy, GenerationStrategy)
    card = TrialStatusTable().compute_or_error_card(seen, strategy)
    assert isinstance(card, AnalysisCard)
    assert dict(zip(card.df["status"], card.df["count"], strict=True)) == {
        "FAILED": 1,
        "COMPLETED": 2,
    }
