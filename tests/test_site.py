"""The site's pages: built from a small notebook, opened from a folder in a real browser."""

import re
import shutil

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from helpers import captured, frames, site
from helpers.publish import METADATA
from tests.test_browser import CHROMIUM, FLAGS
from tests.test_live import draw

TEXT = r"""# 01 · Two pages

A formula $a^2$, and one with a number of its own, in a list:

$$
a = b \\
  + c
\tag{7}
$$

> $$x = y \tag{8}$$

See [the workbook](exercises/01_two.ipynb) and [the next](02_next.ipynb).
"""


def outputs(shown) -> list:
    with captured.captured() as parts:
        shown()
    return [
        nbformat.v4.new_output("display_data", data=part.data, metadata=part.metadata)
        for part in parts
    ]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A site of two pages, built as ``make site`` builds it."""
    import ipywidgets as widgets

    from helpers.notebook import finding, think

    folder = tmp_path_factory.mktemp("site")
    static = folder / frames.STATIC
    static.mkdir()
    player = nbformat.v4.new_code_cell("explorer()")
    controls = {"k": widgets.IntSlider(1, 0, 3), "name": widgets.Dropdown(options=["a", "b"])}
    player.outputs = outputs(lambda: frames.record(static, draw, controls, "Move <b>k</b>."))
    figure = nbformat.v4.new_code_cell("draw(2)")
    figure.outputs = outputs(lambda: draw(2))
    said = nbformat.v4.new_code_cell('finding("So.")\nthink("Why?", "Because $c^2$.")')
    said.outputs = outputs(lambda: (finding("So $d^2$."), think("Why?", "Because $c^2$.")))
    cells = [nbformat.v4.new_markdown_cell(TEXT), player, figure, said]
    first = nbformat.v4.new_notebook(cells=cells, metadata=nbformat.from_dict(METADATA))
    second = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# 02 · Next\n\nBack to [it](01_two.ipynb).")],
        metadata=nbformat.from_dict(METADATA),
    )
    site.write_page(first, "01_two.ipynb", folder)
    site.write_page(second, "02_next.ipynb", folder)
    site.build(["01_two", "02_next"], folder)
    return folder / "pages"


def test_pages_hold_no_pictures_and_no_addresses_of_the_network(pages):
    page = (pages / "01_two.html").read_text()
    assert "data:image/png" not in page
    assert not re.search(r'(src=|<link[^>]+href=)"https?://', page)
    assert page.count("_static/frames/") >= 9  # eight frames and a figure
    assert 'alt="a line to 2 &amp; more"' in page
    assert 'href="02_next.html"' in page
    assert "exercises/" not in page  # pages have no workbooks
    assert not list((pages / "_static" / "mathjax").glob("mml-*"))
    assert sum(f.stat().st_size for f in pages.rglob("*") if f.is_file()) < 25e6


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_a_browser_without_a_network(pages, tmp_path):
    shutil.copytree(pages, tmp_path / "pages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(offline=True)
        page = context.new_page()
        errors = []
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((tmp_path / "pages" / "01_two.html").as_uri())

        # Formulas: in the text, displayed with their own numbers, in captions and answers.
        page.locator("mjx-container").first.wait_for(state="attached", timeout=30_000)
        page.wait_for_function("document.querySelectorAll('mjx-mlabeledtr').length == 2")
        page.get_by_text("Answer").click()
        assert page.locator("details mjx-container").count() == 1
        assert page.locator("blockquote mjx-container").count() >= 2
        assert "$" not in page.locator(".player-frame").inner_text()

        # The player: its labels are heard, keys move it, the frame changes and the page stays.
        slider = page.get_by_role("slider", name="k")
        assert slider.get_attribute("aria-valuetext") == "1"
        source = page.locator(".player-frame img").get_attribute("src")
        below = page.locator(".player").bounding_box()["height"]
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.locator(".player-frame", has_text="k is 2").wait_for(timeout=5_000)
        assert page.locator(".player-frame img").get_attribute("src") != source
        assert page.locator(".player-frame img").evaluate("i => i.decode().then(() => true)")
        assert page.locator(".player").bounding_box()["height"] == pytest.approx(below, abs=1)
        page.get_by_role("combobox", name="name").select_option("b")
        assert "<b>" in page.locator(".player-frame").inner_text()
        assert slider.get_attribute("aria-valuetext") == "2"

        # Search needs no server.
        page.goto((tmp_path / "pages" / "search.html").as_uri() + "?q=number")
        page.locator("ul.search li").first.wait_for(timeout=10_000)
        assert errors == []
        browser.close()
