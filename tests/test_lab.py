import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sbert_lessons import files, lab
from sbert_lessons.__main__ import app

NAME = "02_pooling.ipynb"


@pytest.fixture
def course(tmp_path):
    """A folder of lessons and an empty work folder."""
    lessons = tmp_path / "notebooks"
    (lessons / "source").mkdir(parents=True)
    (lessons / "images").mkdir()
    (lessons / ".ipynb_checkpoints").mkdir()
    (lessons / NAME).write_text("version 1")
    (lessons / "images" / "cone.png").write_bytes(b"\x89PNG")
    (lessons / "source" / "02_pooling.py").write_text("source")
    (lessons / ".ipynb_checkpoints" / NAME).write_text("old")
    return lessons, tmp_path / "work"


def names(work):
    files = (path for path in work.rglob("*") if path.is_file())
    return sorted(path.relative_to(work).as_posix() for path in files)


def test_first_time_all_lessons_and_images_are_copied(course):
    lessons, work = course
    assert lab.hand_out(lessons, work) == []
    assert names(work) == [".handed-out.json", NAME, "images/cone.png"]
    assert (work / NAME).read_text() == "version 1"


def test_untouched_copy_follows_the_course(course):
    lessons, work = course
    lab.hand_out(lessons, work)
    (lessons / NAME).write_text("version 2")
    assert lab.hand_out(lessons, work) == []
    assert (work / NAME).read_text() == "version 2"


def test_edited_copy_survives_and_the_new_version_lies_beside_it(course):
    lessons, work = course
    lab.hand_out(lessons, work)
    (work / NAME).write_text("my answer")
    assert lab.hand_out(lessons, work) == []
    (lessons / NAME).write_text("version 2")
    assert lab.hand_out(lessons, work) == ["02_pooling.new.ipynb"]
    assert (work / NAME).read_text() == "my answer"
    assert (work / "02_pooling.new.ipynb").read_text() == "version 2"


def test_new_version_is_offered_once(course):
    lessons, work = course
    lab.hand_out(lessons, work)
    (work / NAME).write_text("my answer")
    (lessons / NAME).write_text("version 2")
    lab.hand_out(lessons, work)
    (work / "02_pooling.new.ipynb").unlink()
    assert lab.hand_out(lessons, work) == []
    assert "02_pooling.new.ipynb" not in names(work)


def test_edited_new_version_survives_too(course):
    lessons, work = course
    lab.hand_out(lessons, work)
    for version, edited in [(2, "02_pooling.new.ipynb"), (3, "02_pooling.new2.ipynb")]:
        (work / NAME).write_text("my answer")
        (lessons / NAME).write_text(f"version {version}")
        assert lab.hand_out(lessons, work) == [edited]
        (work / edited).write_text(f"my answer to version {version}")
    assert (work / "02_pooling.new.ipynb").read_text() == "my answer to version 2"


def test_unedited_new_version_follows_the_course(course):
    lessons, work = course
    lab.hand_out(lessons, work)
    (work / NAME).write_text("my answer")
    for version in (2, 3):
        (lessons / NAME).write_text(f"version {version}")
        assert lab.hand_out(lessons, work) == ["02_pooling.new.ipynb"]
        assert (work / "02_pooling.new.ipynb").read_text() == f"version {version}"


def test_deleted_copy_is_handed_out_afresh(course):
    lessons, work = course
    lab.hand_out(lessons, work)
    (work / NAME).unlink()
    lab.hand_out(lessons, work)
    assert (work / NAME).read_text() == "version 1"


def test_current_copy_is_not_written_again(course):
    lessons, work = course
    lab.hand_out(lessons, work)
    os.utime(work / NAME, (1, 1))
    lab.hand_out(lessons, work)
    assert (work / NAME).stat().st_mtime == 1


