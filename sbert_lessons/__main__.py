"""The command line: `python -m sbert_lessons doctor`, `... lab` and `... fetch`."""

import sys
from pathlib import Path
from typing import Annotated

try:
    import typer

    from . import doctor as checks
    from . import lab as lessons
    from .files import ROOT
except ModuleNotFoundError as error:
    sys.exit(
        f"The package {error.name} is not installed in {sys.executable}: run `make lab`, "
        "then this with `.venv/bin/python`; or `python -m pip install -r requirements.lock`."
    )

app = typer.Typer(help="Learn Sentence-BERT by experiment.", no_args_is_help=True)
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command()
def doctor(write_checksums: Annotated[Path | None, typer.Option(hidden=True)] = None) -> None:
    """Check this computer, line by line, and say what to do about each failure."""
    if write_checksums:
        print(f"{checks.write_checksums(write_checksums)} files listed.")
        return
    findings = []
    for finding in checks.examine():
        print(finding, flush=True)
        findings.append(finding)
    raise typer.Exit(not all(finding.ok for finding in findings))


@app.command(context_settings=PASS_ON)
def lab(context: typer.Context) -> None:
    """Copy the lessons to work/ and open JupyterLab; further options go to JupyterLab."""
    try:
        beside = lessons.hand_out(ROOT / "notebooks", ROOT / "work")
    except OSError as error:
        sys.exit(f"Cannot hand out the lessons ({error}): make the folder work/ writable.")
    for name in beside:
        print(f"The course has a newer version: work/{name}. Your own copy stays as it is.")
    lessons.serve(ROOT, context.args)


@app.command()
def fetch(names: list[str]) -> None:
    """Bring real data to real/ once, for later offline use.

    NAMES: stsb sick sts12 sts13 sts14 sts15 sts16 snli multinli all-nli.
    """
    from . import real

    try:
        for line in real.fetch(names):
            print(line, flush=True)
    except (OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    app()
