"""Texts from elsewhere are shown as text: on pages, in figures, in print, wherever one may come."""

import html.parser
import warnings

import ipywidgets as widgets
import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
import torch
from matplotlib.text import Text
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from helpers import audience, figures, run
from helpers.captured import as_html, captured
from helpers.equations import defines
from helpers.explorer import Explorer
from helpers.foreign import in_figure, on_page, visible, without_tags
from helpers.frames import show_player
from helpers.graph import attention_plots, editor_widgets, plots, spectral_plots, tables
from helpers.graph import widgets as graph_widgets
from helpers.graph.editor import Sketch
from helpers.graph.graphs import Graph
from helpers.notebook import Trap, finding, table, think, traps
from helpers.text import CharLM, Vocabulary, load_book
from helpers.text import plots as text_plots
from helpers.text.dialogue import load_script
from helpers.text.passages import coloured_figure, coloured_html, fold
from helpers.text.stream_widgets import TextExplorer, text_explorer
from helpers.text.widgets import temperature_explorer, unit_explorer

EVIL = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "&lt;b&gt; &amp; &copy",
    "$\\frac$ and $x^2$",
    "\\(a\\) \\[b\\] \\begin{equation}",
    "$$\\href{javascript:alert(1)}{x}$$",
    "a_b_c *d* **e** ~~f~~ `g` ``h",
    "[x](javascript:alert(1)) ![y](z)",
    "http://127.0.0.1/x www.x.yz me@x.yz",
    "| a | b |",
    "\" onmouseover='alert(1)'",
    "\x1b[31mred\x1b[0m\x07\x9b1m",
    "<span>&#36;<img src=x onerror=alert(1)>",
    "\u202eabc",
    "> # - 1. \\",
]

#: For what takes long.
FEW = [EVIL[k] for k in (0, 4, 7, 12)]


class Read(html.parser.HTMLParser):
    """What a page shows: its text, its tags, and the texts in which TeX is looked for."""

    def __init__(self, page: str):
        super().__init__()
        self.text, self.tags, self.texts, self.attributes = "", [], [], []
        self._inside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.texts.append("")
        self._inside.append(tag)

    def handle_endtag(self, tag):
        while self._inside and self._inside.pop() != tag:
            pass
        self.texts.append("")

    def handle_data(self, data):
        self.text += data
        if not {"pre", "code", "script", "style", "option"} & set(self._inside):
            self.texts[-1:] = ["".join(self.texts[-1:]) + data]

    def assert_harmless(self, allowed: set[str]) -> None:
        assert set(self.tags) <= allowed, self.tags
        assert not [name for name, _ in self.attributes if name.startswith("on")]
        for text in self.texts:  # MathJax's delimiters, in a text that no tag interrupts
            assert text.count("$") < 2, text
            assert not any(mark in text for mark in ("\\(", "\\[", "\\begin")), text


def drawn(text: str) -> str:
    """A text as a figure has it."""
    return in_figure(text).replace(r"\$", "$")


def shown(show) -> list:
    """The parts that ``show()`` displays or prints."""
    with captured() as parts:
        show()
    return parts


#: What our own pages are made of.
OURS = {"p", "em", "strong", "div", "span", "details", "summary", "small", "blockquote", "pre", "b"}
OURS |= {"table", "thead", "tbody", "tr", "th", "td", "br", "i", "style", "img"}


@pytest.mark.parametrize("evil", EVIL)
def test_a_text_is_itself_in_html_and_in_markdown(evil):
    for page in (on_page(evil), on_page(evil, markdown=False)):
        read = Read(page)
        read.assert_harmless({"span"})
        assert read.text == visible(evil)
    for wrapped in ("{}", "*{}*", "> **Finding.** {} is", "| a | {} |\n|---|---|\n| {} | b |"):
        markdown = wrapped.replace("{}", on_page(evil))
        read = Read(markdown2html_mistune(markdown))
        read.assert_harmless(OURS)
        assert " ".join(visible(evil).split()) in " ".join(read.text.split())


def test_lines_stay_one_text_in_markdown():
    page = markdown2html_mistune(f"*{on_page('a' + chr(10) * 2 + '# b')}*")
    assert Read(page).tags == ["p", "em"]


