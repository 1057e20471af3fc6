"""Finds what each lesson declares, in the modules `lesson_00`, `lesson_01`, ..."""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TypeVar

from .model import Claim, Exercise, Prediction

Item = TypeVar("Item", Exercise, Prediction, Claim)


class Unknown(LookupError):
    """There is no exercise, prediction or claim of this name."""


def lessons() -> list[str]:
    """The numbers of all lessons with exercises: `["00", "01", ...]`."""
    names = (module.name for module in pkgutil.iter_modules(import_module(__package__).__path__))
    return sorted(name.removeprefix("lesson_") for name in names if name.startswith("lesson_"))


def exercises(lesson: str) -> dict[str, Exercise]:
    """The exercises of one lesson by id, in order."""
    found = [item for item in vars(_module(lesson)).values() if isinstance(item, Exercise)]
    return {item.id: item for item in sorted(found, key=lambda item: item.id)}


def predictions(lesson: str) -> dict[str, Prediction]:
    """The predictions of one lesson by id, in order."""
    return {item.id: item for item in getattr(_module(lesson), "PREDICTIONS", ())}


def claims(lesson: str) -> dict[str, Claim]:
    """The claims of one lesson by id, in order."""
    return {item.id: item for item in getattr(_module(lesson), "CLAIMS", ())}


def find(collection: Callable[[str], dict[str, Item]], id: str) -> Item:
    """`find(exercises, "02.1")`: the item, or `Unknown` with the names that exist."""
    lesson = str(id).partition(".")[0]
    items = collection(lesson)
    if id not in items:
        have = ", ".join(items) or "none"
        raise Unknown(f"there is no {id!r} in lesson {lesson}: it has {have}.")
    return items[id]


def _module(lesson: str) -> ModuleType:
    if lesson not in lessons():
        have = ", ".join(lessons()) or "none"
        raise Unknown(f"there is no lesson {lesson!r}: write its number as text, one of {have}.")
    return import_module(f".lesson_{lesson}", __package__)
