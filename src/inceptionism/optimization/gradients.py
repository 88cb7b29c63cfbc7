"""How high a picture scores, and which way is up: by tiles where it is too large to be seen at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, is_out_of_memory
from inceptionism.memory import machine_memory, use_large_pages
from inceptionism.networks import Network
from inceptionism.objectives import Key, Objective, Reference, aligned_references, reference_tensor, score_each
from inceptionism.optimization.cuda_graphs import CUDAGraphed
from inceptionism.optimization.tiling import Tile, tiles
from inceptionism.validation import parse_memory


class EvaluationRequest(NamedTuple):
    """What is asked of a slope.

    Attributes:
        view: The picture in [0, 1], and behind it those that it is seen beside, 1×(3+3K)×H×W.
        objective: What it is scored by.
        generator: Draws where its tiles meet.
        prior: What is subtracted from its score before the gradient is taken.
        beside: Which pictures are behind it.
    """

    view: Tensor
    objective: Objective
    generator: torch.Generator
    prior: Objective | None = None
    beside: tuple[Reference, ...] = ()


@dataclass
class GradientEvaluator:
    """What an ascent asks at each step.

    Attributes:
        network: What looks at the pictures.
        dtype: In which the network calculates.
        pixels: How many it looks at together, of several pictures or of one; none for all of them.
    """

    network: Network
    dtype: torch.dtype = torch.float32
    pixels: int | None = None
    _recorded: dict[object, CUDAGraphed] = field(default_factory=dict, init=False, repr=False)
    _known: dict[Reference, dict[str, Tensor]] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, requests: Sequence[EvaluationRequest]) -> list[tuple[float, Tensor]]:
        """Return, of each picture, all of one size, its score and the gradient of that.

        As many as may be are seen at once. A picture that may not is seen by tiles: the score is then what they score
        on average for a pixel, times the pixels. Where they meet is another place at each call, so that no seam stays.
        Within a tile, further from its edge than a neuron sees, the gradient is that of the whole picture; what looks
        at the picture as a whole, as a logit does, looks at each tile. When memory runs out, fewer pictures at once
        follow, and tiles of half the size.

        Raises:
            InvalidSetting: an objective's score is not a tensor, or the network cannot see a picture of this size.
        """
        area = requests[0].view.shape[-2] * requests[0].view.shape[-1]
        together = len(requests) if self.pixels is None else max(1, self.pixels // area)
        if together < len(requests):
            return [*self(requests[:together]), *self(requests[together:])]
        try:
            return self._together(requests) if len(requests) > 1 else [self._alone(requests[0])]
        except (RuntimeError, MemoryError) as error:
            most = min(self.pixels or len(requests) * area, len(requests) * area)
            if not is_out_of_memory(error) or most < SMALLEST:
                raise
        self.pixels = most // 2
        self._recorded.clear()  # it holds memory
        return self(requests)

    def _together(self, requests: Sequence[EvaluationRequest]) -> list[tuple[float, Tensor]]:
        scores, gradient = self._whole(torch.cat([request.view for request in requests]), requests)
        return list(zip(scores.tolist(), torch.split(gradient, 1), strict=True))

    def _alone(self, request: EvaluationRequest) -> tuple[float, Tensor]:
        height, width = request.view.shape[-2:]
        if self.pixels is None or height * width <= self.pixels:
            scores, gradient = self._whole(request.view, [request])
            return scores.sum().item(), gradient
        down, right = torch.rand(2, generator=request.generator).tolist()
        return self._by_tiles(request, tiles((height, width), self.pixels, offset=(down, right)))

    def _by_tiles(self, request: EvaluationRequest, parts: Sequence[Tile]) -> tuple[float, Tensor]:
        view = request.view
        gradient = use_large_pages(torch.empty_like(view[:, :3]))
        total, area = 0.0, 0
        for tile in parts:
            seen = view.new_empty(*view.shape[:2], tile.rows.seen, tile.columns.seen)
            for (inside, along), (rows, columns) in tile.pieces(view.shape[-2], view.shape[-1], margin=True):
                seen[..., inside, along] = view[..., rows, columns]
            scores, part = self._whole(seen, [request])
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
        picture = PROGRAM + height * width * (PER_PIXEL + PER_REFERENCE * len(aligned_references(objective)))
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
        beside = aligned_references(objective)
        view = torch.zeros(1, 3 + 3 * len(beside), *side, device=self.network.device)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            self._scored(view, [EvaluationRequest(view, objective, torch.Generator(), beside=beside)])
        # Beside what is kept for the way back, some of the largest maps are there at once.
        return (sum(kept.values()) + 4 * max(kept.values(), default=0)) / (side[0] * side[1])

    def _whole(self, view: Tensor, requests: Sequence[EvaluationRequest]) -> tuple[Tensor, Tensor]:
        """Return the scores of a batch, each picture's by its own objective, and the gradient of their sum."""
        if view.device.type != "cuda":
            return self._scored(view, requests)
        key = view.shape, tuple((request.objective, request.prior) for request in requests)
        if key not in self._recorded:
            pool = next((one.pool for one in self._recorded.values()), None) or torch.cuda.graph_pool_handle()
            asked = [request._replace(view=view[:0]) for request in requests]  # it would keep the first views
            self._recorded[key] = CUDAGraphed(lambda seen: self._scored(seen, asked), pool)
        return self._recorded[key](view)

    def _scored(self, view: Tensor, requests: Sequence[EvaluationRequest]) -> tuple[Tensor, Tensor]:
        first = requests[0]
        objective = score_each([request.objective for request in requests])
        layers = objective.layers | (first.prior.layers if first.prior else frozenset())
        seen = view[:, :3].detach().requires_grad_()
        activations: dict[Key, Tensor] = {}
        activations.update(self.network.activations(seen, layers, self.dtype))
        for index, reference in enumerate(first.beside):
            with torch.no_grad():
                other = self.network.activations(view[:, 3 + 3 * index :][:, :3], objective.layers, self.dtype)
            activations.update({(name, reference): known for name, known in other.items()})
        for reference in objective.references:
            if not reference.aligned:
                known = self.known(reference, objective.layers)
                activations.update({(name, reference): known[name] for name in objective.layers})
        scores = objective(activations)
        if not scores.requires_grad:
            return scores, torch.zeros_like(seen)
        climbed = scores.sum() if first.prior is None else scores.sum() - first.prior(activations).sum()
        (gradient,) = torch.autograd.grad(climbed, seen)
        return scores.detach(), gradient

    def known(self, reference: Reference, layers: Iterable[str]) -> Mapping[str, Tensor]:
        """Return what `layers` respond to a picture that is compared with as a whole; looked at once."""
        known = self._known.setdefault(reference, {})
        missing = [name for name in layers if name not in known]
        if missing:
            with torch.no_grad():
                picture = reference_tensor(reference.photo, self.network.device)
                known.update(self.network.activations(picture, missing, self.dtype))
        return known


PROGRAM = 480 * 10**6
"""What Python, torch and the network take before there is a picture, in bytes."""

PER_PIXEL = 48
"""What the picture, the view of it, their gradients and the photograph take for each pixel, in bytes."""

PER_REFERENCE = 36
"""What a picture beside it takes for each pixel, with its view, in bytes."""

MUCH = 4000
"""More than what the default network takes for each pixel that it sees, in bytes: below, nothing is measured."""

USUAL = 2 * 2**20
"""How many pixels are seen together where memory allows for more; alike on all machines, so are the pictures."""

SMALLEST = 128 * 128
"""In pixels: who has no memory for tiles of this size has none for anything."""
