"""The solved notebook of every lesson, run; `make test-all` names this file."""

import build_notebooks
import nbformat
import pytest
import solved

SOURCES = build_notebooks.select(build_notebooks.NOTEBOOKS, [])


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_solved_notebook(source, tmp_path):
    arguments = [source.name[:2], "--solved", str(tmp_path), "--execute"]
    assert build_notebooks.main(arguments) == 0
    name = f"{source.stem}.ipynb"
    student, answered = (
        nbformat.read(folder / name, as_version=4)
        for folder in (build_notebooks.NOTEBOOKS, tmp_path)
    )
    assert list(solved.problems(student, answered)) == []
