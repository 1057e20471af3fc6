"""Lesson 03: exercises, predictions and claims."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ..heads import SoftmaxHead
from ..results import lead
from .judging import compare
from .model import Claim, Prediction, exercise


@exercise("03.1", "Three logits by hand", kind="hand", minutes=4, level=1, hints=(
    "The features are u, then v, then |u-v|: six numbers. |u-v| has no negative number.",
    "|u-v| = (3, 1), so the features are (2, 0, -1, 1, 3, 1). Multiply each row of W with them.",
))  # fmt: skip
def logits_by_hand(answer):
    rows = "Row by row: E is u1 + v2 - |u-v|1, N is v1 - |u-v|2, C is -u2; u1 is u's first number."
    return compare(answer, [0, -2, 0], otherwise=rows, mistakes={
        "You took u-v, not |u-v|: the third block has no negative number.": [0, 0, 0],
        "You exchanged u and v: u comes first.": [-4, 1, -1],
        "You left out the block of |u-v|.": [3, -1, 0],
        "These are probabilities; the logits are what goes into the softmax.": [
            0.4683, 0.0634, 0.4683
        ],
    })  # fmt: skip


@exercise("03.2", "The loss of a batch", kind="code", minutes=8, level=2, hints=(
    "`torch.cat([...], dim=1)` makes the features, `(B, 3D)`. The logits are `x @ W.T + b`.",
    "log p = logits - logits.logsumexp(1, keepdim=True).",
    "`log_p[torch.arange(len(labels)), labels]` takes from each row the number of its label.",
))  # fmt: skip
def loss_of_a_batch(answer):
    u, v, labels, W, b = small_batch()

    def loss(x, bias=b, reduction="mean"):
        return cross_entropy(x @ W.T + bias, labels, reduction=reduction)

    x = torch.cat([u, v, (u - v).abs()], dim=1)
    p = (x @ W.T + b).softmax(1)[torch.arange(len(labels)), labels]  # of the right class, (B,)
    return compare(
        answer(u, v, labels, W, b),
        loss(x),
        mistakes={
            "You took u-v: the third block wants |u-v|.": loss(torch.cat([u, v, u - v], dim=1)),
            "You exchanged u and v.": loss(torch.cat([v, u, (u - v).abs()], dim=1)),
            "The bias is missing.": loss(x, 0),
            "That is the sum; take the mean over the batch.": loss(x, reduction="sum"),
            "That is one loss a pair; take their mean.": loss(x, reduction="none"),
            "That is the mean probability; take minus its logarithm, pair by pair.": p.mean(),
            "The logarithm comes first, pair by pair; then the mean.": -p.mean().log(),
            "You divided by the 3B log probabilities; divide by the B pairs.": loss(x) / 3,
            "The sign is turned: a loss is minus log p.": -loss(x),
            "The softmax runs over the classes, axis 1, not over the batch.": -(x @ W.T + b)
            .log_softmax(0)[torch.arange(len(labels)), labels]
            .mean(),
        },
        otherwise="Features, logits, minus log softmax at the label, mean over the batch.",
    )


@exercise("03.3", "The twin of a head on (u, v, u-v)", kind="code", minutes=6, level=2, hints=(
    "`A, B, C = W.chunk(3, dim=1)` cuts W into its blocks.",
    "Collect what stands before u, and what stands before v, in A u + B v + C (u - v).",
))  # fmt: skip
def twin(answer):
    W = torch.randn(3, 12, generator=torch.Generator().manual_seed(3))
    A, B, C = W.chunk(3, dim=1)
    return compare(
        answer(W),
        torch.cat([A + C, B - C], dim=1),
        mistakes={
            "You dropped the third block: its work must go somewhere.": torch.cat([A, B], dim=1),
            "Before v the third block stands with a minus.": torch.cat([A + C, B + C], dim=1),
            "The signs are exchanged: C (u - v) = C u - C v.": torch.cat([A - C, B + C], dim=1),
            "u has its share; v needs its own, with a minus.": torch.cat([A + C, B], dim=1),
        },
        otherwise="The weights before u are A + C; which are those before v?",
    )


@exercise("03.4", "Labels that leak", kind="experiment", minutes=6, level=2, hints=(
    '`on_square("u,v", seed, leaky)` returns three things; the second is the loss at the end.',
    "Take the mean over `range(5)`.",
))  # fmt: skip
def labels_that_leak(answer):
    leaky = np.log(3) - 2 / 3 * np.log(2)
    return compare(
        answer,
        leaky,
        tolerance=0.01,
        mistakes={
            "That is log 3: you trained on `square`, not on `leaky`.": np.log(3),
            "That is the loss with |u-v| among the features; take (u, v).": 0.001,
            "That is the number of pairs right: the third thing returned.": 6,
            "That is the sum of the five losses; divide by 5.": 5 * leaky,
        },
        otherwise='The mean of `on_square("u,v", seed, leaky)[1]` for the seeds 0 to 4.',
    )


@exercise("03.5", "A training step with two faults", kind="bug", minutes=8, level=2, hints=(
    "Print `head.linear.weight` before and after the step.",
    "What does `cross_entropy` do with what it is given, before it takes a logarithm?",
    "The optimizer changes the tensors it was given, and no others.",
))  # fmt: skip
def two_faults(answer):
    return compare(
        after_step(answer),
        after_step(sgd_step()),
        mistakes={
            "Two faults are still there: which tensors move, and what cross_entropy gets.": (
                after_step(sgd_step(head_learns=False, twice=True))
            ),
            "The head does not move: the optimizer must be given its parameters too.": (
                after_step(sgd_step(head_learns=False))
            ),
            "cross_entropy takes logits: with probabilities the softmax is taken twice.": (
                after_step(sgd_step(twice=True))
            ),
            "Now A does not move: the optimizer needs both.": after_step(sgd_step(A_learns=False)),
            "Nothing has moved: call loss.backward() and optimizer.step().": after_step(
                sgd_step(A_learns=False, head_learns=False)
            ),
        },
        otherwise="SGD on A and the head's parameters, cross_entropy of the logits, one step.",
    )


def small_batch():
    """u, v `(4, 3)`, labels, W `(3, 9)` and b, all different."""
    made = torch.Generator().manual_seed(1)
    u, v = torch.randn(2, 4, 3, generator=made)
    W, b = torch.randn(3, 9, generator=made), torch.tensor([0.5, -1.0, 2.0])
    return u, v, torch.tensor([2, 0, 1, 0]), W, b


def sgd_step(head_learns: bool = True, A_learns: bool = True, twice: bool = False) -> Callable:
    """The step of exercise 03.5, right or with one of its faults."""

    def step(A, head, u, v, labels, rate):
        logits = head(u @ A, v @ A)
        loss = cross_entropy(logits.softmax(1) if twice else logits, labels)
        loss.backward()
        learners = [A] * A_learns + [*head.parameters()] * head_learns
        with torch.no_grad():
            for x in learners:
                x -= rate * x.grad
        return loss.item()

    return step


def after_step(step):
    """A, W and b after one step, in one row."""
    u, v, labels, W, b = small_batch()
    with torch.random.fork_rng():
        head = SoftmaxHead(3)
    with torch.no_grad():
        head.linear.weight.copy_(W)
        head.linear.bias.copy_(b)
    A = torch.eye(3, requires_grad=True)
    step(A, head, u, v, labels, 0.5)
    return torch.cat([x.detach().flatten() for x in (A, *head.parameters())])


PREDICTIONS = (
    Prediction(
        "03.1",
        "With free points, the loss of a head on (u, v) falls to",
        ("near 0", "in between", "log 3"),
    ),
    Prediction(
        "03.2",
        "In a solved square, the nearest points are joined by",
        ("E in nearly all", "any of the three"),
    ),
    Prediction(
        "03.3",
        "On frozen vectors the best head on (u, v) gets right",
        ("below 40 %", "40 to 50 %", "above 50 %"),
    ),
    Prediction(
        "03.4",
        "To the fitted head, a large |u-v| speaks for",
        ("entailment", "neutral", "contradiction"),
    ),
    Prediction(
        "03.5",
        "Of seven groups of features, those that can be told from (u, v, |u-v|) are",
        ("at most one", "two to five", "six or seven"),
    ),
)


def accuracy_gap(better: str, worse: str) -> float:
    """Points of accuracy on SNLI dev between two heads of the recorded runs."""
    return 100 * lead("features", better, worse, "snli_dev_accuracy")


CLAIMS = (
    Claim(
        "03.A",
        "Without |u-v| or u*v, a head cannot learn how two sentences relate",
        "lesson 03, section What (u, v) cannot see",
        recorded=lambda: accuracy_gap("u,v,|u-v|", "u,v"),
    ),
    Claim(
        "03.B",
        "Next to (u, v), |u-v| is worth more than u*v",
        "Reimers & Gurevych 2019, Table 6",
        paper="80.78 against 77.44, Spearman (Table 6)",
        recorded=lambda: accuracy_gap("u,v,|u-v|", "u,v,u*v"),
    ),
    Claim(
        "03.C",
        "Adding u*v to (u, v, |u-v|) makes it worse",
        "Reimers & Gurevych 2019, section 6",
        paper="80.44 against 80.78, Spearman (Table 6)",
        recorded=lambda: accuracy_gap("u,v,|u-v|", "u,v,|u-v|,u*v"),
    ),
    Claim(
        "03.D",
        "Training with (u, v, |u-v|) gives better cosines than with (u, v)",
        "Reimers & Gurevych 2019, Table 6",
        paper="80.78 against 66.04 (Table 6)",
        recorded=lambda: lead("features", "u,v,|u-v|", "u,v"),
    ),
    Claim(
        "03.E",
        "Neutral pairs are closer than contradictions",
        "the order entailment, neutral, contradiction of Su, kexue.fm 8847",
    ),
    Claim(
        "03.F",
        "A head on (u, v, u-v) has the same functions as one on (u, v)",
        "lesson 03, exercise 03.3",
        kind="definition",
    ),
    Claim(
        "03.G",
        "A linear head on (u, v) adds a score of u and a score of v, and never sees the pair",
        "lesson 03, section What (u, v) cannot see",
        kind="definition",
    ),
)
