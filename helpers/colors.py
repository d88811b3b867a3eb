"""Okabe and Ito's colour-blind safe hues, and the greys of the page.

Apart from :mod:`helpers.figures`, so that a class can name its colour without matplotlib.
"""

GREEN = "#009E73"
VERMILION = "#D55E00"
BLUE = "#0072B2"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
ORANGE = "#E69F00"
BROWN = "#8C5A2B"
INK = "#22262B"
MUTED = "#8A8F98"
GRID = "#E3E6EA"
PAPER = "#FFFFFF"
