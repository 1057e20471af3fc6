"""The look of every figure, and `show`."""

from io import BytesIO

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Image, display
from matplotlib.figure import Figure
from PIL import Image as Picture

OKABE_ITO = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000"]
"""Okabe and Ito's palette, which colour-blind readers can tell apart."""


def use_style() -> None:
    """Readable sizes, light frames, one palette; in tables, whole sentences."""
    pd.set_option("display.max_colwidth", None)
    plt.rcParams.update(
        {
            "axes.prop_cycle": plt.cycler(color=OKABE_ITO),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "figure.figsize": (6.4, 3.2),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.size": 10,
        }
    )


def show(figure: Figure, alt: str) -> None:
    """Display a figure as PNG with a text for those who cannot see it, and close it."""
    if not alt.strip():
        raise ValueError("A figure needs an alt text: say in one sentence what it shows.")
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    display(Image(in_256_colours(buffer), format="png", alt=alt))


def in_256_colours(png: BytesIO) -> bytes:
    """The same picture at about a third of the size, to keep the notebooks small."""
    small = BytesIO()
    Picture.open(png).convert("RGB").quantize(256).save(small, "png", optimize=True)
    return small.getvalue()
