"""Verdicts on other seeds: one that turns with them is found, one that does not holds."""

import check_margins
import nbformat
import pytest
from build_notebooks import ENVIRONMENT
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

SHOW = """from IPython.display import display
kept = {{"claim": "99.A", "verdict": {verdict}, "number": float(sum(SEEDS)), "margin": 1.0}}
display(kept, metadata={{"sbert_lessons": kept}})"""


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """Writes an executed lesson 99 whose only verdict is this expression."""
    monkeypatch.setattr(check_margins, "NOTEBOOKS", tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def write(verdict: str, seeds: str = "SEEDS = range(4)") -> None:
        cells = [new_code_cell(seeds), new_code_cell(SHOW.format(verdict=verdict))]
        notebook = NotebookClient(new_notebook(cells=cells)).execute()
        nbformat.write(notebook, tmp_path / "99_lesson.ipynb")

    return write


def test_a_verdict_that_holds_on_as_many_fresh_seeds(lesson, capsys):
    lesson("'supported' if len(SEEDS) == 4 else 'undecided'")
    assert check_margins.compare("99")
    assert "99.A holds: supported 6 -> supported 22 (margin 1)" in capsys.readouterr().out


def test_a_verdict_that_turns_with_the_seeds(lesson, capsys):
    lesson("'supported' if 0 in SEEDS else 'undecided'")
    assert not check_margins.compare("99")
    assert "99.A DIFFERS: supported 6 -> undecided 22" in capsys.readouterr().out


def test_a_verdict_that_is_not_reached(lesson, capsys):
    lesson("{0: 'supported'}[SEEDS[0]]")
    assert not check_margins.compare("99")
    assert "99.A DIFFERS: supported 6 -> not reached nan" in capsys.readouterr().out


def test_a_lesson_without_a_line_of_seeds_is_refused(lesson):
    lesson("'supported'", seeds="SEEDS = (0, 1)")
    with pytest.raises(SystemExit, match="Need one line like `SEEDS = range"):
        check_margins.compare("99")
