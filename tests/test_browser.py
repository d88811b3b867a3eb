"""JupyterLab in a real browser: run a notebook, move a slider, see the text change."""

import ast
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from playwright.sync_api import expect, sync_playwright

from helpers import paths

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
#: The explorers of notebook 05 that are played with.
SHOWN = ("temperature_explorer", "text_explorer")


def keep_what_is_needed(path, calls: tuple[str, ...]) -> None:
    """Leave in a notebook the cells that call some functions, and those that they build on."""
    notebook = nbformat.read(path, as_version=4)
    kept, wanted = [], set()
    for cell in reversed([c for c in notebook.cells if c.cell_type == "code"]):
        tree = ast.parse(cell.source)
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        for node in ast.walk(tree):
            if isinstance(node, ast.alias):
                made.add(node.asname or node.name.partition(".")[0])
        used = {node.id for node in names} - made
        if made & wanted or used & {*calls} or cell.source.startswith("start("):
            kept.insert(0, cell)
            wanted = (wanted - made) | used
    notebook.cells = kept
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on loopback over a copy of the notebooks, every Jupyter folder a temporary one."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(paths.NOTEBOOKS, home / "notebooks")
    keep_what_is_needed(home / "notebooks" / "05_book_text.ipynb", SHOWN)
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = {**os.environ, **{name: str(home / f) for name, f in folders.items()}}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={home / 'notebooks'}", "--LabApp.news_url="]
    command += ["--LabApp.extension_manager=readonly", "--allow-root"]
    log = (home / "log").open("w")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}", timeout=2)
                break
            except OSError:
                assert server.poll() is None, (home / "log").read_text()[-2000:]
                time.sleep(0.2)
        yield lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}.ipynb?token={token}&reset"
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def run_all(page, url: str) -> None:
    """Open a notebook, run all cells, wait until the kernel is idle again."""
    page.goto(url)
    idle = page.get_by_text("Python 3 (ipykernel) | Idle")
    idle.wait_for(timeout=90_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.get_by_text("Python 3 (ipykernel) | Busy").wait_for(timeout=30_000)
    idle.wait_for(timeout=240_000)


def test_the_sliders_and_buttons_of_the_book(lab, browser):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    run_all(page, lab("05_book_text"))

    # The first explorer writes again whenever its temperature changes.
    slider = page.locator(".widget-slider", has_text="temperature").first
    output = page.locator(".explorer", has=slider).first
    # The kernel is idle for moments between two cells: what counts is that the explorer is there.
    slider.wait_for(state="attached", timeout=240_000)
    slider.scroll_into_view_if_needed()
    output.get_by_text("temperature 0.8").wait_for(timeout=60_000)
    before = output.inner_text()
    slider.locator(".noUi-handle").focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    output.get_by_text("temperature 1.2").wait_for(timeout=60_000)
    after = output.inner_text()
    assert before.splitlines()[1:] != after.splitlines()[1:]

    # The second one: its bars follow the slider, Generate streams, Stop ends the stream.
    box = page.locator(".widget-vbox", has=page.get_by_role("button", name="Generate")).last
    box.wait_for(state="attached", timeout=240_000)
    box.scroll_into_view_if_needed()
    bars = box.locator(".widget-html", has_text=re.compile("next character|drawn from"))
    shown = bars.inner_text()
    box.locator(".widget-slider", has_text="temperature").locator(".noUi-handle").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(bars).not_to_have_text(shown, timeout=30_000)
    text = box.locator(".widget-html", has_text="bits or more")
    start = len(text.inner_text())
    length = box.locator(".widget-slider", has_text="length")
    length.locator(".noUi-handle").focus()
    page.keyboard.press("End")
    box.get_by_role("button", name="Generate").click()
    expect(text).to_have_text(re.compile(rf"(.|\s){{{start + 40},}}"), timeout=60_000)
    box.get_by_role("button", name="Stop").click()
    expect(box.get_by_role("button", name="Generate")).to_be_enabled(timeout=30_000)
    assert start + 40 <= len(text.inner_text()) < start + 2900
    page.close()


def test_the_browser_says_that_its_sliders_are_alive(lab, browser):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    run_all(page, lab("00_start_here"))
    line = page.locator(".widget-html", has_text="Sliders:")
    line.wait_for(state="attached", timeout=120_000)
    expect(line).to_have_text("Sliders: ready, the browser answers.", timeout=60_000)

    # Somebody looks: the check of the machine says what it found.
    expect(page.locator("th", has_text="found here")).to_have_count(1, timeout=30_000)
    page.close()