@pytest.mark.parametrize("evil", EVIL)
def test_markdown_of_our_own_has_no_tags(evil):
    for text in (evil, f"`{evil}`", f"${evil}$", f"\\`{evil}`", f"$5 and {evil} $6", f"``{evil}`"):
        read = Read(markdown2html_mistune(without_tags(text)))
        assert not set(read.tags) - OURS - {"code", "del", "a", "h1", "ol", "ul", "li"}
        assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_markdown_of_our_own_keeps_formulas_and_comparisons():
    for text in ("$a<b$ and $x_{i} < y$", "a < b, *so*, 3<4", "`x[0]`"):
        assert without_tags(text).replace("< b", "<b") == text.replace("< b", "<b")


@pytest.mark.parametrize("evil", EVIL)
def test_tables_findings_questions_traps_and_captions(evil):
    frame = pd.DataFrame({evil: [evil, "1"], "n": [1, 2]}, index=[evil, "row"])
    for part in shown(lambda: table(frame)):
        read = Read(part.data["text/html"])
        read.assert_harmless(OURS)
        assert read.text.count(visible(evil)) == 3
        assert "\x1b" not in part.data["text/plain"]
    figure = plt.figure(figsize=(1, 1))
    parts = shown(
        lambda: (
            table(frame, caption=evil),
            finding(evil),
            think(evil, evil),
            traps([Trap(evil, evil, evil, evil)]),
            defines("1", evil, 2.0),
            figures.show(figure, caption=evil, alt=evil),
        )
    )
    read = Read(as_html(parts))
    assert set(read.tags) <= OURS | {"code", "del", "a", "h1"}
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert ("alt", " ".join(evil.split())) in read.attributes


@pytest.mark.parametrize("evil", EVIL)
def test_what_an_explorer_says(evil):
    def draw(x):
        if x:
            raise ValueError(evil)
        print(evil)

    explorer = Explorer(draw, {"x": widgets.IntSlider(0)})
    read = Read(explorer.picture.value)
    read.assert_harmless(OURS)
    assert read.text == visible(evil) + "\n"
    explorer.controls["x"].value = 1
    read = Read(explorer.problem.value)
    read.assert_harmless(OURS)
    assert read.text == visible(evil)


@pytest.mark.parametrize("evil", EVIL)
def test_a_frame_of_the_site_ends_where_it_should(evil):
    axes = [{"label": evil, "values": [evil], "at": 0, "list": True}]
    (part,) = shown(lambda: show_player(axes, [f"<p>{on_page(evil)}</p><!-- {evil}"], "guide"))
    script = part.data["text/html"].split('type="application/json">')[1]
    assert script.count("</") == 2  # of the script and of the player
    assert "<!" not in script


# Figures --------------------------------------------------------------------------------------


