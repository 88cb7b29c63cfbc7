"""Plots of scores, drawn without a plotting library."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 360, 120, 16
"""Size of the drawing and of its margin, in pixels."""

BARS = "▁▂▃▄▅▆▇█"
MAX_BARS = 60
"""Largest number of bars in a line of text."""


class ScorePlot:
    """The scores of a run, step by step: an SVG drawing in a notebook, a line of bars as text."""

    def __init__(self, scores: Sequence[float]) -> None:
        self.scores = tuple(scores)

    def __str__(self) -> str:
        if not self.scores:
            return "no step was taken"
        count = len(self.scores)
        sampled = [self.scores[index * count // min(count, MAX_BARS)] for index in range(min(count, MAX_BARS))]
        bars = "".join(BARS[round(height * (len(BARS) - 1))] for height in relative_heights(sampled))
        return f"{bars} from {self.scores[0]:.4g} to {self.scores[-1]:.4g} in {count} steps"

    __repr__ = __str__

    def _repr_svg_(self) -> str:
        right, bottom = WIDTH - MARGIN, HEIGHT - MARGIN
        step_width = (right - MARGIN) / max(1, len(self.scores) - 1)
        points = " ".join(
            f"{MARGIN + index * step_width:.1f},{bottom - height * (bottom - MARGIN):.1f}"
            for index, height in enumerate(relative_heights(self.scores))
        )
        label = 'font-family="sans-serif" font-size="11" fill="#666"'
        low, high = f"{min(self.scores, default=0):.4g}", f"{max(self.scores, default=0):.4g}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img">'
            f"<title>{self}</title>"
            f'<path d="M{MARGIN} {MARGIN}V{bottom}H{right}" fill="none" stroke="#ccc"/>'
            f'<polyline points="{points}" fill="none" stroke="#2a6fb0" stroke-width="1.5"/>'
            f'<text x="{MARGIN}" y="{MARGIN - 4}" {label}>{high}</text>'
            f'<text x="{MARGIN}" y="{HEIGHT - 3}" {label}>{low}</text>'
            f'<text x="{right}" y="{HEIGHT - 3}" text-anchor="end" {label}>step {len(self.scores)}</text></svg>'
        )


def relative_heights(scores: Sequence[float]) -> list[float]:
    """Return each score as a height in [0, 1]: 0 for the lowest score and 1 for the highest."""
    if not scores:
        return []
    low, high = min(scores), max(scores)
    return [(score - low) / (high - low) if high > low else 0.5 for score in scores]
