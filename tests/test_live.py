"""One drawing function for a person, for nobody and for a page."""

import asyncio
import gc
import html
import json
import re
import threading
import time

import ipywidgets as widgets
import matplotlib.pyplot as plt
import psutil
import pytest
from IPython.display import display
from ipywidgets.widgets.widget import _instances

from helpers import captured, figures, frames, live, notebook
from helpers.explorer import Explorer


@pytest.fixture
def person(monkeypatch):
    monkeypatch.setattr(live, "interactive", lambda: True)
    monkeypatch.setattr(live, "site_folder", lambda: None)


def draw(k: int, name: str = "x") -> None:
    if k < 0:
        raise ValueError("k must be at least 0, not <less>")
    print(f"k is {k}")
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, k])
    figures.show(fig, alt=f"a line to {k} & more", caption="Up to $k$.")
    print(f"<{name}>")


def test_what_is_shown_is_caught_in_order_and_nothing_else_shows(capsys):
    with captured.captured() as parts:
        draw(3)
    kinds = [sorted(part.data) for part in parts]
    assert kinds == [
        ["text/plain"], ["image/png", "text/plain"], ["text/markdown", "text/plain"], ["text/plain"]
    ]  # fmt: skip
    page = captured.as_html(parts)
    assert page.index("k is 3") < page.index("<img") < page.index("Up to $k$") < page.index("&lt;x")
    assert 'alt="a line to 3 &amp; more"' in page
    assert 'width="200" height="100"' in page
    print("after")
    assert capsys.readouterr().out == "after\n"


def test_catching_ends_where_the_drawing_fails(capsys):
    with pytest.raises(ValueError, match="at least 0"), captured.captured():
        draw(-1)
    print("heard")
    assert capsys.readouterr().out == "heard\n"


def test_threads_catch_what_they_show_themselves(capsys):
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        with captured.captured() as parts:
            print("from the other")
            inside.set()
            done.wait(10)
        caught.extend(parts)

    caught: list = []
    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    print("heard")  # while the other catches
    with captured.captured() as parts:
        print("mine")
        done.set()
        thread.join()  # the one that began first ends first
        print("mine, too")
    print("heard, too")
    assert [part.data["text/plain"] for part in caught] == ["from the other\n"]
    assert [part.data["text/plain"] for part in parts] == ["mine\nmine, too\n"]
    assert capsys.readouterr().out == "heard\nheard, too\n"


def test_moves_heard_elsewhere_are_drawn_where_the_cells_run():
    """As in JupyterLab, whose widgets' messages have a thread of their own."""
    drawn, threads = [], set()

    def slow(k: int) -> None:
        threads.add(threading.current_thread())
        time.sleep(0.05)
        drawn.append(k)
        print(k)

    async def kernel() -> Explorer:
        explorer = Explorer(slow, {"k": widgets.IntSlider(0, 0, 100)})

        def move() -> None:
            for k in range(1, 31):
                explorer.controls["k"].value = k
                time.sleep(0.005)

        await asyncio.to_thread(move)
        await asyncio.sleep(0.3)
        return explorer

    explorer = asyncio.run(kernel())
    assert threads == {threading.main_thread()}
    assert drawn[-1] == 30  # the last one is never lost
    assert len(drawn) < 15  # and those that came meanwhile are not drawn one after another
    assert ">30" in explorer.picture.value


def test_tables_keep_their_html_and_clearing_forgets():
    with captured.captured() as parts:
        print("gone")
        display({"text/html": "<b>kept</b>", "text/plain": "kept"}, raw=True)
    assert captured.as_html(parts[1:]) == "<b>kept</b>"
    with pytest.raises(ValueError, match="not a PNG"):
        captured.size(b"GIF89a")


def test_the_picture_follows_and_an_error_dims_the_last_one():
    explorer = Explorer(draw, {"k": widgets.IntSlider(2, -1, 5)}, guide="Move k.")
    assert "k is 2" in explorer.picture.value
    explorer.controls["k"].value = 4
    assert "k is 4" in explorer.picture.value
    explorer.controls["k"].value = -1
    assert "<less>" not in explorer.problem.value
    assert "not <less>" in html.unescape(explorer.problem.value)
    assert "k is 4" in explorer.picture.value  # the last figure stays
    assert explorer.picture.layout.opacity == "0.4"
    explorer.controls["k"].value = 1
    assert explorer.problem.value == ""
    assert explorer.picture.layout.opacity == "1"
    assert not plt.get_fignums()


