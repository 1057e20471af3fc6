"""The bar of long work: seen where it is wanted, and nowhere else."""

import pytest

from sbert_lessons.progress import progress_bar


@pytest.mark.parametrize(
    "disable, shown, seen",
    [(None, True, True), ("0", True, True), ("1", True, False), (None, False, False)],
)
def test_a_bar_is_seen_only_where_it_is_wanted(capsys, monkeypatch, disable, shown, seen):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    if disable is not None:
        monkeypatch.setenv("TQDM_DISABLE", disable)
    assert list(progress_bar(range(3), "train", shown)) == [0, 1, 2]
    assert ("train" in capsys.readouterr().err) == seen
