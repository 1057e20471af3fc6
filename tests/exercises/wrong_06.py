"""Wrong answers that the checks of lesson 06 must reject."""

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from sbert_lessons.exercises.lesson_06 import shells
from sbert_lessons.heads import SoftmaxHead

LABELS, DISTANCE, CITY, COSINES = shells()
NOT_E, NOT_C = LABELS > 0, LABELS < 2
RIGHT_04 = roc_auc_score(LABELS[NOT_E] == 1, DISTANCE[NOT_E])


def rename(head, weight, bias):
    new = SoftmaxHead(head.linear.in_features // 3, 3)
    with torch.no_grad():
        new.linear.weight.copy_(weight)
        new.linear.bias.copy_(bias)
    return new


def no_bias(head, names):
    new = SoftmaxHead(head.linear.in_features // 3, 3)
    with torch.no_grad():
        new.linear.weight[names] = head.linear.weight
    return new


def wrong_way(head, names):
    return rename(head, head.linear.weight[names], head.linear.bias[names])


def bias_wrong_way(head, names):
    back = np.argsort(names)
    return rename(head, head.linear.weight[back], head.linear.bias[names])


WRONG = {
    "06.1": {
        "only the weights": ([-2, 5], [2, -5]),
        "u and v exchanged": ([-2, -5], [2, 5]),
        "times the distance": ([6, 15], [-6, -15]),
        "v like u": ([2, 5], [2, 5]),
        "v without sign": ([2, 5], [2, -5]),
    },
    "06.2": {
        "turned round": lambda u, v: (u - v).abs().sum(1) - 2,
        "squares": lambda u, v: 4 - (u - v).square().sum(1),
        "a distance": lambda u, v: 2 - (u - v).norm(dim=1),
        "no absolute value": lambda u, v: 2 - (u - v).sum(1),
        "limit too low": lambda u, v: 1.2 - (u - v).abs().sum(1),
        "one dimension": lambda u, v: 2 - (u - v).abs()[:, 0],
        "not summed": lambda u, v: 2 - (u - v).abs(),
    },
    "06.3": {
        "forgets the bias": no_bias,
        "other direction": wrong_way,
        "bias in the other direction": bias_wrong_way,
        "renames nothing": lambda head, names: rename(head, head.linear.weight, head.linear.bias),
    },
    "06.4": {
        "turned round": 1 - RIGHT_04,
        "N against E": roc_auc_score(LABELS[NOT_C] == 1, DISTANCE[NOT_C]),
        "sum of differences": roc_auc_score(LABELS[NOT_E] == 1, CITY[NOT_E]),
        "cosine": roc_auc_score(LABELS[NOT_E] == 1, COSINES[NOT_E]),
        "N against all": roc_auc_score(LABELS == 1, DISTANCE),
        "times 100": 100 * RIGHT_04,
    },
}
