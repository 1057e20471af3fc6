"""Learn Sentence-BERT by experiment: the building blocks used in the lessons."""

__version__ = "0.1.0"
