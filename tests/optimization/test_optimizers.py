"""The optimizers: the size of a normalized step, and Adam compared with torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

from inceptionism.optimization.optimizers import Adam, NormalizedAscent


def test_the_mean_change_of_a_step_is_the_step_size() -> None:
    pixels = torch.rand(1, 3, 9, 14, requires_grad=True)
    before = pixels.detach().clone()
    (pixels**3).sum().backward()
    NormalizedAscent([pixels], step_size=2.5 / 255).step()
    change = pixels.detach() - before
    assert change.abs().mean().item() * 255 == pytest.approx(2.5, rel=1e-5)
    torch.testing.assert_close(change / change.max(), before**2 / (before**2).max())


def test_adam_takes_the_steps_of_torch() -> None:
    results = []
    for kind in (Adam, torch.optim.Adam):
        numbers = torch.linspace(-1, 2, 35).reshape(5, 7).requires_grad_()
        optimizer = kind([numbers], lr=0.2, maximize=True, fused=True)
        schedule = CosineAnnealingLR(optimizer, 6)
        for _ in range(6):
            optimizer.zero_grad()
            torch.sin(3 * numbers).sum().backward()
            optimizer.step()
            schedule.step()
        results.append(numbers.detach())
    torch.testing.assert_close(*results, rtol=0, atol=0)
    assert torch.sin(3 * results[0]).mean() > 0.8
