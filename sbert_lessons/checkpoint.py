"""A run that can go on after a stop: model, optimizer and history in one file, without pickle."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from sbert_lessons.files import new_file, writable


def optimizer_tensors(optimizers: list[Optimizer]) -> dict[str, Tensor]:
    """The state of all optimizers as named tensors."""
    return {
        f"{number}.{index}.{key}": torch.as_tensor(value)
        for number, optimizer in enumerate(optimizers)
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }


def restore_optimizers(optimizers: list[Optimizer], tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` took out."""
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimizers]
    for name, value in tensors.items():
        number, index, key = name.split(".")
        states[int(number)].setdefault(int(index), {})[key] = value
    for optimizer, state in zip(optimizers, states, strict=True):
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizers: list[Optimizer],
    step: int,
    history: Sequence[dict] = (),
    run: str = "",
) -> None:
    """All of a run's state in one safetensors file, renamed into place when whole.

    `run` says in words what makes the run's batches what they are: see `load_checkpoint`.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"optimizer.{name}": value for name, value in optimizer_tensors(optimizers).items()}
    # a copy of each: safetensors refuses tensors that share memory, as tied embeddings do
    tensors = {name: value.detach().cpu().clone() for name, value in tensors.items()}
    notes = {"step": str(step), "history": json.dumps([*history], default=float), "run": run}
    with writable(path.parent), new_file(path) as draft:
        save_file(tensors, draft, metadata=notes)


def resume(
    path: Path, model: nn.Module, optimizers: list[Optimizer], run: str = ""
) -> tuple[int, list[dict]]:
    """The step to go on from, model and optimizers restored, and the history so far.

    Without a file, a first one is written: a place that takes none is found out before the work.
    Raises OSError for such a place, and ValueError as `load_checkpoint` does.
    """
    if path.is_dir():
        raise IsADirectoryError(
            f"{path} is a folder: name a file in it, such as {path / 'checkpoint.safetensors'}."
        )
    if not path.exists():
        save_checkpoint(path, model, optimizers, 0, run=run)
        return 0, []
    step = load_checkpoint(path, model, optimizers, run)
    return step, json.loads(read_notes(path)["history"])


def read_notes(path: Path) -> dict[str, str]:
    """The notes at the head of a safetensors file."""
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def load_checkpoint(
    path: Path, model: nn.Module, optimizers: list[Optimizer], run: str = ""
) -> int:
    """Restore model and optimizers in place; returns the step to go on from.

    Raises ValueError for a file that is damaged, or was written by another `run` or for another
    model.
    """
    try:
        notes, tensors = read_notes(path), load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}): delete it to start afresh.") from error
    if notes.get("run", run) != run:
        raise ValueError(
            f"{path} belongs to another run ({notes['run']}; this one: {run}): delete it to start "
            "afresh, or give this run a file of its own."
        )
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}}
    try:
        for name, value in tensors.items():
            part, rest = name.split(".", 1)
            parts[part][rest] = value
        step = int(notes["step"])
        model.load_state_dict(parts["model"])
        restore_optimizers(optimizers, parts["optimizer"])
    except (RuntimeError, ValueError, LookupError) as error:
        raise ValueError(f"{path} belongs to another model: delete it to start afresh.") from error
    return step
