"""Each guard passes a good lesson, and rejects a notebook broken in the way it looks for."""

import shutil

import guards
import nbformat
import pytest
from nbformat.v4 import new_output


def cell(notebook, text):
    """The first cell whose source holds `text`."""
    return next(cell for cell in notebook.cells if text in cell.source)


def replace(old, new):
    """A break: one text for another in the first cell that holds it."""

    def broken(notebook):
        found = cell(notebook, old)
        found.source = found.source.replace(old, new)

    return broken


def drop(text):
    """A break: the cell is gone."""
    return lambda notebook: notebook.cells.remove(cell(notebook, text))


def show(text, name="stdout"):
    """A break: the setup cell shows `text`."""
    output = new_output("stream", name=name, text=text)
    return lambda notebook: cell(notebook, "import numpy").outputs.append(output)


def tag(text, *tags, **metadata):
    """A break: other tags and metadata on the cell."""
    return lambda notebook: cell(notebook, text).metadata.update({"tags": list(tags), **metadata})


def count(number):
    """A break: another execution count."""

    def broken(notebook):
        cell(notebook, "predict(").execution_count = number

    return broken


def no_output(text):
    """A break: the outputs are stripped."""
    return lambda notebook: cell(notebook, text).update(outputs=[])


def no_alt(notebook):
    cell(notebook, "pixel =").outputs[0].metadata = {}


def no_numbers(notebook):
    cell(notebook, "pixel =").outputs[1].text = "done"


def other_kernel(notebook):
    notebook.metadata.kernelspec.name = "my-env"


def swap_predict_and_measured(notebook):
    first, second = cell(notebook, 'predict("99.3"'), cell(notebook, 'measured("99.3"')
    first.source, second.source = second.source, first.source


def ignore_three(notebook):
    for found in [cell for cell in notebook.cells if cell.cell_type == "code"][:3]:
        found.metadata.tags = [guards.IGNORE]


