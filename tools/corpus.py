"""Turn raw text into the packed token stream that `pretrain.py` reads.

python tools/corpus.py --source SOURCE --out runs/corpus

Reads from SOURCE, which is not part of the course: `text/coco_val2017.tsv` (column `caption`),
`text/wikipedia_en.txt.xz` and `text/classic_books.txt.xz`; `nli/NAME.tsv.xz` (columns `premise`,
`hypothesis`, `label`) for each NAME in NLI_FILES; and the sentences to hold out, `sts/*/*.tsv`
(columns `sentence1`, `sentence2`).

Writes into --out: `tokenizer.json`, shards of uint16 token ids, `token-vectors.npy` (a first guess
of the token embeddings from co-occurrence counts) and `corpus.json` with counts. Every line that
holds a sentence to hold out (STS12-16, STS-B and SICK, for data/mini-bert) is dropped.
"""

import argparse
import json
import lzma
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds
from tokenizers import Tokenizer
from tokenizers.implementations import BertWordPieceTokenizer

from sbert_lessons.data import read_tsv, words

NLI_FILES = ("snli_train_subset", "mnli_train_subset", "wiki_crowd_nli_train")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SHARD_TOKENS = 4_000_000


class HeldOut:
    """The evaluation sentences, found inside any longer line by their first four words."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.by_start: dict[tuple[str, ...], list[list[str]]] = {}
        self.whole = set()
        for sentence in sentences:
            tokens = words(sentence)
            self.whole.add(tuple(tokens))
            if len(tokens) >= 4:
                self.by_start.setdefault(tuple(tokens[:4]), []).append(tokens)

    def inside(self, line: str) -> bool:
        """True if the line is, or contains, one of the evaluation sentences."""
        tokens = words(line)
        if tuple(tokens) in self.whole:
            return True
        for i, start in enumerate(zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False)):
            for sentence in self.by_start.get(start, ()):
                if tokens[i : i + len(sentence)] == sentence:
                    return True
        return False


def held_out_sentences(source: Path) -> Iterator[str]:
    """Every sentence of every STS and SICK file, train parts included."""
    for path in sorted((source / "sts").glob("*/*.tsv")):
        pairs = read_tsv(path)
        yield from pairs["sentence1"]
        yield from pairs["sentence2"]


def sentence_lines(source: Path) -> list[str]:
    """Distinct NLI premises and hypotheses and COCO captions."""
    lines = set(read_tsv(source / "text" / "coco_val2017.tsv")["caption"])
    for name in NLI_FILES:
        pairs = read_tsv(source / "nli" / f"{name}.tsv.xz")
        lines |= set(pairs["premise"]) | set(pairs["hypothesis"])
    return sorted(line.strip() for line in lines)


def paragraphs(path: Path) -> list[str]:
    """Lines of a running text, document breaks left out."""
    with lzma.open(path, "rt", encoding="utf8") as file:
        return [line.strip() for line in file if len(line) > 20]


def learn_tokenizer(lines: Iterable[str], vocab_size: int, out: Path) -> Tokenizer:
    """A lower-case WordPiece vocabulary of whole words as far as it reaches."""
    wordpiece = BertWordPieceTokenizer(lowercase=True)
    wordpiece.train_from_iterator(lines, vocab_size=vocab_size, special_tokens=SPECIAL)
    wordpiece.save(str(out / "tokenizer.json"))
    return Tokenizer.from_file(str(out / "tokenizer.json"))


def pack(lines: list[str], tokenizer: Tokenizer) -> np.ndarray:
    """All lines as one stream of ids, each line closed by [SEP]."""
    sep = tokenizer.token_to_id("[SEP]")
    parts = []
    for start in range(0, len(lines), 20_000):
        encoded = tokenizer.encode_batch(lines[start : start + 20_000], add_special_tokens=False)
        parts += [np.array([*e.ids, sep], dtype=np.uint16) for e in encoded]
    return np.concatenate(parts)


def cooccurrences(streams: list[np.ndarray], vocab_size: int, window: int) -> np.ndarray:
    """Counts `(V, V)` of two tokens within `window` places, nearer pairs counting more."""
    counts = np.zeros((vocab_size, vocab_size), dtype=np.float32)
    for ids in streams:
        for start in range(0, len(ids), 5_000_000):
            part = ids[start : start + 5_000_000].astype(np.int64)
            for gap in range(1, window + 1):
                pairs = part[:-gap] * vocab_size + part[gap:]
                where, times = np.unique(pairs, return_counts=True)
                counts.reshape(-1)[where] += times / gap
    return counts + counts.T


def ppmi_embeddings(counts: np.ndarray, dim: int) -> np.ndarray:
    """Token vectors `(V, dim)`: truncated SVD of the positive pointwise mutual information.

    PPMI(w, c) = max(0, log p(w, c) / (p(w) p(c)^0.75)); Levy, Goldberg & Dagan 2015.
    """
    counts[:, : len(SPECIAL)] = counts[: len(SPECIAL)] = 0
    word = counts.sum(1) + 1e-9
    context = word**0.75
    context /= context.sum()
    row, column = np.nonzero(counts)
    pmi = np.log(counts[row, column] / (word[row] * context[column]))
    keep = pmi > 0
    matrix = csr_matrix(
        (pmi[keep], (row[keep], column[keep])), shape=counts.shape, dtype=np.float32
    )
    u, s, _ = svds(matrix, k=dim, random_state=0)
    return u * np.sqrt(s)


def save_shards(stream: np.ndarray, out: Path, name: str) -> int:
    """The stream in files small enough to move about; returns how many."""
    shards = range(0, len(stream), SHARD_TOKENS)
    for number, start in enumerate(shards):
        np.save(out / f"{name}-{number:03d}.npy", stream[start : start + SHARD_TOKENS])
    return len(shards)


def cleaned_sources(source: Path) -> tuple[dict[str, list[str]], dict[str, dict[str, int]]]:
    """The lines of each source, shuffled, without evaluation sentences, and their counts."""
    lines = {
        "sentences": sentence_lines(source),
        "wikipedia": paragraphs(source / "text" / "wikipedia_en.txt.xz"),
        "books": paragraphs(source / "text" / "classic_books.txt.xz"),
    }
    held_out, rng = HeldOut(held_out_sentences(source)), random.Random(0)
    kept = {name: [x for x in found if not held_out.inside(x)] for name, found in lines.items()}
    for part in kept.values():
        rng.shuffle(part)
    counts = {n: {"lines": len(lines[n]), "dropped": len(lines[n]) - len(kept[n])} for n in lines}
    return kept, counts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--vocab", type=int, default=16_384)
    parser.add_argument("--dim", type=int, default=192, help="size of the token vectors")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sources, counts = cleaned_sources(args.source)
    sample = sources["sentences"] * 2 + sources["wikipedia"][:80_000] + sources["books"][:120_000]
    tokenizer = learn_tokenizer(sample, args.vocab, args.out)
    streams = {name: pack(lines, tokenizer) for name, lines in sources.items()}
    for name, stream in streams.items():
        counts[name] |= {"tokens": len(stream), "shards": save_shards(stream, args.out, name)}
        print(name, counts[name], flush=True)
    near = cooccurrences([*streams.values()], args.vocab, window=5)
    np.save(args.out / "token-vectors.npy", ppmi_embeddings(near, args.dim))
    (args.out / "corpus.json").write_text(json.dumps(counts, indent=1))


if __name__ == "__main__":
    main()
