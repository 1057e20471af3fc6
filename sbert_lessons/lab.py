"""Hands out the lessons into `work/` and opens them in JupyterLab. What a learner wrote is kept."""

import json
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from .files import file_digest, write_whole

MANIFEST = ".handed-out.json"
FIRST_LESSON = "00_start_here.ipynb"
SETTINGS = Path(__file__).with_name("jupyterlab")  # no question about news, no look for updates


def hand_out(lessons: Path, work: Path) -> list[str]:
    """Copy every lesson file to `work`; returns the names of new versions put beside edited files.

    A copy that the learner has not touched follows the course. A copy that the learner has
    changed stays as it is, and the new version is written next to it, once, as `NAME.new.ipynb`.
    """
    handed_out, beside = read_manifest(work / MANIFEST), []
    for lesson in lesson_files(lessons):
        name, fresh = lesson.relative_to(lessons).as_posix(), file_digest(lesson)
        target = choose_name(name, fresh, work, handed_out)
        if target:
            write_whole(work / target, lesson.read_bytes())
            handed_out[target] = fresh
        if target not in (None, name):
            beside.append(target)
        handed_out[name] = fresh
    write_whole(work / MANIFEST, json.dumps(handed_out, indent=1).encode())
    return beside


def lesson_files(lessons: Path) -> list[Path]:
    """Notebooks and their images; neither their sources nor hidden files."""
    files = sorted(path for path in lessons.rglob("*") if path.is_file())
    return [path for path in files if not _is_private(path.relative_to(lessons))]


def _is_private(path: Path) -> bool:
    return path.parts[0] == "source" or any(part.startswith((".", "_")) for part in path.parts)


def choose_name(name: str, fresh: str, work: Path, handed_out: dict[str, str]) -> str | None:
    """The name to write a lesson to: its own, a free one beside it, or None to leave all as is."""

    def untouched(name: str) -> bool:
        return file_digest(work / name) in ("", handed_out.get(name))

    if file_digest(work / name) == fresh:
        return None
    if untouched(name):
        return name
    if handed_out.get(name) == fresh:  # this version has been handed out before
        return None
    return next(filter(untouched, new_names(name)))


def new_names(name: str) -> Iterator[str]:
    """`02_pooling.ipynb` -> `02_pooling.new.ipynb`, `02_pooling.new2.ipynb`, ..."""
    stem, dot, suffix = name.rpartition(".")
    return (f"{stem}.new{'' if i == 1 else i}{dot}{suffix}" for i in count(1))


def read_manifest(path: Path) -> dict[str, str]:
    """Names and SHA-256 of what was handed out; empty if unreadable: then every copy is kept."""
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def server_arguments(root: Path, page: str, extra: list[str]) -> list[str]:
    """Arguments for JupyterLab: open `page` in `root`; the access token stays on."""
    as_root = ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    return [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/{page}",
        f"--LabApp.app_settings_dir={SETTINGS}",
        "--log-level=WARN",
        *as_root,
        *extra,
    ]


def serve(root: Path, extra: list[str]) -> None:
    """Run JupyterLab at the first lesson until the learner stops it."""
    from jupyterlab.labapp import main

    paths = [str(root), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # kernels find the package
    page = f"tree/work/{FIRST_LESSON}" if (root / "work" / FIRST_LESSON).exists() else "tree/work"
    sys.exit(main(server_arguments(root, page, extra)))
