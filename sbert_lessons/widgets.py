"""A panel to try poolings on your own sentences, and the table that it shows.

Introduced in lesson 02.
"""

import numpy as np
import pandas as pd
import torch
from ipywidgets import HTML, Text, ToggleButtons, VBox

from sbert_lessons.encoder import SentenceEncoder
from sbert_lessons.evaluation import SIMILARITIES, jaccard
from sbert_lessons.pooling import POOLINGS


@torch.inference_mode()
def pooling_table(encoder: SentenceEncoder, first: str, second: str) -> pd.DataFrame:
    """Every pooling (rows) under every similarity (columns) for two sentences, last layer.

    Both sentences share one batch, so one of them is padded. Distances are negated.
    Raises TypeError or ValueError for anything but two non-empty strings.
    """
    states, mask = encoder.hidden_states([first, second])
    vectors = {name: pool(states[-1], mask).numpy() for name, pool in POOLINGS.items()}
    rows = {
        name: {measure: float(f(*np.split(pair, 2))[0]) for measure, f in SIMILARITIES.items()}
        for name, pair in vectors.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


class PoolingPanel(VBox):
    """Two sentences to type, a model to choose, and `pooling_table` renewed at each change.

    `encoders` maps the names on the buttons to models. In a file, where no kernel answers, only
    its one line of text is left.
    """

    def __init__(self, encoders: dict[str, SentenceEncoder], first: str, second: str) -> None:
        self.encoders = encoders
        wide = {"layout": {"width": "95%"}, "continuous_update": False}
        self.first = Text(first, description="Sentence 1", **wide)
        self.second = Text(second, description="Sentence 2", **wide)
        self.choice = ToggleButtons(options=list(encoders), description="Model")
        self.result = HTML()
        for control in (self.first, self.second, self.choice):
            control.observe(self.renew, "value")
        self.renew()
        super().__init__([self.first, self.second, self.choice, self.result])

    def renew(self, _: object = None) -> None:
        """Compute the table for what is typed now, or say what is wrong with it."""
        pair, encoder = (self.first.value, self.second.value), self.encoders[self.choice.value]
        if not all(text.strip() for text in pair):
            self.result.value = "<p>Type at least one word into each of the two fields.</p>"
            return
        table = pooling_table(encoder, *pair).round(2).to_html(border=0)
        overlap = jaccard(*([text] for text in pair))[0]
        below = f"<p>Jaccard (word overlap): {overlap:.2f}</p>"
        self.result.value = f'<div class="jp-RenderedHTMLCommon">{table}{below}</div>'

    def __repr__(self) -> str:
        return "A panel to type two sentences into: run this cell in Jupyter to see it."
