"""The progress bar of long work."""

import os
from collections.abc import Iterable

from tqdm.auto import tqdm


def progress_bar(steps: Iterable, title: str, shown: bool = True) -> Iterable:
    """The steps, with a bar that vanishes at the end; none where TQDM_DISABLE=1 is set.

    tqdm reads that variable in a terminal, but not in a notebook.
    """
    silent = os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    return tqdm(steps, title, leave=False, disable=silent or not shown)
