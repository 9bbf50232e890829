"""The knowledge gradient is BoTorch's, at a fixed set of points."""

from __future__ import annotations

import pytest
import torch
from botorch.acquisition.knowledge_gradient import qKnowledgeGradient
from botorch.models import SingleTaskGP
from botorch.sampling.normal import SobolQMCNormalSampler

from hpcopt.generation.named.knowledge_gradient import KnowledgeGradient
from tests.support.last_digits import Numbers

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("n_pending", [0, 2])
def test_its_values_are_those_of_botorchs(n_pending: int) -> None:
    numbers = Numbers(0)
    X = torch.from_numpy(numbers.random(8, 2))
    model = SingleTaskGP(X, -((X - 0.3) ** 2).sum(dim=-1, keepdim=True))
    model.eval()
    del model.outcome_transform
    points = torch.from_numpy(numbers.random(20, 2))
    pending = torch.from_numpy(numbers.random(n_pending, 2)) if n_pending else None
    ours = KnowledgeGradient(model, points, pending, num_fantasies=8, seed=3)
    sampler = SobolQMCNormalSampler(torch.Size([8]), seed=3)
    theirs = qKnowledgeGradient(
        model, num_fantasies=8, sampler=sampler, X_pending=pending
    )
    candidates = torch.from_numpy(numbers.random(3, 2)).unsqueeze(-2)
    actual = candidates
    if pending is not None:
        actual = torch.cat([candidates, pending.expand(3, -1, -1)], dim=-2)
    fantasies = model.fantasize(actual, sampler)
    means = fantasies.posterior(points).mean.squeeze(-1)
    best = points[means.argmax(dim=-1)].movedim(0, -2)
    expected = theirs(torch.cat([candidates, best], dim=-2))
    torch.testing.assert_close(ours(candidates), expected, rtol=0, atol=1e-5)
    assert torch.autograd.gradcheck(ours, candidates.requires_grad_(), atol=1e-4)