BROKEN = [
    ("executed_in_order", count(None), "in order"),
    ("executed_in_order", count(40), "in order"),
    ("plain_python", replace('sum("text")', "%time 1"), "plain Python"),
    ("plain_python", replace('sum("text")', ""), "empty"),
    ("no_unwanted_errors", show("a warning", "stderr"), "stderr"),
    ("no_unwanted_errors", tag('sum("text")'), "error"),
    ("no_unwanted_errors", no_output('sum("text")'), "error"),
    ("markers", tag("x.mean()", "nbval-ignore-ouput"), "unknown tag"),
    ("markers", tag("x.mean()", "nbval-skip"), "unknown tag"),
    ("markers", tag("x.mean()", guards.IGNORE), "reason"),
    ("markers", tag("x.mean()", reason="because it may move"), "reason"),
    ("markers", replace('sum("text")', "# NBVAL_IGNORE_OUTPUT: a reason\n1"), "NBVAL_"),
    ("answers_shown", replace("check(", "_ = check("), "shows nothing"),
    ("answers_shown", replace('predict("99.2", ...)', 'predict("99.2", ...)\nx'), "shows nothing"),
    ("few_ignored", ignore_three, "not compared"),
    ("kernel", other_kernel, "kernelspec"),
    ("no_absolute_path", show("saved in /home/anna/model.bin"), "/home/anna"),
    ("no_absolute_path", show("saved in C:\\Users\\anna"), "C:\\Users"),
    ("no_absolute_path", replace('sum("text")', 'open("/tmp/data/x.csv")'), "/tmp/data"),
    ("no_random_ids", show("<object object at 0x7f31a0b2c>"), "0x7f31a0b2c"),
    ("no_random_ids", show('<table id="T_a1b2c">'), "Styler"),
    ("small", show("x" * guards.MOST_BYTES), "limit"),
    ("equals_fresh_build", replace("What is the mean", "What was the mean"), "differs"),
    ("equals_fresh_build", replace("by_hand = ...", "by_hand = 4"), "differs"),
    ("equals_fresh_build", drop("## An outlier"), "differs"),
    ("images", replace("- Two.", "![short](source/99_demo.py)"), "alt text"),
    ("images", replace("- Two.", "![A curve that goes up, then down.](gone.png)"), "not a file"),
    ("images", replace("- Two.", "![A curve, up, then down.](http://x.org/a.png)"), "not a file"),
    ("images", replace("- Two.", '<img src="source/99_demo.py">'), "write an image as"),
    ("figures", no_alt, "alt text"),
    ("figures", no_numbers, "numbers"),
    ("opening", replace("# 99 A mean", "# A mean"), "# 99 Title"),
    ("opening", replace("**You need**", "**Needs**"), "in order"),
    ("opening", replace("5 minutes to read and answer, 2 s to run", "soon"), "N minutes"),
    ("closing", replace("## Recall", "## Questions"), "last headings"),
    ("closing", drop("## An outlier"), "three sections"),
    ("closing", drop('progress("99")'), "last cell"),
    ("takeaways", replace("- Five.", ""), "4 takeaways"),
    ("recall", replace("**3. How?**", "How?"), "2 recall questions"),
    ("recall", replace("<summary>Answer</summary>", "<summary>A</summary>"), "0 hidden answers"),
    ("references", replace("equation 2", "somewhere"), "by its number"),
    ("trouble", replace("<details><summary>Nothing", "Nothing"), "known failure"),
    ("details_closed", replace("Wait.\n\n</details>", "Wait."), "not closed"),
    ("short_cells", replace('sum("text")', "x = 1\n" * 13), "13 lines"),
    ("setup", tag("import numpy"), "setup"),
    ("predictions", drop('predict("99.2"'), "three or more"),
    ("predictions", replace('predict("99.2", ...)', 'predict("99.2", "rises")'), "left open"),
    ("predictions", replace('predict("99.2"', 'predict("99.7"'), "99.7"),
    ("predictions", drop('measured("99.1"'), "measured"),
    ("predictions", swap_predict_and_measured, "before its measured"),
    ("exercises", drop('check("99.2"'), "check"),
    ("exercises", replace('check("99.2"', 'check("99.1"'), "check"),
    ("exercises", replace("level 2 of 3", "level 1 of 3"), "box"),
    ("exercises", no_output('check("99.2"'), "not shown"),
    ("verdicts", drop('verdict("99.A"'), "verdicts are on []"),
    ("verdicts", no_output('verdict("99.A"'), "verdicts are on []"),
]


def guard(name):
    return next(guard for guard in guards.GUARDS if guard.__name__ == name)


@pytest.mark.parametrize("name", [guard.__name__ for guard in guards.GUARDS])
def test_good_lesson_passes(executed, name):
    assert list(guard(name)(guards.Lesson(executed))) == []


@pytest.mark.parametrize(("name", "damage", "words"), BROKEN)
def test_broken_lesson_is_rejected(executed, tmp_path, name, damage, words):
    path = shutil.copytree(executed.parent, tmp_path / "notebooks") / executed.name
    notebook = nbformat.read(path, as_version=4)
    damage(notebook)
    nbformat.write(notebook, path)
    problems = list(guard(name)(guards.Lesson(path)))
    assert any(words in problem for problem in problems), problems


def test_every_guard_has_a_broken_notebook():
    assert {name for name, _, _ in BROKEN} == {guard.__name__ for guard in guards.GUARDS}


def test_notebook_without_a_source_is_rejected(executed, tmp_path):
    lesson = guards.Lesson(shutil.copy(executed, tmp_path / "98_lost.ipynb"))
    assert list(guard("equals_fresh_build")(lesson)) == ["98_lost.ipynb has no source."]


def test_lesson_without_declared_exercises_is_rejected(executed, tmp_path):
    lesson = guards.Lesson(shutil.copy(executed, tmp_path / "98_lost.ipynb"))
    assert "four exercises" in " ".join(guard("exercises")(lesson))
