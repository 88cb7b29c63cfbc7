"""Interruptions stop a run, even if a library has swallowed the exception."""

from __future__ import annotations

import os
import signal

import pytest
import torch

import inceptionism as inc
from inceptionism.interruption import Interrupted, interruptible, postponed, raise_if_interrupted
from inceptionism.objectives.objective import Objective


def test_a_swallowed_interruption_is_raised_again_after_the_step(tiny) -> None:
    calls = []

    def score(activations: dict[str, torch.Tensor]) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 3:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                signal.getsignal(signal.SIGTERM)  # the handler runs before this returns
            except KeyboardInterrupt:
                pass
        return activations["second"].flatten(1).sum(1)

    recipe = inc.ClassRecipe(objective="swallowing", size=(33, 41), steps=20, prior="fourier")
    run = inc.ClassRun(recipe, network=tiny, objective=Objective(frozenset(["second"]), score, "swallowing"))
    calls.clear()
    with pytest.raises(Interrupted) as raised, interruptible():
        run.finish()
    assert raised.value.status == 143
    assert len(calls) == 3
    raise_if_interrupted()  # no interruption is pending any more


def test_a_postponed_interruption_takes_effect_after_the_block() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    done = []

    def work() -> None:
        with postponed():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("in the block")
        done.append("after the block")

    with pytest.raises(Interrupted) as raised, interruptible():
        work()
    assert raised.value.status == 143
    assert done == ["in the block"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
