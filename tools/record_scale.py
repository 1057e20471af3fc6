"""Record what lesson 13 prints from real data: trainers, truncation, recall and Matryoshka.

ACCELERATE_MIXED_PRECISION=bf16 python tools/record_scale.py --source SOURCE --minilm FOLDER

SOURCE is laid out as `corpus.py` says; FOLDER holds all-MiniLM-L6-v2. Each experiment becomes
`data/results/NAME.json`. Each run is one file in --runs: a stopped recording goes on where it was.
Both arms of a comparison use the rate that bundled dev chose for the first of them.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from record_results import BATCH, HEAD_RATE, Arm, measure, nli, nli_dev, training_data
from record_results import run as run_arm
from recording import kept, made, provenance, write_results
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import SoftmaxLoss as LibrarySoftmaxLoss
from sklearn.decomposition import PCA

from sbert_lessons.data import load_nli, load_sts, read_tsv
from sbert_lessons.encoder import SentenceEncoder, mini_bert, mini_sbert
from sbert_lessons.evaluation import cosine, encode_pairs, spearman
from sbert_lessons.files import new_file
from sbert_lessons.losses import CoSENTLoss
from sbert_lessons.matryoshka import MatryoshkaLoss, truncate
from sbert_lessons.search import top_k, unit
from sbert_lessons.training import train

RATE = 1e-4  # of the arms "softmax" and "STS-B" in objectives.json and table2.json
SIZES = (6, 12, 24, 48, 96, 192, 384)
DIMS = (192, 96, 48, 24, 12)
SOFTMAX = Arm("softmax")
Pairs = dict[str, pd.DataFrame]


def sts_sets(source: Path) -> Pairs:
    """The graded pairs that every truncation is measured on."""
    real = {f"stsb_{s}": read_tsv(source / "sts" / "stsb" / f"{s}.tsv") for s in ("dev", "test")}
    return real | {f"bundled_{split}": load_sts(split) for split in ("dev", "test")}


def library_trainer(seed: int, source: Path) -> dict:
    """sentence-transformers' trainer on the pairs, steps and rates of our arm `softmax`."""
    model = SentenceTransformer(
        str(mini_bert()), device="cpu", model_kwargs={"dtype": torch.float32}
    )
    torch.manual_seed(seed)
    loss = LibrarySoftmaxLoss(model, model.get_embedding_dimension(), num_labels=3)
    (premises, hypotheses), labels = training_data(SOFTMAX, source)
    rows = {"premise": [*premises], "hypothesis": [*hypotheses], "label": [*map(int, labels)]}
    with tempfile.TemporaryDirectory() as folder:
        settings = SentenceTransformerTrainingArguments(
            output_dir=folder, num_train_epochs=1, per_device_train_batch_size=BATCH,
            learning_rate=RATE, learning_rate_mapping={"classifier": HEAD_RATE}, warmup_steps=0.1,
            weight_decay=0.01, seed=seed, bf16=True, use_cpu=True, save_strategy="no",
            logging_strategy="no", report_to="none", disable_tqdm=True,
        )  # fmt: skip
        SentenceTransformerTrainer(
            model=model, args=settings, train_dataset=Dataset.from_dict(rows), loss=loss
        ).train()
        model.save_pretrained(f"{folder}/model")
        encoder = SentenceEncoder.load(f"{folder}/model")
    about = {"rate": RATE, "seed": seed, "pairs": len(labels)} | made() | {"precision": "bf16"}
    return about | measure(encoder, None, SOFTMAX, source)


def trainers(args: argparse.Namespace) -> dict:
    """Our loop and the library's, on 30,000 pairs."""
    ours = [run_arm(SOFTMAX, RATE, seed, args.source, args.record) for seed in range(args.seeds)]
    theirs = [
        kept(
            args.runs / f"trainer {seed}.json", lambda seed=seed: library_trainer(seed, args.source)
        )
        for seed in range(args.seeds)
    ]
    recipe = {"batch_size": BATCH, "rate": RATE, "head_rate": HEAD_RATE}
    return {
        "ours": {"recipe": recipe | {"batches": "pairs of like length"}, "runs": ours},
        "sentence-transformers": {"recipe": recipe | {"batches": "at random"}, "runs": theirs},
    }


