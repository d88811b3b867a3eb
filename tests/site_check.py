"""``make site-check``: every page of the built site, opened from its folder with the network off.

Not collected by itself: building the whole site takes minutes. ``tests/test_site.py`` walks a small
site in the same way.
"""

import re
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import sync_playwright

from helpers import frames, site
from tests.test_browser import CHROMIUM, FLAGS

PAGES = site.FOLDER / "pages"
#: The site as a whole, and a page before its frames.
SITE_BYTES, PAGE_BYTES = 60e6, 5e6
#: What is left of a formula that was not set, outside of code and of what frames hold ready.
RAW_FORMULA = r"""() => {
  const raw = [], walker = document.createTreeWalker(document.querySelector('article'), 4);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    if (!text.parentElement.closest('pre, code, script, style, mjx-container') &&
        /\$[^$\n]*[\\_^][^$\n]*\$|\\\(|\\begin\{/.test(text.data)) raw.push(text.data.trim());
  }
  return raw;
}"""
#: What reaches beyond the window's right edge and cannot be scrolled by itself.
TOO_WIDE = """() => {
  const wide = [...document.querySelectorAll('article *')].filter((element) => {
    const box = element.getBoundingClientRect();
    if (!box.width || box.right <= innerWidth + 1) return false;
    for (let up = element.parentElement; up; up = up.parentElement)
      if (up.tagName !== 'HTML' && getComputedStyle(up).overflowX !== 'visible') return false;
    return true;
  }).map((element) => element.outerHTML.slice(0, 160));
  return document.scrollingElement.scrollWidth > innerWidth + 1 ? ['the page', ...wide] : wide;
}"""


