"""Files and folders that are whole or not there, and whether the bundled ones are unchanged."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parents[1]
CHECKSUMS = "checksums.sha256"


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; empty if there is no such file."""
    return sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file completely or not at all: to a temporary name first, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `path` only when its block ends without error."""
    with writable(path.parent):
        draft = Path(mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    old = draft.with_name(draft.name + "-old")
    try:
        draft.chmod(0o755)
        yield draft
        if path.exists():
            os.replace(path, old)
        os.replace(draft, path)
    finally:
        if old.exists() and not path.exists():
            os.replace(old, path)
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make the folder, and say in one clear sentence if the block cannot write into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise OSError(
            f"Cannot write to {folder} ({error.strerror}): choose a folder you may write to."
        ) from error


def damaged_files(listing: Path, folder: Path) -> list[Path]:
    """Files inside `folder` whose SHA-256 is not the one in `listing`, a list as of `sha256sum`.

    The paths in the list are relative to its own folder. No list: nothing to compare.
    """
    if not listing.exists():
        return []
    lines = [line.split("  ", 1) for line in listing.read_text("utf8").splitlines()]
    wanted = {listing.parent.resolve() / name: digest for digest, name in lines}
    inside = [path for path in wanted if folder.resolve() in path.parents]
    return [path for path in inside if file_digest(path) != wanted[path]]
