"""BERT-flow: an invertible network that turns a cloud of sentence vectors into a normal one.

A flow is z = f(x) with f invertible. If z is drawn from N(0, I), the density of x is

    log p(x) = log N(f(x); 0, I) + log |det df/dx|,

and f is learnt by raising it, with the encoder frozen and no labels. Li et al. (2020),
BERT-flow. Built on the library zuko. Introduced in lesson 11.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Transform, constraints
from torch.optim import Adam
from zuko.distributions import DiagNormal
from zuko.flows import (
    ElementWiseTransform,
    Flow,
    GeneralCouplingTransform,
    UnconditionalDistribution,
    UnconditionalTransform,
)
from zuko.transforms import AdditiveTransform, MonotonicAffineTransform, PermutationTransform

from sbert_lessons.geometry import cloud, whitening
from sbert_lessons.progress import progress_bar
from sbert_lessons.training import Best

KINDS = ("additive", "scaled", "affine")
"""Additive coupling (NICE), with a learnt scale of each number (Glow), and affine (RealNVP)."""


class LinearMap(Transform):
    """z = (x - mu) W with fixed mu `(D,)` and invertible W `(D, D)`; log-determinant log |det W|.

    Introduced in lesson 11.
    """

    domain = codomain = constraints.real_vector
    bijective = True

    def __init__(self, mu: Tensor, W: Tensor) -> None:
        super().__init__()
        self.mu, self.W = mu, W

    def _call(self, x: Tensor) -> Tensor:
        return (x - self.mu) @ self.W

    def _inverse(self, z: Tensor) -> Tensor:
        return z @ torch.linalg.inv(self.W) + self.mu

    def log_abs_det_jacobian(self, x: Tensor, z: Tensor) -> Tensor:
        return torch.linalg.slogdet(self.W).logabsdet.expand(x.shape[:-1])


def standardising(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """mu `(D,)` and a diagonal W `(D, D)`: each number gets mean 0 and variance 1, by itself.

    Applied as `(x - mu) @ W`, like `geometry.whitening`. Introduced in lesson 11.
    """
    return x.mean(0), np.diag(1 / x.std(0))


def coupling_flow(
    start: tuple[np.ndarray, np.ndarray],
    kind: str = "additive",
    *,
    layers: int = 6,
    width: int = 64,
    seed: int = 0,
) -> Flow:
    """A flow that begins as the linear map `start` and can bend it, layer by layer.

    `start`: mu `(D,)` and W `(D, D)`, fixed; then `layers` couplings, with a random permutation
    between them. A coupling keeps the first half of the numbers and changes the second by what a
    small network (`width`) makes of the first: it adds, or (`affine`) it multiplies too; `scaled`
    adds, and learns one factor a number after each coupling. The networks begin at zero.
    `additive` with a start of determinant 1 keeps volume: its log-determinant is 0. ValueError for
    an unknown kind or a W that is not square. Li et al. (2020); Dinh et al. (2015),
    NICE. Introduced in lesson 11.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no flow '{kind}': choose from {', '.join(KINDS)}.")
    mu, W = (torch.as_tensor(np.array(part), dtype=torch.float) for part in start)
    dim = len(mu)
    if W.shape != (dim, dim):
        raise ValueError(
            f"W is {tuple(W.shape)}, mu has {dim} numbers: W must be square to invert."
        )
    torch.manual_seed(seed)
    steps = [UnconditionalTransform(LinearMap, mu, W, buffer=True)]
    for layer in range(layers):
        if layer > 0:
            order = torch.randperm(dim)
            steps.append(UnconditionalTransform(PermutationTransform, order, buffer=True))
        steps.append(coupling(dim, kind, width))
        if kind == "scaled":
            steps.append(ElementWiseTransform(dim))
            nn.init.zeros_(steps[-1].phi[0]), nn.init.zeros_(steps[-1].phi[1])
    base = UnconditionalDistribution(DiagNormal, torch.zeros(dim), torch.ones(dim), buffer=True)
    return Flow(steps, base)


