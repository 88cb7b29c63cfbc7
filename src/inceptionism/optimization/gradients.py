"""Scores of views and their gradients, in batches of small pictures or in tiles of large ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, is_out_of_memory
from inceptionism.limits import allowed_memory, default_memory
from inceptionism.memory import use_large_pages
from inceptionism.networks import Network, leaky_gradient, skip_gradient
from inceptionism.objectives import (
    ActivationKey,
    LayerKey,
    Objective,
    Reference,
    aligned_references,
    keys_by_network,
    layer_name,
    network_of,
    reference_tensor,
    score_each,
)
from inceptionism.optimization.cuda_graphs import CUDAGraphed, exclusive_use
from inceptionism.optimization.tiling import Tile, tiles
from inceptionism.validation import parse_memory

PROGRAM_BYTES = 480 * 10**6
"""Memory of Python, torch and the network before there is a picture, in bytes."""

PICTURE_BYTES_PER_PIXEL = 40
"""Memory of the picture, its view, their gradients and the photograph, in bytes per pixel of three channels."""

SPECTRUM_BYTES_PER_PIXEL = 120
"""Memory of a picture from noise, its spectrum, gradients and optimizer, in bytes per pixel of three channels."""

REFERENCE_BYTES_PER_PIXEL = 36
"""Memory of an aligned reference and its view, in bytes per pixel of three channels."""

NETWORK_BYTES_PER_PIXEL = 4000
"""Upper bound of the memory that the default network needs, in bytes per pixel of a view.

If there is enough memory for this bound, the memory that a network really needs is not measured.
"""

MAX_PIXELS = 2 * 2**20
"""Largest number of pixels in a view of the network, even if there is memory for more.

