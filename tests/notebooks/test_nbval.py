"""The demo lesson under strict nbval, its solved twin, and the sanitizer file."""

import os
import subprocess
import sys
from pathlib import Path

import build_notebooks
import nbformat
import pytest
import solved
from nbval.plugin import get_sanitize_patterns

SANITIZER = Path(__file__).parents[1] / "nbval.cfg"
COMMAND = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval",
           "--nbval-current-env", "--nbval-sanitize-with", str(SANITIZER)]  # fmt: skip


def nbval(path):
    environment = {**os.environ, **build_notebooks.ENVIRONMENT}
    return subprocess.run(
        [*COMMAND, path.name], cwd=path.parent, env=environment, capture_output=True, text=True
    )


def dropped(text):
    """How many `regex:` lines nbval reads past in silence."""
    lines = sum(line.startswith("regex:") for line in text.splitlines())
    return lines - len(get_sanitize_patterns(text))


def test_every_line_of_the_sanitizer_is_read():
    assert dropped(SANITIZER.read_text(encoding="utf-8")) == 0


def test_a_dropped_pair_is_noticed():
    assert dropped("regex: a\nreplace: b\n") == 0
    assert dropped("regex: a\nreplace:\n") == 1


def test_demo_passes_strict_nbval(executed):
    run = nbval(executed)
    assert run.returncode == 0, run.stdout
    assert "21 passed" in run.stdout


def test_nbval_sees_a_changed_output(executed, tmp_path):
    notebook = nbformat.read(executed, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.source.startswith("check("))
    cell.outputs[0].data["text/plain"] = "99.1 passed"
    path = executed.with_name("98_changed.ipynb")
    nbformat.write(notebook, path)
    run = nbval(path)
    path.unlink()
    assert "1 failed, 20 passed" in run.stdout


@pytest.fixture(scope="module")
def solved_demo(executed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("solved")
    arguments = ["--folder", str(executed.parent), "--solved", str(folder), "--execute"]
    assert build_notebooks.main(arguments) == 0
    return nbformat.read(folder / executed.name, as_version=4)


def test_solved_demo_passes_all_checks_and_changes_nothing_else(executed, solved_demo):
    student = nbformat.read(executed, as_version=4)
    assert list(solved.problems(student, solved_demo)) == []
    assert len(list(solved.problems(solved_demo, student))) == 4


def test_a_lesson_that_goes_on_with_the_answer_is_noticed(executed, solved_demo):
    student = nbformat.read(executed, as_version=4)
    cell = next(cell for cell in student.cells if "pixel =" in cell.source)
    cell.outputs[1].text = "mean 5.0000"
    assert list(solved.problems(student, solved_demo)) == [
        f"cell {cell.id} shows another output once the exercises are solved."
    ]
