"""What the reports say of sequences and graphs, claim by claim, with what the runs say to it.

A verdict is ours; what stands beside it is computed from published runs or from exact arithmetic.
Where nothing here measures a claim, its row says so.
"""

from typing import NamedTuple

import pandas as pd

from helpers.combined.archive import ComparisonArchive
from helpers.combined.networks import READERS, kind_of
from helpers.graph import pictures
from helpers.graph.refinement import PAIRS, told_apart


class Claim(NamedTuple):
    """A claim.

    Attributes:
        claim: in our words, or in at most a line of the report's own.
        who: the report.
        verdict: how far it holds, in a few words, or that it was not measured.
        shown: what shows it: a section of notebook 07, and numbers.
    """

    claim: str
    who: str
    verdict: str
    shown: str


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


class Numbers:
    """The means that claims and traps are judged by.

    Attributes:
        form: accuracy on palindromes by (form, model, T).
        graphs: by (task, setting); ``changed`` likewise, ``reads`` by (task, order) of the LSTM.
        kin: family trees by setting, columns "accuracy" and "far".
        linked: by (L, model).
        near: LSTM and others among neighbours, columns "accuracy" and "changed".
        error: of the coupled series by model.
        attention: by T.
    """

    def __init__(self, found: ComparisonArchive):
        form = found.part("structure")
        self.form = form.groupby(["structure", "model", "T"])["accuracy"].mean()
        graphs = found.part("serialised")
        by_setting = graphs.groupby(["task", "setting"])
        self.graphs, self.changed = by_setting["accuracy"].mean(), by_setting["changed"].mean()
        lstm = graphs[graphs["model"] == "lstm"].groupby(["task", "order"])
        self.reads, self.reads_changed = lstm["accuracy"].mean(), lstm["changed"].mean()
        self.majority = graphs.groupby("task")["majority"].first()
        self.kin = found.part("pedigree").groupby("setting")[["accuracy", "far"]].mean()
        self.linked = found.part("links").groupby(["L", "model"])["accuracy"].mean()
        aggregated = found.part("neighbours").groupby("aggregator")
        self.near = aggregated[["accuracy", "changed"]].mean()
        self.error = found.part("series").groupby("model")["error"].mean()
        self.attention = found.part("attention").groupby("T")["accuracy"].mean()

    def best_reader(self, T: int) -> float:
        return max(self.form["sequence", model, T] for model in READERS)

    def best_on(self, form: str, T: int) -> float:
        return self.form[form].xs(T, level="T").max()


