"""Execute the notebooks that stand beside this file, so that they hold what they show: `python examples/execute.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def execute(path: Path) -> None:
    """Execute a notebook in a folder of its own, and write it with its outputs, and nothing else new."""
    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=None,
            store_widget_state=False,  # widgets are there only while a picture is made
            record_timing=False,
            resources={"metadata": {"path": folder}},
        ).execute()
    notebook.metadata.language_info = {"name": "python"}
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for given in sys.argv[1:] or sorted(map(str, HERE.glob("*.ipynb"))):
        execute(Path(given))