@pytest.mark.parametrize("manifest", [None, "", "{broken", "[]", '"text"'])
def test_without_a_readable_manifest_every_changed_copy_is_kept(course, manifest):
    lessons, work = course
    work.mkdir()
    (work / NAME).write_text("my answer")
    if manifest is not None:
        (work / lab.MANIFEST).write_text(manifest)
    assert lab.hand_out(lessons, work) == ["02_pooling.new.ipynb"]
    assert (work / NAME).read_text() == "my answer"


CHANGES = st.sampled_from(["course", "learner", "learner .new", "hand out"])


@settings(deadline=None)
@given(st.lists(CHANGES, max_size=12))
def test_nothing_the_learner_wrote_is_lost_and_every_version_arrives(changes):
    with TemporaryDirectory() as folder:
        lessons, work = Path(folder, "notebooks"), Path(folder, "work")
        lessons.mkdir()
        work.mkdir()
        written, news = {}, ""
        for i, change in enumerate(["course", "hand out", *changes, "hand out"]):
            if change == "course":
                news = f"course {i}"
                (lessons / NAME).write_text(news)
            elif change == "hand out":
                lab.hand_out(lessons, work)
                assert not news or news in [path.read_text() for path in work.glob("*.ipynb")]
                news = ""
            else:
                name = NAME.replace(".", ".new.") if ".new" in change else NAME
                (work / name).write_text(f"learner {i}")
                written[name] = f"learner {i}"
            assert {name: (work / name).read_text() for name in written} == written


def test_interrupted_write_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_text("old")

    def stop(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        files.write_whole(path, b"new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.ipynb"]


def test_server_opens_the_page_and_keeps_its_token(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    arguments = lab.server_arguments(tmp_path, "tree/work/a.ipynb", ["--no-browser"])
    assert arguments[:2] == [
        f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.default_url=/lab/tree/work/a.ipynb",
    ]
    assert arguments[-1] == "--no-browser"
    assert not any("token" in argument or "root" in argument for argument in arguments[2:])


def test_jupyterlab_asks_nobody_about_news():
    settings = json.loads((lab.SETTINGS / "overrides.json").read_text())
    notification = settings["@jupyterlab/apputils-extension:notification"]
    assert notification == {"fetchNews": "false", "checkForUpdates": False}


def test_server_needs_leave_only_for_root(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    assert "--allow-root" in lab.server_arguments(tmp_path, "tree/work", [])


@pytest.fixture
def at_home(course, monkeypatch):
    """The `lab` command working in the temporary course; returns what reaches JupyterLab."""
    calls = []
    monkeypatch.setattr("sbert_lessons.__main__.ROOT", course[0].parent)
    monkeypatch.setattr("jupyterlab.labapp.main", calls.append)
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    return calls


def test_command_hands_out_names_new_versions_and_passes_options_on(course, at_home):
    lessons, work = course
    (lessons / lab.FIRST_LESSON).write_text("welcome")
    work.mkdir()
    (work / NAME).write_text("my answer")
    result = CliRunner().invoke(app, ["lab", "--no-browser", "--port=8899"])
    assert result.exit_code == 0
    assert "work/02_pooling.new.ipynb" in result.output
    assert at_home[0][-2:] == ["--no-browser", "--port=8899"]
    assert f"--LabApp.default_url=/lab/tree/work/{lab.FIRST_LESSON}" in at_home[0]


def test_kernels_find_the_package(course, at_home):
    CliRunner().invoke(app, ["lab"])
    assert os.environ["PYTHONPATH"] == f"{course[0].parent}{os.pathsep}/somewhere"
    assert "--LabApp.default_url=/lab/tree/work" in at_home[0]


def test_work_folder_that_cannot_be_written_gives_one_sentence(course, at_home):
    course[1].write_text("a file where the folder should be")
    result = CliRunner().invoke(app, ["lab"])
    assert result.exit_code == 1
    assert "make the folder work/ writable" in result.output
    assert at_home == []


def test_manifest_lists_what_was_handed_out(course):
    lessons, work = course
    lab.hand_out(lessons, work)
    handed_out = json.loads((work / lab.MANIFEST).read_text())
    assert handed_out[NAME] == files.file_digest(lessons / NAME)