def claims(found: ComparisonArchive) -> list[Claim]:
    """Every argument of the five reports on which form suits which data, and on joining both."""
    n = Numbers(found)
    gated, T, L = kind_of("gated").label, 20, n.linked.index.get_level_values("L").max()
    pooled = f"{gated}, LSTM read-out"
    grid, small = (pictures.forms(pictures.scene())[k] for k in (1, 3))
    rounds = sorted((name for name in n.kin.index if gated in name), key=_rounds)
    few, many = n.kin.loc[rounds[0]], n.kin.loc[rounds[-1]]
    births = n.kin.loc[[name for name in n.kin.index if "birth" in name]]
    lists = n.kin.loc[[name for name in n.kin.index if "random" in name]]
    return [
        Claim(
            "“a graph structure is necessary for non-Euclidean spaces”",
            "000",
            "right of the structure; not of the network",
            "section 2: a reader can take the links as rows "
            f"({percent(n.reads['connectivity', 'bfs'])} of connectivity in BFS order, where the "
            f"search has done the work; {percent(n.reads['connectivity', 'random'])} in random "
            "order); the cost: "
            f"{percent(n.reads_changed['distance', 'bfs'])} of its answers on distance (LSTM, BFS "
            "order) change with the numbers of the nodes",
        ),
        Claim(
            "temporal data, finance and text: recurrent networks are ideal",
            "001",
            "right where order is all there is",
            f"section 1, T = {T}: reading {percent(n.best_reader(T))}, messages along the chain "
            f"{percent(n.best_on('chain', T))}; section 3, series that move one another: error "
            f"{n.error['lstm']:.2f} alone, {n.error['combined']:.2f} with the graph",
        ),
        Claim(
            "really long dependencies are “unnecessary and unwanted” there",
            "001",
            "may hold there; a property of the task",
            f"section 1 (finance was not measured): of 40 digits all that counts is the first: "
            f"{percent(n.best_reader(40))} reading it, one in ten without",
        ),
        Claim(
            "a family tree wants a graph, to “keep the entire history”",
            "001",
            "right with enough rounds; by order of birth reading does as well",
            f"section 2: {percent(many.far)} on long lines of mothers, over {_rounds(few.name)} "
            f"rounds {percent(few.far)}; the best reader {percent(births.far.max())} by order of "
            f"birth, {percent(lists.far.max())} in a list without order",
        ),
        Claim(
            "a social network has no order of its nodes, so a graph network does better",
            "001",
            "right where messages can tell",
            f"section 2: renumbering changes {percent(n.changed['distance', gated])} of the graph "
            f"network's answers and {percent(n.reads_changed['distance'].mean())} of the LSTM's "
            f"(mean of its orders); right on distance {percent(n.graphs['distance', gated])} "
            f"against {percent(n.reads['distance'].max())}",
        ),
        Claim(
            "a molecule is a graph, from which a graph network reads what a drug does",
            "001",
            "right, within the 1-WL bound",
            f"section 2: decalin and bicyclopentyl told apart by messages: "
            f"{_yes(told_apart(*PAIRS['molecules'].values()))}; with closed walks on triangles "
            f"{percent(n.graphs['triangles', f'{gated} + closed walks'])}, without "
            f"{percent(n.graphs['triangles', gated])}",
        ),
        Claim(
            "an RNN can turn a graph into a vector, reading neighbours with an LSTM",
            "001",
            "right, at the price of an order",
            f"section 3, neighbours: {percent(n.near.loc['lstm', 'accuracy'])} of stars right and "
            f"{percent(n.near.loc['lstm', 'changed'])} of answers changed by another order; a mean "
            f"{percent(n.near.loc['mean', 'accuracy'])}. Nodes of a whole graph, distance: "
            f"{percent(n.graphs['distance', pooled])} right, "
            f"{100 * n.changed['distance', pooled]:.1f} % changed",
        ),
        Claim(
            "an RNN sees one dimension; a graph network suits pictures better",
            "002",
            "right of neighbours; it takes rounds",
            f"section 3: the pixel below is {pictures.SIZE} steps away when read, 1 on the grid; "
            f"but the grid needs {grid['farthest apart']} rounds for all to hear all, "
            f"{small['steps or nodes']} superpixels {small['farthest apart']}. No network was "
            "trained on pictures here",
        ),
        Claim(
            "graph networks are weaker at order, so RNNs translate better (004: RNNs suit it)",
            "002, 004",
            "right without positions and directions; attention with positions translates too",
            "section 1: without positions and directions a chain reads the same both ways, "
            "exactly; with positions attention, which is messages on the complete graph, puts "
            f"{percent(n.attention[10])} of hidden digits in place at T = 10, "
            f"{percent(n.attention[40])} at T = 40. Vaswani et al. translate with it; no "
            "translation was measured here",
        ),
        Claim(
            "a summary from an RNN's states in a gated graph network",
            "002",
            "right of our small task",
            f"section 3: with {L} digits the LSTM alone {percent(n.linked[L, 'reader'])}, links "
            f"and chain alone {percent(n.linked[L, 'graph+'])}, both "
            f"{percent(n.linked[L, 'combined'])}",
        ),
        Claim(
            "BERT's vector of a text beside what a graph knows of its author",
            "002",
            "not measured",
            "section 3: what is joined; a linear layer over both is a sum of two read-outs",
        ),
        Claim(
            "sentences or paragraphs as nodes, each joined to the next: “a viable memory”",
            "004",
            "doubtful: shorter than a chain of words, but a chain",
            "section 1 (no text was measured): on a chain of digits, "
            f"{percent(n.best_on('chain', 10))} at T = 10; with edges between what belongs "
            f"together {percent(n.best_on('mirror', 10))}",
        ),
        Claim(
            "complex data whose parts are connected: a graph network fits",
            "004",
            "right where messages can tell",
            f"section 2: hops {percent(n.graphs['distance', gated])}, triangles "
            f"{percent(n.graphs['triangles', gated])} (largest class "
            f"{percent(n.majority['triangles'])})",
        ),
        Claim(
            "music, dance, sentences: recurrent networks",
            "004",
            "right, as far as order goes",
            "section 1: a melody and its reverse are one chain to messages without positions and "
            f"directions; an RNN whose answer hangs on the first of {T} digits is right in "
            f"{percent(n.best_reader(T))}",
        ),
        Claim(
            "a picture as a graph in a Graph LSTM, “each pixel as node”",
            "004",
            "right but for the nodes",
            f"section 3: Liang et al. take superpixels; {small['steps or nodes']} in place of "
            f"{grid['steps or nodes']} nodes, and "
            f"{percent(small['pixels right at best'])} of pixels can still be right",
        ),
        Claim(
            "an LSTM for each stock, a graph convolution over all",
            "000",
            "right where the coupling is known",
            f"section 3 (made-up series, no stocks): error {n.error['lstm']:.2f} and "
            f"{n.error['gcn']:.2f} for each alone, {n.error['combined']:.2f} together; the noise "
            "leaves 1",
        ),
    ]


def table(found: ComparisonArchive) -> pd.DataFrame:
    """The claims, a row each."""
    columns = ["claim", "report", "verdict", "what shows it"]
    return pd.DataFrame(claims(found), columns=columns)


def _rounds(setting: str) -> int:
    return int(setting.split(", ")[1].split()[0])


def _yes(value: bool) -> str:
    return "yes" if value else "no"
