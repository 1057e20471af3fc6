"""Wrong answers that the checks of lesson 11 must reject."""

import math

import numpy as np
import torch

LOG_P = -2 - 0.9189 + math.log(0.5)
SHEAR, STRETCH = 0.0, math.log(2) + 3


def forward(change, keep_first=True):
    def coupling(x, m, s):
        a, b = x.chunk(2)
        return (
            torch.cat([a, change(a, b, m, s)]) if keep_first else torch.cat([change(b, a, m, s), b])
        )

    return coupling


def right(a, b, m, s):
    return b * s(a).exp() + m(a)


def back(z, m, s):
    a, b = z.chunk(2)
    return torch.cat([a, (b - m(a)) * (-s(a)).exp()])


def back_in_the_wrong_order(z, m, s):
    a, b = z.chunk(2)
    return torch.cat([a, b * (-s(a)).exp() - m(a)])


def likelihood(end, z=lambda x, mu, sigma: (x - mu) / sigma):
    def log_p(x, mu, sigma):
        log_normal = -0.5 * z(x, mu, sigma) ** 2 - 0.5 * np.log(2 * np.pi)
        return end(log_normal, np.log(sigma))

    return log_p


WRONG = {
    "11.1": {
        "no determinant": (-2 - 0.9189, SHEAR, STRETCH),
        "the determinant of the inverse": (-2 - 0.9189 - math.log(0.5), SHEAR, STRETCH),
        "the normal of x": (-12.5 - 0.9189 + math.log(0.5), SHEAR, STRETCH),
        "the density": (math.exp(LOG_P), SHEAR, STRETCH),
        "no half": (-4 - 0.9189 + math.log(0.5), SHEAR, STRETCH),
        "off the diagonal": (LOG_P, math.log(6), STRETCH),
        "determinant for its logarithm": (LOG_P, 1.0, STRETCH),
        "another shear": (LOG_P, 0.5, STRETCH),
        "no logarithm": (LOG_P, SHEAR, 2 * math.exp(3)),
        "one factor": (LOG_P, SHEAR, 3.0),
        "a product of logarithms": (LOG_P, SHEAR, 3 * math.log(2)),
    },
    "11.2": {
        "no exp": (forward(lambda a, b, m, s: b * s(a) + m(a)), back),
        "additive": (forward(lambda a, b, m, s: b + m(a)), back),
        "shift first": (forward(lambda a, b, m, s: (b + m(a)) * s(a).exp()), back),
        "the other half": (forward(right, keep_first=False), back),
        "networks of b": (forward(lambda a, b, m, s: b * s(b).exp() + m(b)), back),
        "back in the wrong order": (forward(right), back_in_the_wrong_order),
        "b alone": (lambda x, m, s: right(*x.chunk(2), m, s), back),
    },
    "11.3": {
        "as it was": likelihood(lambda n, log: n.sum(1) + log.sum()),
        "no determinant": likelihood(lambda n, log: n.sum(1)),
        "once a number": likelihood(lambda n, log: (n - log.sum()).sum(1)),
        "summed over vectors": likelihood(lambda n, log: n.sum() - log.sum()),
        "a mean over the numbers": likelihood(lambda n, log: n.mean(1) - log.sum()),
        "multiplied by sigma": likelihood(
            lambda n, log: n.sum(1) - log.sum(), lambda x, mu, sigma: (x - mu) * sigma
        ),
    },
    "11.4": {
        "whitening": 0.5,
        "centring": 0,
        "too little": 0.125,
        "too much": 0.375,
        "the wrong way": -0.25,
        "a score": 58.7,
    },
}
