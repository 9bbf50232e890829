"""Other experiments in a database, of which hpcopt has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis, AnalysisNotApplicableStateError
from hpcopt.analysis.card import AnalysisCard
from hpcopt.analysis.experiment import ExperimentView
from hpcopt.analysis.generation_strategy import GenerationStrategyView


class TransferLearningAnalysis(Analysis):
    """Says that there is no database to look in, to scripts written for Ax."""

    def __init__(
        self,
        experiment_types: Sequence[str] | None = None,
        overlap_threshold: float = 0.5,
        max_num_exps: int = 10,
        config: Any = None,
        create_diff_paste_callable: Callable[[str, str, str], str] | None = None,
    ) -> None:
        """Take what Ax takes; nothing of it makes a difference.

        Args:
            experiment_types: Which kinds of experiments to look for.
            overlap_threshold: How much of the parameters they share at least.
            max_num_exps: How many at most.
            config: Of Ax's database.
            create_diff_paste_callable: Shows how two experiments differ.
        """
        self.experiment_types = experiment_types
        self.overlap_threshold = overlap_threshold
        self.max_num_exps = max_num_exps
        self.config = config
        self.create_diff_paste_callable = create_diff_paste_callable

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCard:
        raise AnalysisNotApplicableStateError(
            "It looks for similar experiments in a database; hpcopt keeps each in a "
            "folder of its own. attach_trial takes the data of an earlier one."
        )
