"""Verdicts with other trainings of a model: those that it moves are found and kept, no others."""

import check_margins
import check_trainings
import nbformat
import pytest
from build_notebooks import ENVIRONMENT
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

LESSON = """from IPython.display import display
from sbert_lessons.encoder import mini_sbert
seed = mini_sbert().parent.name
for claim, number in (("99.A", 0 if seed == "data" else int(seed)), ("99.B", 5)):
    kept = {"claim": claim, "number": float(number), "margin": 2.0,
            "verdict": "supported" if number >= 2 else "undecided"}
    display(kept, metadata={"sbert_lessons": kept})"""


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """An executed lesson 99 whose claim A is the seed of the model, and models of seeds 1 and 2."""
    for module in (check_margins, check_trainings):
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    notebook = NotebookClient(new_notebook(cells=[new_code_cell(LESSON)])).execute()
    nbformat.write(notebook, tmp_path / "99_lesson.ipynb")
    for seed in (1, 2):
        (tmp_path / "runs" / str(seed) / "model").mkdir(parents=True)
    return tmp_path / "runs"


def test_the_claim_that_the_model_moves_is_kept_with_every_seed(runs, capsys):
    arms = check_trainings.compared("99", "mini_sbert", runs)
    assert [*arms] == ["mini_sbert: 99.A"]
    rows = arms["mini_sbert: 99.A"]["runs"]
    assert [(run["seed"], run["number"], run["verdict"]) for run in rows] == [
        (0, 0, "undecided"), (1, 1, "undecided"), (2, 2, "supported"),
    ]  # fmt: skip
    check_trainings.say("99.A", rows)
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "99.A DIFFERS undecided supported 0, 1, 2 margin 2"


def test_a_finished_run_is_read_not_made_again(runs, monkeypatch):
    first = check_trainings.compared("99", "mini_sbert", runs)
    monkeypatch.setattr(check_trainings, "executed", None)
    assert check_trainings.compared("99", "mini_sbert", runs) == first


def test_a_run_that_does_not_reach_a_claim_is_left_out(runs, monkeypatch):
    def executed(notebook):
        stops = "/1/model" in notebook.cells[0].source
        return new_notebook() if stops else check_margins.executed(notebook)

    monkeypatch.setattr(check_trainings, "executed", executed)
    rows = check_trainings.compared("99", "mini_sbert", runs)["mini_sbert: 99.A"]["runs"]
    assert [run["seed"] for run in rows] == [0, 2]
