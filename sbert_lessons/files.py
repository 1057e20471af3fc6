"""Files and folders that are whole or not there, and whether the bundled ones are unchanged."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from safetensors import SafetensorError

ROOT = Path(__file__).resolve().parents[1]
CHECKSUMS = "checksums.sha256"
WEIGHTS = ("model*.safetensors*", "pytorch_model*")
MODEL_PARTS = (  # what a model's folder holds by these names is replaced by a new model's
    *WEIGHTS,
    "*config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "tokenizer.json",
    "tokenizer.model",
    "*piece*.model",
    "added_tokens.json",
    "special_tokens_map.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "[0-9]_[A-Z]*/",  # 1_Pooling, 2_Dense: a slash at the end is for folders alone
)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; empty if there is no such file."""
    return sha256(path.read_bytes()).hexdigest() if path.exists() else ""


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary name that takes the place of `path` only when its block ends without error.

    Two processes that write the same file have two such names: the last one to finish stays.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file completely or not at all: to a temporary name first, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as draft:
        draft.write_bytes(content)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `path` only when its block ends without error.

    What was in `path` must be an older model, an empty folder or nothing: FileExistsError if it is
    not. The older model is deleted then; what else is in its folder stays. OSError where the folder
    cannot be written.
    """
    check_replaceable(path)
    with writable(path.parent):
        draft = Path(mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        old = draft.with_name(draft.name + "-old")
        try:
            draft.chmod(0o755)
            yield draft
            if path.exists():
                keep_others(path, draft)
                os.replace(path, old)
            os.replace(draft, path)
        finally:
            if old.exists() and not path.exists():
                os.replace(old, path)
            shutil.rmtree(draft, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def keep_others(path: Path, draft: Path) -> None:
    """Copy what is no part of a model, such as a model card or notes, from `path` to `draft`."""
    parts = {part for name in MODEL_PARTS for part in path.glob(name)}
    for other in {*path.iterdir()} - parts:
        if not (draft / other.name).exists():
            copy = shutil.copytree if other.is_dir() else shutil.copy2
            copy(other, draft / other.name)


def check_replaceable(path: Path) -> None:
    """FileExistsError for a file, and for a folder with files in it but without a model."""
    weights = any(any(path.glob(name)) for name in WEIGHTS)
    model = weights and (path / "config.json").exists()
    if path.is_file() or path.is_dir() and any(path.iterdir()) and not model:
        raise FileExistsError(
            f"{path} holds something else than a model, and saving would delete it: choose a new "
            "name for the model."
        )


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make the folder, and say in one clear sentence if the block cannot write into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except (OSError, SafetensorError) as error:  # safetensors has an error of its own: disk full
        reason = getattr(error, "strerror", None) or error
        raise OSError(
            f"Cannot write to {folder} ({reason}): choose a folder you may write to, on a disk "
            "with room."
        ) from error


def damaged_files(listing: Path, folder: Path) -> list[Path]:
    """Files inside `folder` whose SHA-256 is not the one in `listing`, a list as of `sha256sum`.

    The paths in the list are relative to its own folder. No list: nothing to compare; a list that
    is empty, not UTF-8 or has a line that names no file is damaged itself.
    """
    if not listing.exists():
        return []
    text = listing.read_bytes().decode("utf8", errors="replace")
    lines = [line.partition("  ") for line in text.splitlines()]
    if not lines or "\ufffd" in text or not all(name for _, _, name in lines):
        return [listing.resolve()]
    wanted = {listing.parent.resolve() / name: digest for digest, _, name in lines}
    inside = [path for path in wanted if folder.resolve() in path.parents]
    return [path for path in inside if file_digest(path) != wanted[path]]
