"""How high a picture scores, and which way is up: by tiles where it is too large to be seen at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inceptionism.checks import parse_memory
from inceptionism.errors import InvalidSetting, runs_out_of_memory, shown
from inceptionism.memory import machine_memory
from inceptionism.networks.network import Network
from inceptionism.objectives import Objective
from inceptionism.tiles import Tile, tiles


@dataclass
class Slope:
    """What an ascent asks at each step.

    Attributes:
        network: What looks at the picture.
        objective: The score to climb, of the network's activations.
        dtype: In which the network calculates.
        pixels: How many it looks at together; none for all of them.
    """

    network: Network
    objective: Objective
    dtype: torch.dtype = torch.float32
    pixels: int | None = None

    def __call__(self, view: Tensor, generator: torch.Generator) -> tuple[float, Tensor]:
        """Return the score of `view`, N×3×H×W in [0, 1], summed over its pictures, and the gradient of that.

        Of tiles, the score is what they score on average for a pixel, times the pixels. Where they meet is another
        place at each call, so that no seam stays. Within a tile, further from its edge than a neuron sees, the
        gradient is that of the whole picture; what looks at the picture as a whole, as a logit does, looks at each
        tile. When memory runs out, tiles of half the size follow.

        Raises:
            InvalidSetting: the objective's score is not a tensor, or the network cannot see a picture of this size.
        """
        height, width = view.shape[-2:]
        whole = len(tiles((height, width), self.pixels)) == 1
        down, right = (0.0, 0.0) if whole else torch.rand(2, generator=generator).tolist()
        try:
            return self._by_tiles(view, tiles((height, width), self.pixels, offset=(down, right)))
        except (RuntimeError, MemoryError) as error:
            most = min(self.pixels or height * width, height * width)
            if not runs_out_of_memory(error) or most < SMALLEST:
                raise
        self.pixels = most // 2
        return self(view, generator)

    def _by_tiles(self, view: Tensor, parts: list[Tile]) -> tuple[float, Tensor]:
        if len(parts) == 1:
            return self._whole(view)
        gradient = torch.empty_like(view)
        total, area = 0.0, 0
        for tile in parts:
            seen = view.new_empty(*view.shape[:2], tile.rows.seen, tile.columns.seen)
            for (inside, along), (rows, columns) in tile.pieces(view.shape[-2], view.shape[-1], margin=True):
                seen[..., inside, along] = view[..., rows, columns]
            score, part = self._whole(seen)
            for (inside, along), (rows, columns) in tile.pieces(view.shape[-2], view.shape[-1], margin=False):
                gradient[..., rows, columns] = part[..., inside, along]
            own = tile.rows.length * tile.columns.length
            total, area = total + score * own / (tile.rows.seen * tile.columns.seen), area + own
        return total * view.shape[-2] * view.shape[-1] / area, gradient

    def affordable(self, height: int, width: int, memory: str | None) -> int:
        """Return how many pixels can be seen together, of a picture of this size, within the memory there is.

        Args:
            height: Of the picture in pixels.
            width: Of the picture in pixels.
            memory: What the whole program may take, "2GB" say; by default half of the machine's.

        Raises:
            InvalidSetting: it is too little for the picture itself.
        """
        there = machine_memory() // 2 if memory is None else parse_memory(memory)
        picture = PROGRAM + height * width * PER_PIXEL
        wanted = min(height * width, USUAL)
        if wanted * MUCH < there - picture:
            return USUAL
        each = self.bytes_per_pixel()
        needed = picture + min(wanted, SMALLEST) * each
        if needed > there:
            raise InvalidSetting(
                f"a picture of {height}×{width} pixels needs {needed / 1e9:.1f} GB of memory, and it may take "
                f"{there / 1e9:.1f} GB; give a smaller size or more memory"
            )
        return min(int((there - picture) / each), USUAL)

    def bytes_per_pixel(self) -> float:
        """Return how much memory the network takes for each pixel that it sees, as measured on a small picture."""
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        side = self.network.size
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            self._whole(torch.zeros(1, 3, *side, device=self.network.device))
        # Beside what is kept for the way back, some of the largest maps are there at once.
        return (sum(kept.values()) + 4 * max(kept.values(), default=0)) / (side[0] * side[1])

    def _whole(self, view: Tensor) -> tuple[float, Tensor]:
        seen = view.detach().requires_grad_()
        scores = self.objective(self.network.activations(seen, self.objective.layers, self.dtype))
        if not isinstance(scores, Tensor):
            raise InvalidSetting(f"the score of {self.objective} must be a tensor, not {shown(scores)}")
        score = scores.sum()
        if not score.requires_grad:
            return score.item(), torch.zeros_like(view)
        (gradient,) = torch.autograd.grad(score, seen)
        return score.item(), gradient


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
