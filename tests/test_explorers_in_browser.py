"""Explorers in JupyterLab: followed by the picture, clicked into, heard, and kept when saved."""

import json
import re
import subprocess
import sys
import urllib.request
from urllib.parse import parse_qs, urlparse

import nbformat
import pytest

from helpers import paths
from helpers.palindromes import be_the_gate_widgets
from helpers.publish import METADATA
from helpers.recurrent.microscope import level_radius
from tests.test_browser import CHROMIUM, browser, lab, run_all  # noqa: F401

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
CELLS = (
    "from helpers.notebook import start\n"
    "from helpers.graph import editor_widgets, six_node_graph\n"
    "from helpers.palindromes import be_the_gate_widgets, trained_networks\n"
    "from helpers.recurrent import memory_widgets, microscope_widgets\n"
    "start(profile='quick', seed=0)",
    "memory_widgets.fading_explorer(0.9, 10)",
    "microscope_widgets.microscope_explorer()",
    "network = trained_networks.load_network('palindrome_lstm_T19')\n"
    "be_the_gate_widgets.gate_explorer(network, 19, 'one_hot', (7, 2, 9, 0, 4))",
    "editor_widgets.graph_editor({'six nodes': six_node_graph()}, 'C')",
)


@pytest.fixture(scope="module")
def opened(lab, browser, tmp_path_factory):  # noqa: F811
    """A page with four living explorers, and the folder in which the Lab keeps its notebook."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=nbformat.from_dict(METADATA))
    url = lab("explorers")
    token = parse_qs(urlparse(url).query)["token"][0]
    server = f"{urlparse(url).scheme}://{urlparse(url).netloc}"

    def api(path: str, method: str = "GET", body=None):
        request = urllib.request.Request(
            f"{server}/api/{path}?token={token}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    api("contents/explorers.ipynb", "PUT", {"type": "notebook", "content": notebook})
    page = browser.new_page(viewport={"width": 1100, "height": 1000})
    page.errors = []
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    run_all(page, url)
    page.locator(".explorer img.picture").nth(3).wait_for(timeout=180_000)
    yield page, url, api
    page.close()


def test_the_picture_follows_a_key_in_its_place(opened):
    page, *_ = opened
    explorer = page.locator(".explorer").first
    slider = explorer.get_by_role("slider", name="weight w")  # its label is heard
    picture = explorer.locator("img.picture")
    before, box = picture.get_attribute("src"), picture.bounding_box()
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([p, old]) => p.querySelector('img.picture').src != old",
        arg=[explorer.element_handle(), before],
        timeout=30_000,
    )
    page.wait_for_timeout(1500)
    after = explorer.locator("img.picture").bounding_box()
    assert after["y"] == pytest.approx(box["y"], abs=1)
    assert after["height"] == pytest.approx(box["height"], abs=1)
    assert explorer.locator(".widget-output").count() == 0
    assert page.errors == []


def test_a_click_on_a_step_chooses_it(opened):
    page, *_ = opened
    explorer = page.locator(".explorer", has_text="click a step in the picture")
    explorer.scroll_into_view_if_needed()
    picture = explorer.locator("img.picture")
    box = picture.bounding_box()
    picture.click(position={"x": 0.19 * box["width"], "y": 0.7 * box["height"]})
    chosen = explorer.get_by_role("slider", name="step t")
    page.wait_for_function(
        "s => s.getAttribute('aria-valuenow') != '1.0'",
        arg=chosen.element_handle(),
        timeout=30_000,
    )
    assert 6 <= float(chosen.get_attribute("aria-valuenow")) <= 11


def test_a_reader_finds_the_radius_at_which_gradients_stay_level(opened):
    page, *_ = opened
    explorer = page.locator(".explorer", has_text="click a step in the picture")
    for name, key in (("step t", "Home"), ("spectral radius", "Home")):
        explorer.get_by_role("slider", name=name).focus()
        page.keyboard.press(key)
    radius, ratio = level_radius("rnn", 16, 0.3)
    for _ in range(round((radius - 0.1) / 0.05)):
        page.keyboard.press("ArrowRight")
    told = explorer.get_by_text(re.compile(rf"radius {radius:g}, .*{ratio:.2g} times", re.DOTALL))
    told.first.wait_for(timeout=60_000)


def test_a_digit_is_carried_by_hand(opened):
    page, *_ = opened
    explorer = page.locator(".explorer", has_text="be the gate")
    span = explorer.get_by_role("combobox", name="sliders set")
    explorer.get_by_text("the digit 7 is lost").wait_for(timeout=30_000)
    span.select_option(be_the_gate_widgets.FROM_HERE)
    for name, key in (("i", "End"), ("o", "End")):
        explorer.get_by_role("slider", name=name, exact=True).focus()
        page.keyboard.press(key)
    explorer.get_by_role("slider", name="step t").focus()
    page.keyboard.press("ArrowRight")
    # The sliders show the gates of the step before they are moved.
    explorer.get_by_text("At step 2, over the digit 2").wait_for(timeout=60_000)
    for name, key in (("i", "Home"), ("f", "End")):
        explorer.get_by_role("slider", name=name, exact=True).focus()
        page.keyboard.press(key)
    explorer.get_by_text("the digit 7 is carried").wait_for(timeout=60_000)


def test_twins_are_made_with_two_clicks(opened):
    page, *_ = opened
    explorer = page.locator(".explorer", has_text="Draw from a node")
    explorer.get_by_text("Twins: none").wait_for(timeout=30_000)
    picture = explorer.locator("img.picture")
    picture.scroll_into_view_if_needed()
    for down, gone in ((0.114, "A B"), (0.493, "D F")):  # A - B above, D - F below
        box = picture.bounding_box()
        picture.click(position={"x": 0.377 * box["width"], "y": down * box["height"]})
        page.wait_for_function(
            "([e, edge]) => !e.querySelector('textarea').value.includes(edge)",
            arg=[explorer.element_handle(), gone],
            timeout=60_000,
        )
    explorer.get_by_text(re.compile("Twins: .*B and C")).wait_for(timeout=60_000)  # two triangles


def test_a_saved_notebook_keeps_its_pictures(opened, tmp_path):
    page, url, api = opened
    assert page.locator(".explorer-twin:visible").count() == 0  # the living explorer hides it
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.get_by_text("Save Notebook", exact=True).click()
    page.wait_for_timeout(2000)
    saved = api("contents/explorers.ipynb")["content"]
    for session in api("sessions"):
        api(f"sessions/{session['id']}", "DELETE")

    # Opened again without the kernel that kept it alive.
    page.goto(url)
    page.locator(".explorer-twin img").first.wait_for(timeout=90_000)
    assert page.get_by_text("model not found").locator("visible=true").count() == 0

    # As a page of nbconvert.
    file = tmp_path / "saved.ipynb"
    nbformat.write(nbformat.from_dict(saved), file)
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=paths.ROOT)
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "saved.html").read_text()
    assert len(re.findall(r'<img[^>]+class="picture"', html)) >= 6
    assert "VBox(" not in html