def texts_of(figure) -> list[str]:
    """What is written in a figure; drawing it fails where a formula is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names too long for a layout, glyphs that no font has
        figure.draw_without_rendering()
    written = [t for t in figure.findobj(Text) if t.get_text().strip()]
    plt.close(figure)
    return [t.get_text().replace(r"\$", "$") if not t._preprocess_math(t.get_text())[1] else "TeX"
            for t in written]  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
def test_a_label_is_no_formula(evil):
    figure = plt.figure()
    figure.text(0.5, 0.5, in_figure(evil))
    figure.text(0.5, 0.5, f"$x$ {in_figure('$5 and $6')}")
    assert texts_of(figure) == [drawn(evil), "TeX"]
    assert set(drawn(evil)) - {"\ufffd"} <= set(evil)


@pytest.mark.parametrize("evil", FEW)
def test_names_of_nodes_everywhere(evil):
    graph = Graph((evil, "b", "c"), ((evil, "b"), ("b", "c")))
    A = graph.adjacency()
    alpha = torch.full((3, 3), 1 / 3)
    drawings = [
        plots.graph_and_matrices(graph, {"A": A}, (evil, "b")),
        plots.message_strip(graph, evil, (0, 1)),
        plots.two_readings({"one": (graph, 2)}, evil, "c"),
        plots.normalisations(graph, {"A": A, "B": A}),
        plots.signal_strip(graph, A, evil, (0, 1)),
        attention_plots.attention_matrices({"A": alpha}, graph.nodes, graph.nodes),
        spectral_plots.frequency_strip(graph),
    ]
    fig, ax = plt.subplots()
    attention_plots.attention_on_edges(ax, graph, alpha, evil)
    for figure in [*drawings, fig]:
        texts = texts_of(figure)
        assert any(drawn(evil) in text for text in texts)
        assert "TeX" not in texts
    for frame in (tables.written_out(graph), tables.deliveries(graph, evil, 1)):
        for part in shown(lambda frame=frame: table(frame)):
            Read(part.data["text/html"]).assert_harmless(OURS)


@pytest.mark.parametrize("evil", FEW)
@pytest.mark.parametrize("person", [False, True])
def test_explorers_of_graphs_with_such_nodes(evil, person, monkeypatch):
    monkeypatch.setattr(audience, "interactive", lambda: person)
    monkeypatch.setattr("helpers.live.interactive", lambda: person)
    graph = Graph((evil, "b", "c"), ((evil, "b"), ("b", "c")), ((0.1, 0.1), (0.5, 0.5), (0.9, 0.2)))
    parts = shown(
        lambda: (
            graph_widgets.message_explorer(graph, evil),
            graph_widgets.signal_player({"g": graph}, evil),
        )
    )
    read = Read(as_html(parts))
    assert set(read.tags) <= OURS
    read.assert_harmless(OURS)
    print_of_nodes = graph_widgets.received(graph, graph.adjacency(), evil, 0)
    assert evil in print_of_nodes
    read = Read(as_html(shown(lambda: editor_widgets.show(Sketch.of(graph), evil, 1))))
    assert set(read.tags) <= OURS


# Text -----------------------------------------------------------------------------------------

ALL = "".join(sorted(set("".join(EVIL)) | set("abcdefgh \n")))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return CharLM(len(ALL), 8, 1).eval(), Vocabulary(ALL)


@pytest.mark.parametrize("evil", FEW)
def test_passages_prompts_and_generated_text(evil, model, monkeypatch):
    values = [0.5] * len(evil)
    read = Read(coloured_html(evil, values, [evil] * len(evil)))
    read.assert_harmless(OURS)
    assert read.text == visible(evil)
    assert drawn(evil) in texts_of(coloured_figure(evil, values, evil))
    assert visible(fold(evil)) == fold(evil)
    logits = torch.zeros(len(ALL))
    temperatures = torch.linspace(0.5, 2, 12).numpy()
    assert f"“{drawn(evil)}”" in texts_of(text_plots.entropies({evil: logits}, temperatures))
    bars = text_plots.next_character(logits, model[1], (0.5, 1.0), most=len(ALL))
    assert "TeX" not in texts_of(bars)
    explorer = TextExplorer(*model, prompt=evil)
    for widget in (explorer.note, explorer.text, explorer.bars):
        Read(widget.value).assert_harmless(OURS)
    assert Read(explorer.text.value).text.endswith(visible(evil))
    for show in (
        lambda: temperature_explorer(*model, evil, length=20),
        lambda: text_explorer(*model, evil),
        lambda: unit_explorer(
            *model, evil * 2, {"vowels": lambda text: torch.rand(len(text)).numpy()}
        ),
    ):
        Read(as_html(shown(show))).assert_harmless(OURS)


def test_what_a_model_cannot_read_is_named_as_text(model):
    explorer = TextExplorer(CharLM(3, 4, 1), Vocabulary("abc"), prompt="a")
    explorer.prompt.value = "<b>abc</b>$"
    for widget in (explorer.note, explorer.text):
        Read(widget.value).assert_harmless(OURS)


def test_titles_and_sources_of_books_and_scripts(tmp_path):
    for name in ("<b>x<.txt", "$\\frac$.txt", "\x1b[31m.txt"):
        (tmp_path / name).write_text("some words\n")
        book = load_book(str(tmp_path / name))
        assert visible(str(book)) == str(book)
        (tmp_path / f"{name}.csv").write_text("Character,Line\n<i>A</i>,$x$ \x1b[0m\n")
        script = load_script(tmp_path / f"{name}.csv")
        assert visible(str(script.book)) == str(script.book)
        assert visible(script.book.text) == script.book.text


def test_the_runner_shows_an_error_as_text(tmp_path):
    code = 'raise ValueError("<b>\\x1b[31mred\\x07")'
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, tmp_path / "01_x.ipynb")
    outcome = run.Outcome("01_x", 0, 0.0, run.first_line("\x1b[31mred\x07"))
    assert "\x1b" not in run.as_table([outcome])
