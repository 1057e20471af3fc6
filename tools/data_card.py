"""Write the counted part of data/sts/README.md: python tools/data_card.py

A test compares the block with a fresh count, so that the card can not go stale.
"""

import re

import pandas as pd

from sbert_lessons.data import DATA, load_sts, words
from sbert_lessons.evaluation import jaccard, pearson, spearman

CARD = DATA / "sts" / "README.md"
BLOCK = re.compile(r"(<!-- counted -->\n).*(<!-- /counted -->)", re.DOTALL)
BINS = [-0.1, 0.99, 1.99, 2.99, 3.99, 5]


def word_types(pairs: pd.DataFrame) -> int:
    """Distinct lower-case words in both columns."""
    texts = [*pairs["sentence1"], *pairs["sentence2"]]
    return len({word for text in texts for word in words(text)})


def column(pairs: pd.DataFrame) -> dict[str, str]:
    """The card's figures for one split."""
    shares = pd.cut(pairs["score"], BINS).value_counts(sort=False, normalize=True)
    lengths = pairs[["sentence1", "sentence2"]].map(lambda text: len(words(text)))
    overlap = spearman(jaccard(pairs["sentence1"], pairs["sentence2"]), pairs["score"])
    return {
        "pairs": str(len(pairs)),
        "genres": ", ".join(f"{g} {n}" for g, n in sorted(pairs["genre"].value_counts().items())),
        "word types": str(word_types(pairs)),
        "share of grades in [0,1) [1,2) [2,3) [3,4) [4,5]": " ".join(f"{s:.2f}" for s in shares),
        "two gradings, Spearman x 100": f"{spearman(pairs['writer'], pairs['blind']):.1f}",
        "two gradings, Pearson x 100": f"{pearson(pairs['writer'], pairs['blind']):.1f}",
        "two gradings, more than one grade apart": (
            f"{((pairs['writer'] - pairs['blind']).abs() > 1).mean():.1%}"
        ),
        "word overlap (Jaccard), Spearman x 100": f"{overlap:.1f}",
        "numbers of words, multiplied": f"{spearman(lengths.prod(axis=1), pairs['score']):.1f}",
    }


def counted() -> str:
    """The block as Markdown."""
    dev, test = column(load_sts("dev")), column(load_sts("test"))
    rows = [f"| {name} | {dev[name]} | {test[name]} |" for name in dev]
    return "\n".join(["| | dev | test |", "|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    card = CARD.read_text(encoding="utf8")
    CARD.write_text(BLOCK.sub(lambda m: m[1] + counted() + m[2], card), encoding="utf8")
