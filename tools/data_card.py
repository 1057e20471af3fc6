"""Write the counted parts of data/sts/README.md and data/nli/README.md: python tools/data_card.py

A test compares them with a fresh count, so that the cards can not go stale.
"""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from sbert_lessons.data import DATA, load_nli, load_sts, words
from sbert_lessons.evaluation import jaccard, pearson, spearman

BLOCK = re.compile(r"(<!-- counted -->\n).*(<!-- /counted -->)", re.DOTALL)
SPLITS, NLI_TEXTS = ("train", "dev", "test"), ("premise", "hypothesis")
NEAR = 0.8  # word overlap
BINS = [-0.1, 0.99, 1.99, 2.99, 3.99, 5]


def word_types(*texts: pd.Series) -> str:
    """Distinct lower-case words."""
    return str(len({word for column in texts for text in column for word in words(text)}))


def sts_column(pairs: pd.DataFrame) -> dict[str, str]:
    """The figures of one split of the graded pairs."""
    shares = pd.cut(pairs["score"], BINS).value_counts(sort=False, normalize=True)
    lengths = pairs[["sentence1", "sentence2"]].map(lambda text: len(words(text)))
    overlap = spearman(jaccard(pairs["sentence1"], pairs["sentence2"]), pairs["score"])
    return {
        "pairs": str(len(pairs)),
        "genres": ", ".join(f"{g} {n}" for g, n in sorted(pairs["genre"].value_counts().items())),
        "word types": word_types(pairs["sentence1"], pairs["sentence2"]),
        "share of grades in [0,1) [1,2) [2,3) [3,4) [4,5]": " ".join(f"{s:.2f}" for s in shares),
        "two gradings, Spearman x 100": f"{spearman(pairs['writer'], pairs['blind']):.1f}",
        "two gradings, Pearson x 100": f"{pearson(pairs['writer'], pairs['blind']):.1f}",
        "two gradings, more than one grade apart": (
            f"{((pairs['writer'] - pairs['blind']).abs() > 1).mean():.1%}"
        ),
        "word overlap (Jaccard), Spearman x 100": f"{overlap:.1f}",
        "numbers of words, multiplied": f"{spearman(lengths.prod(axis=1), pairs['score']):.1f}",
    }


def nli_column(pairs: pd.DataFrame) -> dict[str, str]:
    """The figures of one split of the NLI pairs."""
    train = distinct_sentences(load_nli("train"), NLI_TEXTS)
    own = distinct_sentences(pairs, NLI_TEXTS)
    overlap = pd.Series(jaccard(pairs["premise"], pairs["hypothesis"]))
    ends = pairs["label"] != 1
    auc = roc_auc_score(pairs["label"][ends] == 0, overlap[ends])
    labels = {side: pairs.groupby(side)["label"].nunique() for side in NLI_TEXTS}
    again = "-" if own == train else str(len(set(own) & set(train)))
    return {
        "pairs": str(len(pairs)),
        "genres, groups": f"{pairs['genre'].nunique()}, {pairs['group'].nunique()}",
        "premises": str(len(labels["premise"])),
        "premises with all three labels": str((labels["premise"] == 3).sum()),
        "hypotheses": str(len(labels["hypothesis"])),
        "hypotheses with more than one label": str((labels["hypothesis"] > 1).sum()),
        "entailment, neutral, contradiction": ", ".join(
            str(n) for n in pairs["label"].value_counts().sort_index()
        ),
        "word types": word_types(pairs["premise"], pairs["hypothesis"]),
        "accuracy from the hypothesis alone": f"{hypothesis_only(pairs):.0%}",
        "AUC of word overlap, entailment against contradiction": f"{auc:.2f}",
        "sentences with word overlap of 0.8 or more with another of train": str(
            near_duplicates(own, train)
        ),
        "sentences that are in train too": again,
    }


def distinct_sentences(pairs: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """Every sentence of a table once."""
    return sorted({text for column in columns for text in pairs[column]})


def near_duplicates(sentences: list[str], others: list[str]) -> int:
    """How many sentences have a Jaccard overlap of at least `NEAR` with a different one."""
    count = CountVectorizer(binary=True, tokenizer=words, token_pattern=None).fit(others)
    a, b = (count.transform(texts) for texts in (sentences, others))
    shared = (a @ b.T).tocoo()
    lengths = [np.array([len(set(words(t))) for t in texts]) for texts in (sentences, others)]
    union = lengths[0][shared.row] + lengths[1][shared.col] - shared.data
    close = shared.data / union >= NEAR
    rows = zip(shared.row[close], shared.col[close], strict=True)
    return len({i for i, j in rows if sentences[i] != others[j]})


def hypothesis_only(pairs: pd.DataFrame) -> float:
    """Cross-validated accuracy of a bag of words and word pairs; no group in two folds."""
    model = make_pipeline(
        CountVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(C=0.3, max_iter=500)
    )
    folds = GroupKFold(5)
    texts, labels = pairs["hypothesis"], pairs["label"]
    return float(cross_val_score(model, texts, labels, groups=pairs["group"], cv=folds).mean())


def table(column: Callable[[pd.DataFrame], dict], splits: dict[str, pd.DataFrame]) -> str:
    """A Markdown table with a column for each split."""
    columns = {name: column(pairs) for name, pairs in splits.items()}
    head = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    names = next(iter(columns.values()))
    rows = [f"| {name} | " + " | ".join(c[name] for c in columns.values()) + " |" for name in names]
    return "\n".join(head + rows) + "\n"


def counted() -> dict[str, str]:
    """The block of each card, by folder."""
    return {
        "sts": table(sts_column, {split: load_sts(split) for split in SPLITS}),
        "nli": table(nli_column, {split: load_nli(split) for split in SPLITS}),
    }


if __name__ == "__main__":
    for folder, block in counted().items():
        card = DATA / folder / "README.md"
        text = card.read_text(encoding="utf8")
        fresh = BLOCK.sub(lambda m, block=block: m[1] + block + m[2], text)
        card.write_text(fresh, encoding="utf8")
