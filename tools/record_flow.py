"""Record what BERT-flow makes of sentence vectors, in the table of `record_whitening.py`.

python tools/record_flow.py --source SOURCE

SOURCE is laid out as `corpus.py` says. Vectors are BERT-flow's: the mean of first and last layer,
computed once and kept in --vectors, which `record_whitening.py` shares. A row is one model, one
map, the text that it is fitted on ("NLI", or "target": the set's own dev and test sentences,
without grades) and, for flows, the passes over that text. The paper makes one pass; ten, over the
small target texts and with the raw model alone, show where the likelihood leads. Nothing is chosen
by a score: rate 1e-3 is the paper's, layers are its 2 x 3, width and batch are the defaults of
`flow.py`. Each run is one file in --runs, so that a stopped recording goes on where it was. No
weights are kept. Writes `data/results/flow.json`.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from record_whitening import Fit, Space, Transform, load_spaces, sides, table_row, tables_of, target
from recording import kept, provenance, write_results

from sbert_lessons.encoder import mini_bert, mini_sbert
from sbert_lessons.evaluation import cosine, jaccard, spearman
from sbert_lessons.flow import coupling_flow, fit_flow, log_likelihood, standardising, to_latent
from sbert_lessons.geometry import remove_top, whitening

LAYERS, TEXTS = 6, ("NLI", "target")
FLOWS = {  # kind of coupling, the linear map it starts from, passes over the text
    "scaled": ("scaled", standardising, (1, 10)),
    "additive": ("additive", standardising, (1,)),
}
RAW_ONLY = ("scaled, 10 passes", "additive, 1 pass")
DIAL = (0.1, 0.2, 0.3, 0.4)


class Fitting:
    """A `Fit` that remembers each cloud's map, and the likelihood that the map reached on it."""

    def __init__(self, learn: Callable[[np.ndarray], tuple[Transform, float]]) -> None:
        self.learn, self.known, self.likelihoods = learn, {}, []

    def __call__(self, x: np.ndarray) -> Transform:
        key = (len(x), float(x.sum()))
        if key not in self.known:
            self.known[key], likelihood = self.learn(x)
            self.likelihoods.append(likelihood)
        return self.known[key]


def flow_fit(kind: str, start: Callable, layers: int, epochs: int, seed: int) -> Fitting:
    """BERT-flow; without layers, its linear start alone."""

    def learn(x: np.ndarray) -> tuple[Transform, float]:
        flow = coupling_flow(start(x), kind, layers=layers, seed=seed)
        if epochs:
            fit_flow(flow, x, epochs=epochs, seed=seed)
        return lambda y: to_latent(flow, y), float(log_likelihood(flow, x).mean()) / x.shape[1]

    return Fitting(learn)


def dial(x: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Whitening part of the way: U diag(s)^-power; 0 turns only, 1/2 whitens."""
    mu, w = whitening(x)
    s = np.linalg.norm(w, axis=0) ** -2
    return mu, w * s ** (0.5 - power)


def lexical(space: Space, source: Path, fit: Fit, text: str) -> dict[str, float]:
    """How far cosine follows word overlap on STS-B dev: Spearman x 100."""
    transform = fit(space(space.fitting if text == "NLI" else target("stsb", source)))
    dev = tables_of("stsb", source)[0]
    overlap = jaccard(dev["sentence1"], dev["sentence2"])
    return {
        "stsb_dev_with_jaccard": spearman(cosine(*sides(space, transform, dev)), overlap),
        "grades_with_jaccard": spearman(dev["score"], overlap),
    }


def rows() -> dict[str, tuple[Callable[[int], Fitting], int]]:
    """Every map by its name: how to fit it with a seed, and whether it needs more than one."""
    found = {}
    linear = {"raw": nothing, "centred": lambda x: remove_top(x, 0), "whitening": whitening}
    linear |= {f"whitening to the power {p}": lambda x, p=p: dial(x, p) for p in DIAL}
    for name, start in linear.items():
        found[name] = (lambda seed, s=start: flow_fit("additive", s, 0, 0, seed), 1)
    for name, (kind, start, passes) in FLOWS.items():
        for n in passes:
            found[f"{name}, {n} pass{'es' if n > 1 else ''}"] = (
                lambda seed, k=kind, s=start, n=n: flow_fit(k, s, LAYERS, n, seed),
                5,
            )
    return found


def nothing(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The map that changes nothing."""
    return np.zeros(x.shape[1]), np.eye(x.shape[1])


def measured(space: Space, source: Path, fit: Fitting, text: str, seed: int) -> dict:
    """The scores of one run, and how long it took."""
    start = time.perf_counter()
    scores = table_row(space, source, fit, text) | lexical(space, source, fit, text)
    scores["train_log_likelihood"] = float(np.mean(fit.likelihoods))
    about = {"seed": seed, "seconds": round(time.perf_counter() - start)}
    return about | {k: round(float(x), 4) for k, x in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/record_flow"))
    parser.add_argument("--vectors", type=Path, default=Path("runs/record_whitening"))
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    arms = {}
    for model, folder in {"mini-bert": mini_bert(), "mini-sbert": mini_sbert()}.items():
        space = load_spaces(folder, args.source, args.vectors)["first-last"]
        for name, (fit, seeds) in rows().items():
            if name in RAW_ONLY and model != "mini-bert":
                continue
            texts = {"raw": TEXTS[:1]}.get(name, TEXTS[1:] if "10" in name else TEXTS)
            for text in texts:
                arm = f"{model}, {name}" + (f" ({text})" if name != "raw" else "")
                runs = [
                    kept(
                        args.runs / f"{arm}, {s}.json",
                        partial(measured, space, args.source, fit(s), text, s),
                    )
                    for s in range(seeds)
                ]
                about = {"model": model, "map": name, "text": text, "layers": "first-last"}
                arms[arm] = {"recipe": about | {"couplings": LAYERS}, "runs": runs}
    write_results("flow", arms, provenance("zuko"))


if __name__ == "__main__":
    main()
