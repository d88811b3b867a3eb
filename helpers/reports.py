"""The five student reports that the series grew from: who wrote what, and where it went.

Facts about the reports, in our words. A report is cited by its number, "report 001".
"""

from typing import NamedTuple

import pandas as pd


class Report(NamedTuple):
    """A report.

    Attributes:
        number: by which it is cited.
        author: as on its first page.
        handed_in_for: course and assignment, as far as it says.
        date: as far as it says.
        figures: its own figures and tables.
        remark: what a reader should know of it.
    """

    number: str
    author: str
    handed_in_for: str
    date: str
    figures: str
    remark: str


_UVA = "Deep Learning, MSc Artificial Intelligence, University of Amsterdam"

REPORTS = [
    Report(
        "000",
        "Maurice Frank",
        "Assignment 2, Recurrent neural networks and graph neural networks",
        "not given; cites works of 2019",
        "1 figure",
        "text generation is a heading; two derivations are left open",
    ),
    Report(
        "001",
        "Ioannis Gatopoulos",
        f"{_UVA}: assignment 2, Recurrent neural networks",
        "19 May 2019",
        "9 figures, 4 tables",
        "the longest: theory, experiments and text",
    ),
    Report(
        "002",
        "Jonathan Mitnik",
        f"{_UVA}: assignment 2",
        "not given; cites works of 2020",
        "none",
        "theory only, and the only one with graph attention",
    ),
    Report(
        "003",
        "Maurice Frank",
        "as 000",
        "not given",
        "1 figure, without its discussion",
        "a draft of 000: its sentences on the gates stand there again, most of the rest is empty",
    ),
    Report(
        "004",
        "Nzuanzu Jier",
        "University of Amsterdam: Deep Learning homework assignment",
        "not given; cites works of 2019",
        "none",
        "theory only; answers to the experiments are left open",
    ),
]

#: Part of the assignment -> report -> what stands there; and the notebooks that take it up.
COVERED = {
    "gradients of the RNN": {
        "001": "derived line by line",
        "002": "chain of derivatives",
        "004": "chain of derivatives",
        "notebook": "01",
    },
    "vanishing, exploding": {
        "001": "by norms of Jacobians",
        "002": "in words",
        "004": "in words",
        "notebook": "01",
    },
    "optimizers": {
        "000": "momentum, RMSprop, Adam",
        "001": "the same and AdaGrad; figure 4",
        "004": "in words",
        "notebook": "02",
    },
    "gates of the LSTM": {
        "000": "each in words",
        "001": "each in words; figure 5",
        "002": "each in words",
        "003": "as in 000",
        "004": "each in words",
        "notebook": "03",
    },
    "number of parameters": {
        "000": "cell, and with read-out",
        "001": "cell",
        "002": "with read-out",
        "003": "cell",
        "004": "cell",
        "notebook": "03",
    },
    "RNN on palindromes": {
        "000": "figure 1: 5 to 23 digits",
        "001": "figures 2 and 3: 5 to 160 digits",
        "notebook": "04",
    },
    "LSTM on palindromes": {
        "000": "figure 1: 5 to 23 digits",
        "001": "figures 6 and 7: 5 to 160 digits",
        "notebook": "04",
    },
    "text from a book": {
        "000": "a heading (South Park)",
        "001": "Anna Karenina; figure 8, tables 1 to 4",
        "notebook": "05",
    },
    "layer of a graph network": {
        "000": "in words",
        "001": "node by node, formula",
        "002": "in words",
        "004": "in words",
        "notebook": "06",
    },
    "hops and layers": {
        "000": "three for three",
        "001": "by induction",
        "002": "matrix, one message",
        "004": "matrix, one message",
        "notebook": "06",
    },
    "attention on graphs": {"002": "formula, in words", "notebook": "06"},
    "applications of graphs": {
        "000": "social relations, diagnosis, stocks",
        "001": "proteins, roles, friends, drugs",
        "002": "recommendation, documents",
        "004": "re-identification, travelling salesman",
        "notebook": "06",
    },
    "RNN or graph network?": {
        "000": "one sentence",
        "001": "time, family trees, social networks",
        "002": "images, translation",
        "004": "translation, context, music",
        "notebook": "07",
    },
    "both together": {
        "001": "two works; figure 9",
        "002": "structured summaries",
        "004": "graph LSTM on images",
        "notebook": "07",
    },
}


def listed() -> pd.DataFrame:
    """A row a report."""
    columns = ["report", "author", "handed in for", "date", "figures", "remark"]
    return pd.DataFrame(REPORTS, columns=columns).set_index("report")


def who_reports_what() -> pd.DataFrame:
    """A row a part of the assignment, a column a report, and the notebook that takes it up."""
    columns = [*(report.number for report in REPORTS), "notebook"]
    return pd.DataFrame.from_dict(COVERED, orient="index", columns=columns).fillna("–")
