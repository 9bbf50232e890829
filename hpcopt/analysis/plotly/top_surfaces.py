"""The parameters that matter most, and how the metric changes with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.applicable import why_without_model
from hpcopt.analysis.card import AnalysisCardGroup
from hpcopt.analysis.effects import Effect, Order, check_order, effects_on
from hpcopt.analysis.experiment import ExperimentView, required
from hpcopt.analysis.generation_strategy import GenerationStrategyView
from hpcopt.analysis.metrics import selected_metric
from hpcopt.analysis.parameter_inputs import has_order
from hpcopt.analysis.plotly.sensitivity import SensitivityAnalysisPlot
from hpcopt.analysis.plotly.surface.contour import ContourPlot
from hpcopt.analysis.plotly.surface.slice import SlicePlot

#: What explains less is not worth a figure.
_LEAST_SHARE = 0.01


class TopSurfacesAnalysis(Analysis):
    """Sensitivities, then slices and contours along the strongest effects."""

    def __init__(
        self,
        metric_name: str | None = None,
        order: Order = "second",
        top_k: int = 5,
        relativize: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Choose the metric, and which effects are shown.

        Args:
            metric_name: The metric; the only one of the objective by default.
            order: By which Sobol' indices effects are ranked; only ``"second"`` ranks
                pairs, which are shown as contours.
            top_k: So many of the strongest are shown.
            relativize: Whether differences from the baseline are shown, as shares.
            labels: What to call metrics.

        Raises:
            UsageError: There are no indices of this order.
        """
        check_order(order)
        self.metric_name = metric_name
        self.order: Order = order
        self.top_k = top_k
        self.relativize = relativize
        self.labels = labels

    @override
    def validate_applicable_state(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> str | None:
        if experiment is None:
            return why_without_model(None, ())
        return why_without_model(
            experiment, (selected_metric(experiment, self.metric_name),)
        )

    @override
    def compute(
        self,
        experiment: ExperimentView | None = None,
        generation_strategy: GenerationStrategyView | None = None,
        adapter: Any = None,
    ) -> AnalysisCardGroup:
        experiment = required(experiment)
        metric = selected_metric(experiment, self.metric_name)
        analyses: list[Analysis] = [
            SensitivityAnalysisPlot(metric, self.order, self.top_k, self.labels)
        ]
        analyses += [
            self._surface(effect, metric)
            for effect in self._strongest(experiment, metric)
        ]
        cards = [
            one.compute_or_error_card(experiment, generation_strategy, adapter)
            for one in analyses
        ]
        label = (self.labels or {}).get(metric, metric)
        return self._create_analysis_card_group(
            f"Top Surfaces for {label}",
            f"Which parameters matter most for {label}, and how it changes with them.",
            cards,
        )

    def _strongest(self, experiment: ExperimentView, metric: str) -> list[Effect]:
        """Return the strongest effects that can be drawn."""
        parameters = experiment.core.space.searched
        drawable = {p.name for p in parameters if has_order(p)}
        effects = [
            effect
            for effect in effects_on(experiment, metric, self.order)
            if effect.share >= _LEAST_SHARE and drawable.issuperset(effect.parameters)
        ]
        return sorted(effects, key=lambda effect: -effect.share)[: self.top_k]

    def _surface(self, effect: Effect, metric: str) -> Analysis:
        if len(effect.parameters) == 1:
            return SlicePlot(effect.parameters[0], metric, relativize=self.relativize)
        x, y = effect.parameters
        return ContourPlot(x, y, metric, relativize=self.relativize)