def test_controls_that_move_each_other_are_drawn_once():
    seen = []
    first, second = widgets.IntSlider(1), widgets.IntSlider(1)
    first.observe(lambda change: setattr(second, "value", change["new"]), "value")
    explorer = Explorer(lambda a, b: print(seen.append((a, b))), {"a": first, "b": second})
    first.value = 5
    assert seen == [(1, 1), (5, 5)]
    with explorer.together():
        first.value = 7
        second.value = 8
    assert seen == [(1, 1), (5, 5), (7, 8)]
    explorer.changed()  # what is drawn depends on more than the controls
    assert seen[-2:] == [(7, 8), (7, 8)]


def test_moves_leave_nothing_behind():
    explorer = Explorer(draw, {"k": widgets.IntSlider(0, 0, 9)})
    process, held, objects = psutil.Process(), [], []
    for moves in (30, 100):
        for k in range(1, moves + 1):
            explorer.controls["k"].value = k % 10
        held.append(process.memory_info().rss / 2**20)
        gc.collect()  # figures are rings of references, which wait for it
        objects.append(len(gc.get_objects()))
    assert objects[1] - objects[0] < 1000  # one figure has some thousand
    assert held[1] - held[0] < 40  # megabytes
    assert not plt.get_fignums()


def parts_of(text: str):
    for word in text.split():
        print(word, end=" ")
        yield


def test_a_drawing_in_parts_comes_as_it_is_made():
    text, seen = widgets.Text("one two three"), []
    explorer = Explorer(parts_of, {"text": text})
    assert "one two three" in explorer.picture.value
    explorer.picture.observe(lambda change: seen.append(change["new"]), "value")
    text.value = "a b c"
    assert [re.sub("<.*?>", "", page) for page in seen] == ["a ", "a b ", "a b c "]
    text.value = ""  # nothing to show: the picture stays
    assert "a b c" in explorer.picture.value


def test_a_move_ends_the_parts_of_the_one_before():
    text, seen = widgets.Text("one"), []

    async def kernel() -> None:
        explorer = Explorer(parts_of, {"text": text})
        explorer.picture.observe(lambda change: seen.append(change["new"]), "value")
        text.value = "a b c d e"
        await asyncio.sleep(0)
        text.value = "f g"
        await asyncio.sleep(0.1)

    asyncio.run(kernel())
    shown = [re.sub("<.*?>", "", page) for page in seen]
    assert shown[0] == "a "
    assert "a b c d e " not in shown
    assert shown[-2:] == ["f ", "f g "]


def test_a_drawing_in_parts_is_whole_elsewhere(tmp_path):
    explorer = Explorer(parts_of, {"text": widgets.Text("a")})
    explorer.controls["text"].value = "b c"
    assert "b c" in explorer.picture.value
    with captured.captured() as shown:
        live.twin(parts_of, [{}], {"text": widgets.Text("d e")})
        frames.record(tmp_path, parts_of, {"text": widgets.Dropdown(options=["f g", "h"])})
    assert "d e" in shown[0].data["text/plain"]
    assert "f g" in shown[1].data["text/html"]


def boxed(widget) -> list:
    """All widgets in a box."""
    inside = [boxed(child) for child in getattr(widget, "children", ())]
    return [widget, *(w for part in inside for w in part)]


def test_no_output_widget_exists(person):
    explorer = Explorer(draw, {"k": widgets.IntSlider(2), "name": widgets.Text("y")})
    found = boxed(explorer.widget())
    assert not any(isinstance(w, widgets.Output) for w in found)
    labels = [w.style.description_width for w in found if getattr(w, "description", "")]
    assert len(set(labels)) <= 1  # labels of one width, so that the sliders begin in one line


