"""How high a picture scores, and which way is up: by tiles where it is too large to be seen at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from inceptionism.checks import parse_memory
from inceptionism.errors import InvalidSetting, runs_out_of_memory
from inceptionism.memory import machine_memory
from inceptionism.networks.network import Network
from inceptionism.objectives import Objective, each
from inceptionism.recording import Recorded
from inceptionism.tiles import Tile, tiles


class Look(NamedTuple):
    """What is asked of a slope.

    Attributes:
        view: The picture, 1×3×H×W in [0, 1].
        objective: What it is scored by.
        generator: Draws where its tiles meet.
    """

    view: Tensor
    objective: Objective
    generator: torch.Generator


@dataclass
class Slope:
    """What an ascent asks at each step.

    Attributes:
        network: What looks at the pictures.
        dtype: In which the network calculates.
        pixels: How many it looks at together, of several pictures or of one; none for all of them.
    """

    network: Network
    dtype: torch.dtype = torch.float32
    pixels: int | None = None
    _recorded: dict[object, Recorded] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, looks: Sequence[Look]) -> list[tuple[float, Tensor]]:
        """Return, of each picture, all of one size, its score and the gradient of that.

        As many as may be are seen at once. A picture that may not is seen by tiles: the score is then what they score
        on average for a pixel, times the pixels. Where they meet is another place at each call, so that no seam stays.
        Within a tile, further from its edge than a neuron sees, the gradient is that of the whole picture; what looks
        at the picture as a whole, as a logit does, looks at each tile. When memory runs out, fewer pictures at once
        follow, and tiles of half the size.

        Raises:
            InvalidSetting: an objective's score is not a tensor, or the network cannot see a picture of this size.
        """
        area = looks[0].view.shape[-2] * looks[0].view.shape[-1]
        together = len(looks) if self.pixels is None else max(1, self.pixels // area)
        if together < len(looks):
            return [*self(looks[:together]), *self(looks[together:])]
        try:
            return self._together(looks) if len(looks) > 1 else [self._alone(looks[0])]
        except (RuntimeError, MemoryError) as error:
            most = min(self.pixels or len(looks) * area, len(looks) * area)
            if not runs_out_of_memory(error) or most < SMALLEST:
                raise
        self.pixels = most // 2
        self._recorded.clear()  # it holds memory
        return self(looks)

    def _together(self, looks: Sequence[Look]) -> list[tuple[float, Tensor]]:
        scores, gradient = self._whole(torch.cat([look.view for look in looks]), *(look.objective for look in looks))
        return list(zip(scores.tolist(), torch.split(gradient, 1), strict=True))

    def _alone(self, look: Look) -> tuple[float, Tensor]:
        height, width = look.view.shape[-2:]
        if self.pixels is None or height * width <= self.pixels:
            scores, gradient = self._whole(look.view, look.objective)
            return scores.sum().item(), gradient
        down, right = torch.rand(2, generator=look.generator).tolist()
        return self._by_tiles(look.view, look.objective, tiles((height, width), self.pixels, offset=(down, right)))

    def _by_tiles(self, view: Tensor, objective: Objective, parts: Sequence[Tile]) -> tuple[float, Tensor]:
        gradient = torch.empty_like(view)
        total, area = 0.0, 0
        for tile in parts:
            seen = view.new_empty(*view.shape[:2], tile.rows.seen, tile.columns.seen)
            for (inside, along), (rows, columns) in tile.pieces(view.shape[-2], view.shape[-1], margin=True):
                seen[..., inside, along] = view[..., rows, columns]
            scores, part = self._whole(seen, objective)
            for (inside, along), (rows, columns) in tile.pieces(view.shape[-2], view.shape[-1], margin=False):
                gradient[..., rows, columns] = part[..., inside, along]
            own = tile.rows.length * tile.columns.length
            total, area = total + scores.sum().item() * own / (tile.rows.seen * tile.columns.seen), area + own
        return total * view.shape[-2] * view.shape[-1] / area, gradient

    def affordable(self, height: int, width: int, objective: Objective, memory: str | None) -> int:
        """Return how many pixels can be seen together, of a picture of this size, within the memory there is.

        Args:
            height: Of the picture in pixels.
            width: Of the picture in pixels.
            objective: What they are scored by.
            memory: What the whole program may take, "2GB" say; by default half of the machine's.

        Raises:
            InvalidSetting: it is too little for the picture itself.
        """
        there = machine_memory(self.network.device) // 2 if memory is None else parse_memory(memory)
        picture = PROGRAM + height * width * PER_PIXEL
        wanted = min(height * width, USUAL)
        if wanted * MUCH < there - picture:
            return USUAL
        bytes_each = self.bytes_per_pixel(objective)
        needed = picture + min(wanted, SMALLEST) * bytes_each
        if needed > there:
            raise InvalidSetting(
                f"a picture of {height}×{width} pixels needs {needed / 1e9:.1f} GB of memory, and it may take "
                f"{there / 1e9:.1f} GB; give a smaller size or more memory"
            )
        return min(int((there - picture) / bytes_each), USUAL)

    def bytes_per_pixel(self, objective: Objective) -> float:
        """Return how much memory the network takes for each pixel that it sees, as measured on a small picture."""
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        side = self.network.size
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            self._scored(torch.zeros(1, 3, *side, device=self.network.device), [objective])
        # Beside what is kept for the way back, some of the largest maps are there at once.
        return (sum(kept.values()) + 4 * max(kept.values(), default=0)) / (side[0] * side[1])

    def _whole(self, view: Tensor, *objectives: Objective) -> tuple[Tensor, Tensor]:
        """Return the scores of a batch, each picture's by its own objective, and the gradient of their sum."""
        if view.device.type != "cuda":
            return self._scored(view, objectives)
        key = view.shape, objectives
        if key not in self._recorded:
            pool = next((one.pool for one in self._recorded.values()), None) or torch.cuda.graph_pool_handle()
            self._recorded[key] = Recorded(lambda seen: self._scored(seen, objectives), pool)
        return self._recorded[key](view)

    def _scored(self, view: Tensor, objectives: Sequence[Objective]) -> tuple[Tensor, Tensor]:
        objective = each(objectives) if len(objectives) > 1 else objectives[0]
        seen = view.detach().requires_grad_()
        scores = objective(self.network.activations(seen, objective.layers, self.dtype))
        if not scores.requires_grad:
            return scores, torch.zeros_like(view)
        (gradient,) = torch.autograd.grad(scores.sum(), seen)
        return scores.detach(), gradient


PROGRAM = 480 * 10**6
"""What Python, torch and the network take before there is a picture, in bytes."""

PER_PIXEL = 48
"""What the picture, the view of it, their gradients and the photograph take for each pixel, in bytes."""

MUCH = 4000
"""More than what the default network takes for each pixel that it sees, in bytes: below, nothing is measured."""

USUAL = 2 * 2**20
"""How many pixels are seen together where memory allows for more; alike on all machines, so are the pictures."""

SMALLEST = 128 * 128
"""In pixels: who has no memory for tiles of this size has none for anything."""
