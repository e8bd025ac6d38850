"""The notebooks of the examples run from the first cell to the last."""

from __future__ import annotations

import pathlib

import pytest

NOTEBOOKS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "notebooks"


@pytest.mark.parametrize(("name", "said"), [("classifier", "supported"), ("forest", "robust accuracy")])
def test_a_notebook_runs(name: str, said: str, tmp_path: pathlib.Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    for package in ("ipykernel", "matplotlib", "sklearn", "skl2onnx", "pandas"):
        pytest.importorskip(package)
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any(said in str(output.get("text", output.get("data"))) for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)
