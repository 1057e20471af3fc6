"""Exercises that answer back: check, hint, predict, measured, verdict and progress.

One module a lesson (`lesson_02`, ...) declares its exercises, predictions and claims;
how to write one stands in `notebooks/source/README.md`.
"""

from .learner import agreed, check, hint, measured, predict, progress, sure_part, verdict

__all__ = ["agreed", "check", "hint", "measured", "predict", "progress", "sure_part", "verdict"]
