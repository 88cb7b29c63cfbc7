"""How a run is stopped, also where a library has swallowed the interruption."""

from __future__ import annotations

import os
import signal

import pytest
import torch

import inceptionism as inc
from inceptionism.interruption import Interrupted, check, interruptible
from inceptionism.objectives.objective import Objective


def test_an_interruption_that_a_library_swallows_comes_again_after_the_step(tiny) -> None:
    looks = []

    def score(seen: dict[str, torch.Tensor]) -> torch.Tensor:
        looks.append(1)
        if len(looks) == 3:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                signal.getsignal(signal.SIGTERM)  # the handler runs before this returns
            except KeyboardInterrupt:
                pass
        return seen["second"].flatten(1).sum(1)

    recipe = inc.ClassRecipe(objective="swallowing", size=(33, 41), steps=20, prior="fourier")
    run = inc.ClassRun(recipe, network=tiny, objective=Objective(frozenset(["second"]), score, "swallowing"))
    looks.clear()
    with pytest.raises(Interrupted) as raised, interruptible():
        run.finish()
    assert raised.value.status == 143
    assert len(looks) == 3
    check()  # it is over
