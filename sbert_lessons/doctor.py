"""Is this computer ready for the lessons? One finding a check, and what to do where it fails."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from .files import CHECKSUMS, ROOT, damaged_files, file_digest, write_whole

OLDEST, NEWEST = (3, 11), (3, 13)
FREE_GB = 1.0
INSTALL = (
    "Run `make clean lab` (work/ stays), or, in an environment of your own, "
    "`python -m pip install -r requirements.lock`."
)
RESTORE = "Bring it back with `git checkout -- data`, or clone the course again."
OWN_DATA = "The folder is yours: copy what is missing from data/, and keep what you changed."


@dataclass(frozen=True)
class Finding:
    """What one check saw; `remedy` says what to do about it and is empty when all is well."""

    subject: str
    seen: str
    remedy: str = ""

    @property
    def ok(self) -> bool:
        return not self.remedy

    def __str__(self) -> str:
        mark = "[ok]  " if self.ok else "[fail]"
        todo = "" if self.ok else f"\n       -> {self.remedy}"
        return f"{mark} {self.subject}: {self.seen}{todo}"


def examine(root: Path = ROOT) -> Iterator[Finding]:
    """Every check in turn, the quick ones first."""
    own_data = os.environ.get("SBERT_LESSONS_DATA")
    yield python_version(sys.version_info[:3])
    yield packages(root / "requirements.lock")
    yield torch_threads()
    yield data_files(Path(own_data), OWN_DATA) if own_data else data_files(root / "data")
    yield kernel()
    yield disk(root)


def python_version(version: tuple[int, ...]) -> Finding:
    """Is this Python one that the lock file is made for?"""
    oldest, newest = (".".join(map(str, v)) for v in (OLDEST, NEWEST))
    fits = OLDEST <= version[:2] <= NEWEST
    advice = f"Install Python {oldest} to {newest}, then `make clean lab PYTHON=python{oldest}`."
    return Finding("Python", ".".join(map(str, version)), "" if fits else advice)


def packages(lock: Path) -> Finding:
    """Is each package that the lock asks for on this system here, in that version?"""
    wanted = locked(lock)
    if not wanted:
        seen = f"{lock.name} is {'damaged' if lock.exists() else 'not there'}"
        restore = f"Bring it back with `git checkout -- {lock.name}`, or clone the course again."
        return Finding("Packages", seen, restore)
    here = [need for need in wanted if need.marker is None or need.marker.evaluate()]
    wrong = [problem for need in here if (problem := mismatch(need))]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return Finding("Packages", "; ".join(wrong[:5]) + more, INSTALL)
    return Finding("Packages", f"all {len(here)} as locked")


def locked(lock: Path) -> list[Requirement]:
    """The packages in a lock file; none if it is missing or damaged."""
    try:
        return [Requirement(line) for line in lock.read_text("utf-8").splitlines()]
    except (FileNotFoundError, ValueError):  # ValueError: not UTF-8, or a line that is no package
        return []


def mismatch(need: Requirement) -> str:
    """What is wrong with an installed package; a build tag such as `+cpu` is not."""
    try:
        version = metadata.version(need.name)
    except metadata.PackageNotFoundError:
        return f"{need.name} is missing"
    fits = need.specifier.contains(version, prereleases=True)
    return "" if fits else f"{need.name} is {version}, not {str(need.specifier)[2:]}"


def torch_threads() -> Finding:
    """Does torch load, with no more threads than there are processors?"""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", f"does not load ({error})", INSTALL)
    threads, processors = torch.get_num_threads(), os.cpu_count() or 1
    advice = f"Set OMP_NUM_THREADS={processors}: more threads than processors slow each other down."
    seen = f"{torch.__version__}, {threads} threads on {processors} processors"
    return Finding("torch", seen, advice if threads > processors else "")


def data_files(data: Path, restore: str = RESTORE) -> Finding:
    """Are the bundled models and sentences complete and unchanged?"""
    listing = data / CHECKSUMS
    if not listing.exists():
        return Finding("Data", f"{listing} is not there", restore)
    wrong = [str(path.relative_to(data.resolve())) for path in damaged_files(listing, data)]
    if wrong:
        return Finding("Data", f"missing or changed: {', '.join(wrong)}", restore)
    return Finding("Data", f"all {len(listing.read_text('utf-8').splitlines())} files unchanged")


def write_checksums(data: Path) -> int:
    """List every file below `data`, texts about them aside, for `data_files` or `sha256sum -c`."""
    found = (p for p in data.rglob("*") if p.is_file() and p.suffix != ".md")
    paths = sorted(p.relative_to(data) for p in found)
    names = [p.as_posix() for p in paths if not any(part.startswith(".") for part in p.parts)]
    lines = [f"{file_digest(data / name)}  {name}\n" for name in names if name != CHECKSUMS]
    write_whole(data / CHECKSUMS, "".join(lines).encode())
    return len(lines)


def kernel() -> Finding:
    """Does Jupyter's kernel `python3`, which all lessons name, run this very Python?"""
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError as error:
        return Finding("Jupyter kernel", f"Jupyter does not load ({error})", INSTALL)
    repair = "Run `python -m ipykernel install --sys-prefix` in the course's environment."
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding("Jupyter kernel", "python3 is not there", repair)
    runs = Path(command if os.path.isabs(command) else sys.executable)  # as Jupyter does
    ours = runs.parent == Path(sys.executable).parent
    return Finding("Jupyter kernel", f"python3 runs {runs}", "" if ours else repair)


def disk(folder: Path) -> Finding:
    """Is there room for checkpoints and notebooks?"""
    free = shutil.disk_usage(folder).free / 1e9
    advice = f"Free some space: the lessons need {FREE_GB:.0f} GB for checkpoints and notebooks."
    return Finding("Disk", f"{free:.1f} GB free", advice if free < FREE_GB else "")
