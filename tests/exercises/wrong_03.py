"""Wrong answers that the checks of lesson 03 must reject."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy


def logits(u, v, W, b):
    return torch.cat([u, v, (u - v).abs()], dim=1) @ W.T + b


def without_abs(u, v, labels, W, b):
    return cross_entropy(torch.cat([u, v, u - v], dim=1) @ W.T + b, labels)


def without_bias(u, v, labels, W, b):
    return cross_entropy(logits(u, v, W, 0), labels)


def summed(u, v, labels, W, b):
    return cross_entropy(logits(u, v, W, b), labels, reduction="sum")


def probability(u, v, labels, W, b):
    return logits(u, v, W, b).softmax(1)[torch.arange(len(labels)), labels].mean()


def log_of_the_mean(u, v, labels, W, b):
    return -probability(u, v, labels, W, b).log()


def over_the_batch(u, v, labels, W, b):
    return -logits(u, v, W, b).log_softmax(0)[torch.arange(len(labels)), labels].mean()


def blocks(W):
    return W.chunk(3, dim=1)


def broken(A, head, u, v, labels, rate):
    optimizer = torch.optim.SGD([A], lr=rate)
    loss = cross_entropy(head(u @ A, v @ A).softmax(1), labels)
    loss.backward()
    optimizer.step()


def frozen_head(A, head, u, v, labels, rate):
    optimizer = torch.optim.SGD([A], lr=rate)
    cross_entropy(head(u @ A, v @ A), labels).backward()
    optimizer.step()


def softmax_twice(A, head, u, v, labels, rate):
    optimizer = torch.optim.SGD([A, *head.parameters()], lr=rate)
    cross_entropy(head(u @ A, v @ A).softmax(1), labels).backward()
    optimizer.step()


def only_the_head(A, head, u, v, labels, rate):
    optimizer = torch.optim.SGD(head.parameters(), lr=rate)
    cross_entropy(head(u @ A, v @ A), labels).backward()
    optimizer.step()


WRONG = {
    "03.1": {
        "no absolute value": [0, 0, 0],
        "u and v exchanged": [-4, 1, -1],
        "no third block": [3, -1, 0],
        "probabilities": [0.4683, 0.0634, 0.4683],
    },
    "03.2": {
        "no absolute value": without_abs,
        "no bias": without_bias,
        "sum": summed,
        "probability": probability,
        "log of the mean": log_of_the_mean,
        "over all classes": lambda u, v, labels, W, b: (
            cross_entropy(logits(u, v, W, b), labels) / 3
        ),
        "softmax over the batch": over_the_batch,
    },
    "03.3": {
        "drops C": lambda W: torch.cat(blocks(W)[:2], dim=1),
        "plus before v": lambda W: torch.cat(
            [blocks(W)[0] + blocks(W)[2], blocks(W)[1] + blocks(W)[2]], dim=1
        ),
        "signs exchanged": lambda W: torch.cat(
            [blocks(W)[0] - blocks(W)[2], blocks(W)[1] + blocks(W)[2]], dim=1
        ),
        "v forgotten": lambda W: torch.cat([blocks(W)[0] + blocks(W)[2], blocks(W)[1]], dim=1),
    },
    "03.4": {
        "the square itself": np.log(3),
        "with |u-v|": 0.001,
        "pairs right": 6,
        "sum": 5 * 0.637,
    },
    "03.5": {
        "as it was": broken,
        "head frozen": frozen_head,
        "softmax twice": softmax_twice,
        "encoder frozen": only_the_head,
    },
}