def test_a_saved_notebook_keeps_its_twin(person):
    with captured.captured() as parts:
        live.live(draw, static=[{"k": 1}, {"k": 2}], k=widgets.IntSlider(3))
    alive, twin = parts
    assert alive.data[live._WIDGET]["model_id"]
    assert alive.data["text/html"] == ""  # a reader without widgets shows nothing of it
    assert twin.data["text/html"].count("<img") == 2
    # What hides the twin stands inside the living widget and names this twin alone.
    (mark,) = re.findall(r"explorer-twin (explorer-twin-\w+)", twin.data["text/html"])
    styles = [w.value for w in _instances.values() if isinstance(w, widgets.HTML)]
    assert f"<style>.{mark} {{display: none}}</style>" in styles


def test_nobody_gets_the_drawing_itself(monkeypatch):
    monkeypatch.setattr(live, "interactive", lambda: False)
    monkeypatch.setattr(live, "site_folder", lambda: None)
    calls = []
    live.live(lambda **k: calls.append(k), static=[{"a": 1}, {}], a=widgets.IntSlider(7))
    assert calls == [{"a": 1}, {"a": 7}]
    with pytest.raises(ValueError, match="at least 0"):
        live.live(draw, k=widgets.IntSlider(-1, -1))


# Frames of the site ------------------------------------------------------------------------------


def player(tmp_path, **options) -> dict:
    with captured.captured() as parts:
        frames.record(tmp_path, draw, **options)
    page = parts[0].data["text/html"]
    told = re.search(r'<script type="application/json">(.*)</script>', page, re.DOTALL)
    assert page.index("player-frame") < page.index("<script")
    return {"page": page, **json.loads(told[1].replace("<\\/", "</"))}


def test_a_page_gets_every_frame(tmp_path):
    controls = {"k": widgets.IntSlider(2, 0, 3), "name": widgets.Dropdown(options=["a", "</b>"])}
    made = player(tmp_path, controls=controls, guide="Move <i>k</i>.")
    first, second = made["axes"]
    assert first["values"] == ["0", "1", "2", "3"]
    assert first["at"] == 2
    assert second["list"]
    assert len(made["frames"]) == 8
    for i, frame in enumerate(made["frames"]):  # the last control's positions run fastest
        assert f"k is {i // 2}" in frame
        assert ("&lt;a&gt;", "&lt;&lt;/b&gt;&gt;")[i % 2] in frame
    shown = re.search('player-frame">(.*?)</div><script', made["page"], re.DOTALL)[1]
    assert shown == made["frames"][4]
    files = {re.search(r"_static/(frames/\w+\.webp)", frame)[1] for frame in made["frames"]}
    assert all((tmp_path / name).read_bytes()[8:12] == b"WEBP" for name in files)
    assert len(files) == 4  # frames with the same picture share its file


def test_frames_may_be_named(tmp_path):
    made = player(tmp_path, controls={"k": widgets.IntSlider(2)}, frames={"k": [5, 6]})
    assert made["axes"][0]["values"] == ["5", "6"]
    assert made["axes"][0]["at"] == 0
    with pytest.raises(ValueError, match="at most two"):
        player(tmp_path, controls={"k": widgets.IntSlider(2)}, frames={"unknown": [1]})


@pytest.mark.parametrize(
    ("control", "values"),
    [
        (widgets.IntSlider(3, 0, 4), [0, 1, 2, 3, 4]),
        (widgets.FloatSlider(0.5, min=0, max=3), [0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]),
        (widgets.Dropdown(options=[("one", 1), ("two", 2)]), [1, 2]),
        (widgets.Text("free"), []),
        (widgets.IntSlider(7, 0, 10_000), [0, 7, 1667, 3333, 5000, 6667, 8333, 10_000]),
    ],
)
def test_positions_of_a_control(control, values):
    found = frames.values_of(control)
    assert control.value in found or not found
    if len(values) <= frames.POSITIONS:
        assert found == values
    assert len(found) <= frames.POSITIONS


def test_logarithmic_positions_keep_their_ratio():
    found = frames.values_of(widgets.FloatLogSlider(1.0, base=10, min=-3, max=3))
    assert found == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100, 1000])


def test_questions_fold_in_frames_too():
    with captured.captured() as parts:
        notebook.think("Why?", "So.")
    assert "<details>" in captured.as_html(parts)