def cuts(vectors: np.ndarray) -> dict[str, Callable[[np.ndarray, int, int], np.ndarray]]:
    """Three ways to k numbers: `cut(x, k, seed)`; PCA is that of these vectors, not centred."""
    axes = PCA().fit(vectors).components_.T

    def some(x: np.ndarray, k: int, seed: int) -> np.ndarray:
        return x[:, np.random.default_rng(seed).permutation(x.shape[1])[:k]]

    return {
        "first": lambda x, k, seed: truncate(x, k),
        "random": some,
        "PCA": lambda x, k, seed: x @ axes[:, :k],
    }


def truncation_of(encoder: SentenceEncoder, source: Path, seeds: int) -> dict[str, list[dict]]:
    """Rows of all sets for each way and size; several draws of the random dimensions."""
    pairs = {name: (encode_pairs(encoder, t), t["score"]) for name, t in sts_sets(source).items()}
    rows: dict[str, list[dict]] = {}
    for way, cut in cuts(np.concatenate(encode_pairs(encoder, load_nli("train")))).items():
        rows[way] = [
            {"k": k, "seed": seed}
            | {
                name: spearman(cosine(cut(u, k, seed), cut(v, k, seed)), grades)
                for name, ((u, v), grades) in pairs.items()
            }
            for k in SIZES
            if k <= encoder.dim
            for seed in range(seeds if way == "random" else 1)
        ]
    return rows


def truncation(args: argparse.Namespace) -> dict:
    """The first k numbers, k random ones and k principal components, without training."""
    arms = {}
    models = {"mini-bert": mini_bert(), "mini-sbert": mini_sbert(), "all-MiniLM-L6": args.minilm}
    for name, folder in models.items():
        ways = kept(
            args.runs / f"truncation {name}.json",
            lambda folder=folder: truncation_of(SentenceEncoder.load(folder), args.source, 10),
        )
        recipe = "not trained; PCA of the bundled NLI training sentences"
        arms |= {
            f"{name}, {way}": {"recipe": recipe, "runs": ways[way]}
            for way in ("first", "random", "PCA")
        }
    return arms


def corpus_vectors(encoder: SentenceEncoder, sentences: np.ndarray, file: Path) -> np.ndarray:
    """Unit vectors of the sentences, kept in a file that is whole or not there."""
    if not file.exists():
        vectors = unit(encoder.encode(sentences, batch_size=64))
        with new_file(file) as draft, draft.open("wb") as opened:
            np.save(opened, vectors)
    return np.load(file)


def recalls(args: argparse.Namespace) -> dict:
    """Recall@10 and seconds a query of three faiss indexes over all distinct NLI sentences."""
    table = nli(args.source, None)
    sentences = pd.unique(pd.concat([table["premise"], table["hypothesis"]]))
    encoder = SentenceEncoder.load(mini_sbert())
    corpus = corpus_vectors(encoder, sentences, args.runs / "vectors.npy")
    queries = pd.unique(nli_dev(args.source)["hypothesis"])[:1000]
    queries = unit(encoder.encode([*queries]))
    exact = np.concatenate([top_k(q, corpus, 10)[1] for q in np.array_split(queries, 20)])
    noise = unit(np.random.default_rng(0).normal(size=(50_000 + len(queries), corpus.shape[1])))
    noise = noise.astype("float32")
    random, random_queries = noise[:50_000], noise[50_000:]
    random_exact = np.concatenate(
        [top_k(q, random, 10)[1] for q in np.array_split(random_queries, 20)]
    )
    real, made = (corpus, queries, exact), (random, random_queries, random_exact)
    return {
        "exact": [{"sentences": len(corpus)} | searched(faiss.IndexFlatIP(corpus.shape[1]), *real)],
        "IVF": ivf(*real),
        "IVF, random vectors": ivf(*made),
        "HNSW": hnsw(*real),
    }