The limit is the same on all machines, so that all machines make the same pictures.
"""

MIN_PIXELS = 128 * 128
"""Smallest number of pixels in a tile. A machine with too little memory for this has too little for any picture."""


class EvaluationRequest(NamedTuple):
    """A view whose score and gradient are requested.

    Attributes:
        view: The transformed picture, followed by K aligned references, 1×(C + K C)×H×W, usually in [0, 1].
        objective: Objective that scores the view.
        generator: Source of the random positions of tile borders.
        regularizer: Objective that is subtracted from the score before the gradient is computed. None means no such
            objective.
        references: The K aligned references in the view.
    """

    view: Tensor
    objective: Objective
    generator: torch.Generator
    regularizer: Objective | None = None
    references: tuple[Reference, ...] = ()


@dataclass
class GradientEvaluator:
    """Evaluator of views: it computes their scores, and the gradients of the scores with respect to the views.

    Attributes:
        network: Network that processes the views.
        dtype: Number format that the network uses.
        max_pixels: Largest number of pixels that the network processes at once, in a batch or in a single view. None
            means no limit.
        branch_share: Factor of the gradient through the branches of residual blocks.
        leak: Factor of the gradient through ReLUs whose output is at a limit.
    """

    network: Network
    dtype: torch.dtype = torch.float32
    max_pixels: int | None = None
    branch_share: float = 1.0
    leak: float = 0.0
    _graphs: dict[object, CUDAGraphed] = field(default_factory=dict, init=False, repr=False)
    _whole: dict[Reference, dict[ActivationKey, Tensor]] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, requests: Sequence[EvaluationRequest]) -> list[tuple[float, Tensor]]:
        """Return the score and the gradient, 1×C×H×W, for each request. All views must have the same size.

        As many views as possible are processed in one batch. A view with more than `max_pixels` is processed in tiles:
        its score is the mean score per pixel of the tiles, times the number of pixels. The tile borders move at every
        call, so no seams appear. Inside a tile, the gradient is that of the whole picture, except where the receptive
        fields of neurons cross the border of the tile. An objective that depends on the whole picture, such as a logit,
        is applied to each tile. When memory runs out, the evaluation is repeated with batches or tiles of half the
        size.

        Raises:
            InvalidSetting: If the score of an objective is not a tensor, or if the network cannot process this size.
            RuntimeError, MemoryError: If memory runs out even with the smallest batches or tiles.
        """
        area = requests[0].view.shape[-2] * requests[0].view.shape[-1]
        batch_size = len(requests) if self.max_pixels is None else max(1, self.max_pixels // area)
        if batch_size < len(requests):
            return [*self(requests[:batch_size]), *self(requests[batch_size:])]
        try:
            return self._evaluate_batch(requests) if len(requests) > 1 else [self._evaluate_single(requests[0])]
        except (RuntimeError, MemoryError) as error:
            failed_pixels = min(self.max_pixels or len(requests) * area, len(requests) * area)
            if not is_out_of_memory(error) or failed_pixels < MIN_PIXELS:
                raise
        self.max_pixels = failed_pixels // 2
        self._graphs.clear()  # CUDA graphs hold memory
        return self(requests)

    def _evaluate_batch(self, requests: Sequence[EvaluationRequest]) -> list[tuple[float, Tensor]]:
        scores, gradient = self._evaluate_views(torch.cat([request.view for request in requests]), requests)
        return list(zip(scores.tolist(), torch.split(gradient, 1), strict=True))

    def _evaluate_single(self, request: EvaluationRequest) -> tuple[float, Tensor]:
        height, width = request.view.shape[-2:]
        if self.max_pixels is None or height * width <= self.max_pixels:
            scores, gradient = self._evaluate_views(request.view, [request])
            return scores.sum().item(), gradient
        down, right = torch.rand(2, generator=request.generator).tolist()
        return self._evaluate_tiles(request, tiles((height, width), self.max_pixels, offset=(down, right)))

    def _evaluate_tiles(self, request: EvaluationRequest, view_tiles: Sequence[Tile]) -> tuple[float, Tensor]:
        view = request.view
        height, width = view.shape[-2:]
        gradient = use_large_pages(torch.empty_like(view[:, : self.network.input_channels.count]))
        total, covered = 0.0, 0
        for tile in view_tiles:
            part = view.new_empty(*view.shape[:2], tile.rows.extent, tile.columns.extent)
            for (part_rows, part_columns), (rows, columns) in tile.slices(height, width, margin=True):
                part[..., part_rows, part_columns] = view[..., rows, columns]
            scores, part_gradient = self._evaluate_views(part, [request])
            for (part_rows, part_columns), (rows, columns) in tile.slices(height, width, margin=False):
                gradient[..., rows, columns] = part_gradient[..., part_rows, part_columns]
            area = tile.rows.length * tile.columns.length
            total += scores.sum().item() * area / (tile.rows.extent * tile.columns.extent)
            covered += area
        return total * height * width / covered, gradient

    def _evaluate_views(self, views: Tensor, requests: Sequence[EvaluationRequest]) -> tuple[Tensor, Tensor]:
        """Return the scores of N views, and their gradients, N×C×H×W. A CUDA graph is used where possible."""
        if views.device.type != "cuda":
            return self._forward_backward(views, requests)
        key = views.shape, tuple((request.objective, request.regularizer) for request in requests)
        with exclusive_use():
            if key not in self._graphs:
                pool = next((graph.pool for graph in self._graphs.values()), None) or torch.cuda.graph_pool_handle()
                self._graphs[key] = CUDAGraphed(pool)
            return self._graphs[key](lambda inputs: self._forward_backward(inputs, requests), views)

    # The caller may be in any mode of torch.
    @torch.inference_mode(False)
    @torch.enable_grad()
    def _forward_backward(self, views: Tensor, requests: Sequence[EvaluationRequest]) -> tuple[Tensor, Tensor]:
        """Return the scores of N views and their gradients, N×C×H×W. Each request's objective scores its own view."""
        first = requests[0]
        objective = score_each([request.objective for request in requests])
        layers = objective.layers | (first.regularizer.layers if first.regularizer else frozenset())
        channels = self.network.input_channels.count
        pictures = views[:, :channels].detach().requires_grad_()
        with skip_gradient(self.branch_share), leaky_gradient(self.leak):
            activations = self.activations(pictures, layers)
        for key in objective.layers:
            if not activations[key].requires_grad:
                raise network_of(key, self.network).explain_missing_gradient(pictures, layer_name(key))
        for index, reference in enumerate(first.references, 1):
            with torch.no_grad():
                aligned = self.activations(views[:, channels * index :][:, :channels], objective.layers)
            activations.update({(key, reference): aligned[key] for key in objective.layers})
        for reference in objective.references:
            if not reference.aligned:
                whole = self.reference_activations(reference, objective.layers)
                activations.update({(key, reference): whole[key] for key in objective.layers})
        scores = objective(activations)
        if not scores.requires_grad:
            return scores, torch.zeros_like(pictures)
        total = scores.sum()
        if first.regularizer is not None:
            total = total - first.regularizer(activations).sum()
        with self.network.explained_gradient(views.shape[-2:]):
            (gradient,) = torch.autograd.grad(total, pictures)
        return scores.detach(), gradient

    def activations(self, pictures: Tensor, layers: Iterable[LayerKey]) -> dict[ActivationKey, Tensor]:
        """Return the activations of layers for pictures, N×C×H×W. The layers can be those of several networks.

        A network with other channels sees the picture as it is displayed.
        """
        activations: dict[ActivationKey, Tensor] = {}
        for network, keys in keys_by_network(layers, self.network).items():
            # Another network may be on another device, and unable to compute in the number format of this one.
            used = network if network is self.network else network.on(pictures.device)
            is_other = network is not self.network and self.dtype != torch.float32
            dtype = used.dtype("auto") if is_other else self.dtype
            seen = pictures
            if network.input_channels != self.network.input_channels:
                colors = self.network.input_channels.displayed(pictures)
                seen = network.input_channels.of_colors(colors, network.name)
            values = used.activations(seen, [layer_name(key) for key in keys], dtype)
            activations.update({key: values[layer_name(key)] for key in keys})
        return activations

    def reference_activations(self, reference: Reference, layers: Iterable[LayerKey]) -> Mapping[ActivationKey, Tensor]:
        """Return the activations of layers for a reference that is compared as a whole. They are computed once."""
        activations = self._whole.setdefault(reference, {})
        missing = [name for name in layers if name not in activations]
        if missing:
            with torch.no_grad():
                picture = reference_tensor(reference.photo, self.network)
                activations.update(self.activations(picture, missing))
        return activations

    def affordable_pixels(
        self,
        size: tuple[int, int],
        objective: Objective,
        memory: str | None,
        view_size: tuple[int, int] | None = None,
        views: int = 1,
    ) -> int:
        """Return the largest number of pixels that the network can process at once within a memory limit.

        Args:
            size: Height and width of the picture in pixels.
            objective: Objective that scores the picture.
            memory: Memory limit of the whole program, for example "2GB". None means `default_memory`. More than the
                system allows is never used.
            view_size: Height and width of random crops of the spectrum's picture. None means that the network sees the
                whole picture.
            views: Number of views that are processed in one batch, if there is memory for them.

        Raises:
            InvalidSetting: If `memory` is not an amount of memory, or is too small for the picture.
        """
        device, allowed = self.network.device, allowed_memory(self.network.device)
        limit = default_memory(device) if memory is None else min(parse_memory(memory), allowed)
        reference_bytes = REFERENCE_BYTES_PER_PIXEL * len(aligned_references(objective))
        height, width = size
        picture_bytes = PICTURE_BYTES_PER_PIXEL if view_size is None else SPECTRUM_BYTES_PER_PIXEL
        colors = max(3, self.network.input_channels.count) / 3  # a gray picture is shown in colors, too
        fixed_bytes = PROGRAM_BYTES + int(height * width * (picture_bytes + reference_bytes) * colors)
        wanted_pixels = min(math.prod(view_size or size), MAX_PIXELS)
        if min(views * wanted_pixels, MAX_PIXELS) * NETWORK_BYTES_PER_PIXEL < limit - fixed_bytes:
            return MAX_PIXELS
        network_bytes = self.measure_bytes_per_pixel(objective)
        needed = fixed_bytes + min(wanted_pixels, MIN_PIXELS) * network_bytes
        if needed > limit:
            raise InvalidSetting(
                f"a picture of {height}×{width} pixels needs {memory_text(needed)} of memory, but the limit is "
                f"{memory_text(limit)}; choose a smaller size"
                + (" or a higher memory limit" if needed <= allowed else ", because the system allows no more memory")
            )
        return min(int((limit - fixed_bytes) / network_bytes), MAX_PIXELS)

    def measure_bytes_per_pixel(self, objective: Objective) -> float:
        """Return the memory that the network needs for each pixel of a view, measured with a small view."""
        saved: dict[int, int] = {}

        def note_size(tensor: Tensor) -> Tensor:
            saved[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        height, width = self.network.size
        references = aligned_references(objective)
        channels = self.network.input_channels.count * (1 + len(references))
        view = torch.zeros(1, channels, height, width, device=self.network.device)
        request = EvaluationRequest(view, objective, torch.Generator(), references=references)
        with torch.autograd.graph.saved_tensors_hooks(note_size, lambda tensor: tensor):
            self._forward_backward(view, [request])
        # Besides the tensors that are saved for the backward pass, a few of the largest maps exist at the same time.
        return (sum(saved.values()) + 4 * max(saved.values(), default=0)) / (height * width)


def memory_text(amount: float) -> str:
    """Return a number of bytes in words. Amounts that would be less than 0.1 GB are in MB."""
    return f"{amount / 1e9:.1f} GB" if amount >= 1e8 else f"{amount / 1e6:.1f} MB"