def coupling(dim: int, kind: str, width: int) -> GeneralCouplingTransform:
    """The first half stays and tells the second how to move; at first, not at all."""
    affine = {"univariate": MonotonicAffineTransform, "shapes": ((), ())}
    additive = {"univariate": AdditiveTransform, "shapes": ((),)}
    first_half = torch.arange(dim) < dim // 2
    layer = GeneralCouplingTransform(
        dim, mask=first_half, hidden_features=(width,), **(affine if kind == "affine" else additive)
    )
    nn.init.zeros_(layer.hyper[-1].weight), nn.init.zeros_(layer.hyper[-1].bias)
    return layer


@torch.no_grad()
def log_likelihood(flow: Flow, x: np.ndarray) -> np.ndarray:
    """log p(x) of each vector under the flow, in nats: `(N, D) -> (N,)`.

    Introduced in lesson 11.
    """
    return flow().log_prob(torch.as_tensor(x, dtype=torch.float)).numpy()


@torch.no_grad()
def to_latent(flow: Flow, x: np.ndarray) -> np.ndarray:
    """z = f(x): what BERT-flow compares by cosine, `(N, D) -> (N, D)`.

    Introduced in lesson 11.
    """
    return flow().transform(torch.as_tensor(x, dtype=torch.float)).numpy()


def fit_flow(
    flow: Flow,
    x: np.ndarray,
    *,
    epochs: int = 5,
    batch_size: int = 64,
    rate: float = 1e-3,
    seed: int = 0,
    held_out: np.ndarray | None = None,
    evaluate: Callable[[Flow], dict[str, float]] | None = None,
) -> list[dict[str, float]]:
    """Learn the flow, in place, by maximum likelihood of the vectors `x: (N, D)`.

    Returns, before training and after each epoch, the mean log-likelihood of `x` and of `held_out`
    in nats a number (divided by D), and what `evaluate(flow)` gives. In the end, and after Ctrl-C,
    the flow has the weights of its best epoch: by `held_out`, or without it by `x`. ValueError for
    vectors that do not fill their space, because their density has no ceiling, and for a
    likelihood that is not a number. Li et al. (2020). Introduced in lesson 11.
    """
    check_full(x)
    data, best = torch.as_tensor(x, dtype=torch.float), Best(flow, "epoch")
    torch.manual_seed(seed)
    optimizer = Adam(flow.parameters(), lr=rate, fused=True)

    def report(epoch: int) -> dict[str, float]:
        parts = {"train": x} | ({} if held_out is None else {"held out": held_out})
        found = {
            name: float(log_likelihood(flow, y).mean()) / x.shape[1] for name, y in parts.items()
        }
        best.keep({"likelihood": found.get("held out", found["train"])}, epoch)
        return {"epoch": epoch} | found | (evaluate(flow) if evaluate else {})

    history = [report(0)]
    try:
        for epoch in progress_bar(range(1, epochs + 1), "flow"):
            for rows in torch.randperm(len(data)).split(batch_size):
                update(flow, optimizer, data[rows], epoch)
            history.append(report(epoch))
    except KeyboardInterrupt as stop:
        done = f"Stopped after {len(history) - 1} of {epochs} epochs"
        kept = f"the flow has the weights of epoch {best.step}"
        raise KeyboardInterrupt(f"{done}: {kept}.") from stop
    finally:
        best.restore()
    return history


def update(flow: Flow, optimizer: Adam, batch: Tensor, epoch: int) -> None:
    """One step up the mean log-likelihood of a batch; ValueError before it if that is no number."""
    loss = -flow().log_prob(batch).mean() / batch.shape[1]
    if not loss.isfinite():
        raise ValueError(
            f"The log-likelihood is {-loss.item()} in epoch {epoch}: lower the rate, or start from "
            "standardised vectors."
        )
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
    optimizer.step()


def check_full(x: np.ndarray) -> None:
    """One clear sentence if the vectors lie in a plane of fewer dimensions than their numbers."""
    n, dim = cloud(x).shape  # it names NaN
    if n <= dim:
        raise ValueError(f"{n} vectors of {dim} numbers have no density: give more than {dim}.")
    held = whitening(x)[1].shape[1]
    if held < dim:
        raise ValueError(
            f"The vectors fill {held} of {dim} dimensions, so their density has no ceiling: "
            f"leave out {dim - held} of the numbers, which follow from the others."
        )
