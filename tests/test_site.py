"""The site's pages: built from a small notebook, opened from a folder in a real browser.

``make site-check`` does the same with the whole site (``tests/site_check.py``).
"""

import re
import shutil

import nbformat
import pytest

from helpers import captured, frames, site
from helpers.publish import METADATA
from tests import site_check
from tests.test_browser import CHROMIUM
from tests.test_live import draw

TEXT = r"""# 01 · Two pages

**What is on a page?**

A formula $a^2$, and one with a number of its own, in a list; [the end](#The-end:-it's-near).

$$
a = b \\
  + c
\tag{7}
$$

> $$x = y \tag{8}$$

Wider than a narrow window:

$$W_1 + W_2 + W_3 + W_4 + W_5 + W_6 + W_7 + W_8 + W_9 + W_{10} + W_{11} + W_{12} + W_{13} = W$$

| a | table | that | is | wide |
|---|---|---|---|---|
| `a_name_that_will_not_break` | `a_name_that_will_not_break` | 1 | `another_long_name` | 2 |

## The end: it's near

See [the workbook](exercises/01_two.ipynb) and [the next](02_next.ipynb#Here-·-there).
"""


def outputs(shown) -> list:
    with captured.captured() as parts:
        shown()
    return [
        nbformat.v4.new_output("display_data", data=part.data, metadata=part.metadata)
        for part in parts
    ]


def notebook(*cells) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=list(cells), metadata=nbformat.from_dict(METADATA))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A site of two pages and a workbook, built as ``make site`` builds it."""
    import ipywidgets as widgets

    from helpers.notebook import finding, think

    folder = tmp_path_factory.mktemp("site")
    static = folder / frames.STATIC
    static.mkdir()
    player = nbformat.v4.new_code_cell("an_explorer()")
    controls = {"k": widgets.IntSlider(1, 0, 3), "name": widgets.Dropdown(options=["a", "b"])}
    player.outputs = outputs(lambda: frames.record(static, draw, controls, "Move <b>k</b>."))
    figure = nbformat.v4.new_code_cell("draw(2)")
    figure.outputs = outputs(lambda: draw(2))
    said = nbformat.v4.new_code_cell('finding("So.")\nthink("Why?", "Because $c^2$.")')
    said.outputs = outputs(lambda: (finding("So $d^2$."), think("Why?", "Because $c^2$.")))
    text = nbformat.v4.new_markdown_cell
    second = text("# 02 · Next\n\n**And then?**\n\n## Here · there\n\nBack to [it](01_two.ipynb).")
    workbook = text("# Workbook 01\n\nIt goes with [01](../01_two.ipynb).")
    (folder / "exercises").mkdir()
    site.write_page(notebook(text(TEXT), player, figure, said), "01_two.ipynb", folder)
    site.write_page(notebook(second), "02_next.ipynb", folder)
    site.write_page(notebook(workbook), "exercises/01_two.ipynb", folder)
    site.build(["01_two", "02_next"], folder, ["exercises/01_two"])
    return folder / "pages"


def test_pages_hold_no_pictures_and_no_addresses_of_the_network(pages):
    page = (pages / "01_two.html").read_text()
    assert "data:image/png" not in page
    assert not re.search(r'(src=|<link[^>]+href=)"https?://', page)
    assert page.count("_static/frames/") >= 9  # eight frames and a figure
    assert 'alt="a line to 2 &amp; more"' in page
    assert 'href="02_next.html#' in page
    assert not list((pages / "_static" / "mathjax").glob("mml-*"))
    assert sum(f.stat().st_size for f in pages.rglob("*") if f.is_file()) < 25e6


def test_links_lead_to_pages_and_to_headings(pages, tmp_path):
    assert site_check.broken_links(pages) == []
    assert "What is on a page?" in (pages / "index.html").read_text()
    moved = shutil.copytree(pages, tmp_path / "pages")
    (moved / "exercises" / "01_two.html").unlink()
    assert any("exercises/01_two.html" in link for link in site_check.broken_links(moved))


def test_an_explorer_hides_its_call(pages):
    page = (pages / "01_two.html").read_text()
    folded = re.findall(r"<details.*?</details>", page, re.DOTALL)
    assert any("an_explorer" in part for part in folded)
    assert not any("draw" in part for part in folded)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_a_browser_without_a_network(pages, tmp_path):
    pages = shutil.copytree(pages, tmp_path / "pages")
    file = pages / "01_two.html"
    site_check.read_page(file)
    assert site_check.play_page(file) == 2
    assert any("Two pages" in title for title in site_check.finds(pages, "narrow"))
    with site_check.opened(file) as (page, wrong):
        # Formulas: in the text, displayed with their own numbers, in captions and answers.
        assert page.locator("mjx-mlabeledtr").count() == 2
        page.get_by_text("Answer").click()
        assert page.locator("details mjx-container").count() == 1
        assert page.locator("blockquote mjx-container").count() >= 2
        assert "$" not in page.locator(".player-frame").inner_text()

        # The page below stays where it is while frames change.
        below = page.locator(".player").bounding_box()["height"]
        page.get_by_role("slider", name="k").focus()
        page.keyboard.press("ArrowRight")
        page.locator(".player-frame", has_text="k is 2").wait_for(timeout=5_000)
        assert page.locator(".player").bounding_box()["height"] == pytest.approx(below, abs=1)
        page.get_by_role("combobox", name="name").select_option("b")
        page.locator(".player-frame", has_text="<b>").wait_for(timeout=5_000)

        # From the list of pages to the next one, to its heading.
        page.get_by_role("link", name="the next").click()
        page.get_by_role("heading", name="Here · there").wait_for(timeout=5_000)
        assert wrong == []