@contextmanager
def opened(file: Path, **options):
    """A page of the site in a browser without a network, and the list of all that goes wrong."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        page = browser.new_context(offline=True, **options).new_page()
        wrong: list[str] = []
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:")) else wrong.append(r.url),
        )
        page.goto(file.as_uri())
        set_up = "!document.querySelector('.math') || window.MathJax?.startup?.promise"
        page.wait_for_function(set_up)
        page.evaluate("window.MathJax?.startup.promise.then(() => 1)")
        yield page, wrong
        browser.close()


def read_page(file: Path) -> None:
    """Formulas are set, pictures are there and have words, nothing is wider than the window."""
    with opened(file) as (page, wrong):
        assert page.evaluate(RAW_FORMULA) == []
        assert page.locator("mjx-merror").count() == 0
        pictures = page.evaluate(
            "Promise.all([...document.images].map(async (i) => [i.alt, i.getAttribute('src'), "
            "await i.decode().then(() => i.naturalWidth, () => 0)]))"
        )
        assert [src for alt, src, width in pictures if not (alt.strip() and width)] == []
        for width in (1280, 700, 400):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)
            assert page.evaluate(TOO_WIDE) == [], f"at {width} pixels"

        # The dark page: the button goes round automatic, light and dark.
        page.set_viewport_size({"width": 1280, "height": 900})
        for _ in range(3):
            if page.locator("body").get_attribute("data-theme") == "dark":
                break
            page.locator(".theme-toggle:visible").first.click()
        channels = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(int(c) for c in re.findall(r"\d+", channels)[:3]) < 60
        assert wrong == []


def play_page(file: Path) -> int:
    """Move every control by keys, mouse and finger; each shows another frame. How many."""
    with opened(file, has_touch=True) as (page, wrong):
        players = page.locator(".player")
        moved = 0
        for k in range(players.count()):
            player = players.nth(k)
            controls = player.locator("input, select")
            names = [controls.nth(i).get_attribute("aria-label") for i in range(controls.count())]
            assert 1 <= len(names) <= 2
            for i, name in enumerate(names):
                control = controls.nth(i)
                control.scroll_into_view_if_needed()
                if control.evaluate("c => c.tagName") == "SELECT":
                    assert player.get_by_role("combobox", name=name, exact=True).count() == 1
                    choose_all(page, player, control)
                else:
                    assert player.get_by_role("slider", name=name, exact=True).count() == 1
                    slide(page, player, control)
                moved += 1
        assert wrong == []
        return moved


def frame(page, player) -> str:
    """The frame that a player shows, when it has come to rest and its pictures are there."""
    view = player.locator(".player-frame:not(.player-next)").element_handle()
    page.wait_for_function("v => !v.parentElement.querySelector('.player-next')", arg=view)
    loaded = "v => Promise.all([...v.querySelectorAll('img')].map((i) => i.decode())).then(() => 1)"
    assert view.evaluate(loaded)
    return re.sub(r' ctxtmenu_counter="\d+"', "", view.inner_html())  # MathJax counts formulas


def slide(page, player, slider) -> None:
    places = int(slider.get_attribute("max")) + 1
    said, seen, tops = set(), set(), set()
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(places):
        said.add(slider.get_attribute("aria-valuetext"))
        seen.add(frame(page, player))
        tops.add(round(slider.bounding_box()["y"] + page.evaluate("scrollY")))
        page.keyboard.press("ArrowRight")
    assert len(said) == places, f"positions that are told alike: {sorted(said)}"
    assert len(seen) > 1, "no key changes the frame"
    assert len(tops) == 1, "the slider itself moves"
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    last = frame(page, player)
    page.mouse.move(box["x"] + box["width"] - 4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 4, y, steps=8)  # a drag
    page.mouse.up()
    assert slider.input_value() == "0"
    first = frame(page, player)
    page.touchscreen.tap(box["x"] + box["width"] - 4, y)
    assert slider.input_value() == str(places - 1)
    assert frame(page, player) == last
    assert {first, last} <= seen


def choose_all(page, player, control) -> None:
    seen = set()
    for place in range(control.locator("option").count()):
        control.select_option(index=place)
        seen.add(frame(page, player))
    assert len(seen) > 1, "no choice changes the frame"
    control.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert control.input_value() == "1"


def broken_links(pages: Path) -> list[str]:
    """Links, pictures and frames of all pages that lead to no file or to no place in it."""
    text = {file: file.read_text(encoding="utf-8") for file in sorted(pages.rglob("*.html"))}
    places = {file: set(re.findall(r'\bid="([^"]+)"', page)) for file, page in text.items()}
    broken = []
    for file, page in text.items():
        for target in set(re.findall(r'\\?\b(?:href|src)=\\?"([^"\\]+)', page)):
            parts = urlsplit(target.replace("&amp;", "&").replace("&#x27;", "'"))
            if parts.scheme or parts.netloc:
                continue
            goal = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            place = unquote(parts.fragment)
            if not goal.is_file() or (place and goal in places and place not in places[goal]):
                broken.append(f"{file.name}: {target}")
    return broken


def finds(pages: Path, words: str) -> list[str]:
    """Titles that the site's search finds."""
    with opened(pages / "search.html") as (page, wrong):
        page.goto((pages / "search.html").as_uri() + f"?q={words}")
        page.locator("ul.search li").first.wait_for(timeout=20_000)
        page.wait_for_timeout(500)
        assert wrong == []
        return page.locator("ul.search li > a").all_inner_texts()


# The whole site ----------------------------------------------------------------------------------

NAMES = [str(file.relative_to(PAGES)) for file in sorted(PAGES.rglob("*.html"))] or ["missing"]
every_page = pytest.mark.parametrize("name", NAMES)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture(autouse=True, scope="module")
def built():
    assert (PAGES / "index.html").is_file(), "there is no site yet: make site"


@every_page
def test_reads_well(name):
    read_page(PAGES / name)


@every_page
def test_plays(name):
    moved = play_page(PAGES / name)
    assert moved > 0 or not re.match(r"0[0-7]_", name), "a notebook without an explorer"


def test_nothing_leads_nowhere():
    assert broken_links(PAGES) == []


def test_search_finds_a_notebook():
    assert any("Gradients" in title for title in finds(PAGES, "vanish"))


def test_sizes():
    assert sum(file.stat().st_size for file in PAGES.rglob("*") if file.is_file()) < SITE_BYTES
    for file in PAGES.rglob("*.html"):
        page = file.read_text(encoding="utf-8")
        page = re.sub(r'<script type="application/json">.*?</script>', "", page, flags=re.DOTALL)
        pictures = set(re.findall(rf"{frames.STATIC}/{frames.FOLDER}/[^\"]+", page))
        size = len(page.encode()) + sum((PAGES / p).stat().st_size for p in pictures)
        assert size < PAGE_BYTES, f"{file.name}: {size / 1e6:.1f} MB before its frames"