def searched(
    index: faiss.Index, corpus: np.ndarray, queries: np.ndarray, exact: np.ndarray
) -> dict:
    """Recall@10 and milliseconds a query of an index; an empty one is filled first."""
    if not index.ntotal:
        index.add(corpus)
    start = time.perf_counter()
    found = index.search(queries, 10)[1]
    seconds = time.perf_counter() - start
    hits = np.mean([len({*a} & {*b}) / 10 for a, b in zip(found, exact, strict=True)])
    return {"recall": float(hits), "milliseconds": 1000 * seconds / len(queries)}


def ivf(corpus: np.ndarray, queries: np.ndarray, exact: np.ndarray) -> list[dict]:
    """Cells by k-means, about 4 sqrt(N) of them; the nearest `nprobe` cells are searched."""
    cells = round(4 * len(corpus) ** 0.5)
    index = faiss.index_factory(corpus.shape[1], f"IVF{cells},Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(corpus)
    rows = []
    for share in (0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        index.nprobe = max(1, round(share * cells))
        row = {"cells": cells, "nprobe": index.nprobe, "share": index.nprobe / cells}
        rows.append(row | searched(index, corpus, queries, exact))
    return rows


def hnsw(corpus: np.ndarray, queries: np.ndarray, exact: np.ndarray) -> list[dict]:
    """A graph of neighbours, 32 links a vector; `efSearch` candidates are kept on the way."""
    index = faiss.IndexHNSWFlat(corpus.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    rows = []
    for ef in (10, 20, 40, 80, 160, 320):
        index.hnsw.efSearch = ef
        rows.append({"efSearch": ef} | searched(index, corpus, queries, exact))
    return rows


def recall(args: argparse.Namespace) -> dict:
    """The rows of `recalls`, measured once."""
    faiss.omp_set_num_threads(1)
    arms = kept(args.runs / "recall.json", lambda: recalls(args))
    return {
        name: {"recipe": "mini-sbert, cosine, recall@10 of 1,000 queries", "runs": rows}
        for name, rows in arms.items()
    }


def prefix_training(objective: torch.nn.Module, seed: int, source: Path) -> dict:
    """CoSENT on STS-B train, and the scores of every prefix."""
    encoder = SentenceEncoder.load(mini_bert())
    columns, grades = training_data(Arm("", "stsb", "cosine"), source)
    settings = {"epochs": 4, "batch_size": BATCH, "rate": RATE}
    train(encoder, objective, columns, grades, seed=seed, **settings)
    rows = truncation_of(encoder, source, 3)
    return {"rows": [r | {"way": way, "seed": seed} for way in ("first", "PCA") for r in rows[way]]}


def matryoshka(args: argparse.Namespace) -> dict:
    """The same training with CoSENT on all numbers, and summed over the prefixes."""
    objectives = {"plain": CoSENTLoss(), "Matryoshka": MatryoshkaLoss(CoSENTLoss(), DIMS)}
    recipe = {"data": "stsb", "epochs": 4, "batch_size": BATCH, "rate": RATE, "dims": DIMS}
    arms: dict[str, dict] = {}
    for seed in range(args.seeds):
        for name, objective in objectives.items():
            found = kept(
                args.runs / f"{name} {seed}.json",
                lambda o=objective, s=seed: prefix_training(o, s, args.source),
            )
            arms.setdefault(name, {"recipe": recipe, "runs": []})["runs"] += found["rows"]
    return arms


EXPERIMENTS = (trainers, truncation, recall, matryoshka)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = {experiment.__name__: experiment for experiment in EXPERIMENTS}
    parser.add_argument("experiments", nargs="*", default=[*names], help=", ".join(names))
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/record_scale"))
    parser.add_argument("--record", type=Path, default=Path("runs/record"))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    args.runs.mkdir(parents=True, exist_ok=True)
    for name in args.experiments:
        arms = names[name](args)
        write_results(name, arms, provenance("sentence-transformers", "faiss-cpu"))


if __name__ == "__main__":
    main()
