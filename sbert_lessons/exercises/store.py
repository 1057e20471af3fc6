"""What the learner has done, remembered in `work/progress.json`."""

import json
import os
from pathlib import Path
from typing import Any

from ..files import ROOT, write_whole

EMPTY = {"exercises": {}, "predictions": {}}

_memory: dict[str, Any] = {}  # this session alone: when the file is off or cannot be written


def location() -> Path | None:
    """Where progress is kept; None while `SBERT_LESSONS_PROGRESS=off`."""
    chosen = os.environ.get("SBERT_LESSONS_PROGRESS")
    if chosen == "off":
        return None
    if chosen:
        return Path(chosen)
    home = ROOT if (ROOT / "pyproject.toml").exists() else Path.cwd()
    return home / "work" / "progress.json"


def read() -> dict[str, dict]:
    """All that is known: the file, and over it what this session could not write."""
    path = location()
    kept = _parse(path) or EMPTY if path else EMPTY
    return {part: {**kept[part], **_memory.get(part, {})} for part in EMPTY}


def record(part: str, id: str, value: Any) -> str:
    """Remember one thing. Returns "", or one sentence when it could not be saved."""
    path = location()
    if path is None:
        _memory.setdefault(part, {})[id] = value
        return ""
    try:
        note = _set_aside_if_damaged(path)
        progress = read()
        progress[part][id] = value
        write_whole(path, json.dumps(progress, indent=1, sort_keys=True).encode())
        _memory.clear()
    except OSError as error:
        _memory.setdefault(part, {})[id] = value
        return (
            f"Your progress counts until this notebook closes, but cannot be saved in {path.name}: "
            f"{error.strerror}. Make the folder of that file writable."
        )
    return note


def _parse(path: Path) -> dict[str, dict] | None:
    """The stored progress; None if there is no file or it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kept = found["predictions"].items()
        predictions = {id: {"predicted": one["predicted"], **one} for id, one in kept}
        return {"exercises": dict(found["exercises"]), "predictions": predictions}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _set_aside_if_damaged(path: Path) -> str:
    if not path.exists() or _parse(path) is not None:
        return ""
    aside = path.with_name("progress.damaged.json")
    os.replace(path, aside)
    return f"{path.name} could not be read: it is kept as {aside.name}, and a new one is begun."
