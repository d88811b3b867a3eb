"""Dialogues, measures, cells that follow a text, saved_models, explorers."""

import re
import textwrap
import time
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from jupyter_client.manager import start_new_kernel

from helpers import paths
from helpers.checkpoints import load_checkpoint, save_checkpoint
from helpers.recurrent import LSTM
from helpers.text import (
    CharLM,
    Vocabulary,
    book_comparisons,
    book_model,
    books,
    calibration,
    cuts,
    dialogue,
    evaluation,
    load_book,
    measures,
    passages,
    pasted,
    plots,
    saved_models,
    stream_widgets,
    unit_search,
    widgets,
)
from helpers.text import bench as text_bench
from helpers.text.corpus import split_text
from helpers.text.training import History, Plan, fit

SCRIPT = (
    'Season,Character,Line\n1,Ann,"Good day, Bo.\n"\n1,Bo,Hello: you\n1,Ann,Bye\n1,,nobody\n1\n'
)
TEXT = "She said: “yes, it is so.”\nAnna went home, and Levin saw the river.\n" * 30
VOCAB = Vocabulary(TEXT)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return CharLM(len(VOCAB), 12, 2, embedding_size=5)


# Books from folders and addresses; report 000's cleaning -----------------------------------


def test_a_folder_is_one_book_in_the_order_of_names(tmp_path):
    for name, text in (("b.txt", "second"), ("a.txt", "first"), ("c.csv", "not me")):
        (tmp_path / name).write_text(text)
    assert load_book(str(tmp_path)).text == "first\n\n\nsecond\n"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"no \.txt file"):
        load_book(str(empty))


def test_cleaning_lowers_folds_and_drops_what_is_rare():
    text = "Élan, élan!\n\nÉlan; ÉLAN ~ élan"
    assert books.clean(text, rare_below=3) == "elan elan elan elan elan"
    with pytest.raises(ValueError, match="nothing is left"):
        books.clean("abc", rare_below=3)


# Dialogues ---------------------------------------------------------------------------------


def test_a_script_becomes_turns_with_names(tmp_path):
    path = tmp_path / "play.csv"
    path.write_text(SCRIPT)
    script = dialogue.load_script(path)
    assert script.book.text == "Ann: Good day, Bo.\nBo: Hello: you\nAnn: Bye\n"
    assert script.turns == {"Ann": 2, "Bo": 1}
    assert script.speakers(least=2) == ["Ann"]
    assert dialogue.load_script(path, lower=True).speakers() == ["ann", "bo"]
    vocab = Vocabulary(script.book.text)
    assert dialogue.speak_as("Bo", script, vocab, "Ann: Bye") == "Ann: Bye\nBo:"
    assert dialogue.first_turn("Bo: Hello\nAnn: By", "Bo:") == "Hello"
    with pytest.raises(ValueError, match=r"'Cy' has no turn .* Ann, Bo"):
        dialogue.speak_as("Cy", script, vocab)
    with pytest.raises(ValueError, match="the cue"):
        dialogue.speak_as("Bo", script, vocab, "Ünknown")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("who,what\nAnn,hello\n", "needs the columns 'Character' and 'Line'"),
        ("", "needs the columns"),
        ("Character,Line\n,\n", "no line with a speaker"),
        (b"\x00\x01\x02\xff" * 50, "binary"),
    ],
)
def test_bad_scripts_are_sentences(tmp_path, content, message):
    path = tmp_path / "play.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ValueError, match=message):
        dialogue.load_script(path)
    with pytest.raises(ValueError, match="there is no dialogue script"):
        dialogue.load_script(tmp_path / "other.csv")


def test_only_line_feeds_end_a_line_of_a_script(tmp_path):
    path = tmp_path / "play.csv"
    path.write_text('Character,Line\nAnn,one\u0085two\u2028three\x0cfour\nBo,"a\nb"\n', "utf-8")
    assert dialogue.load_script(path).book.text == "Ann: one two three four\nBo: a b\n"


def test_a_quotation_mark_that_is_not_closed_is_a_sentence(tmp_path):
    path = tmp_path / "play.csv"
    path.write_text('Character,Line\nAnn,hello\nBo,"well\n' + "Ann,and so on\n" * 20_000)
    with pytest.raises(ValueError, match=r"play\.csv cannot be read as a CSV from line 3 on"):
        dialogue.load_script(path)


def test_the_series_own_script_is_found_by_name():
    assert len(dialogue.load_script("the_allotment").speakers(least=3)) >= 2


# Measures ----------------------------------------------------------------------------------


def test_shares_of_words_and_ngrams():
    known = measures.known_words(["The cat's mat", "a dog"])
    assert known == {"the", "cat's", "mat", "a", "dog"}
    assert measures.share_of_known_words("x The zebra dog y", known) == pytest.approx(2 / 3)
    assert np.isnan(measures.share_of_known_words("...", known))
    assert measures.distinct("aaaa", 2) == pytest.approx(1 / 3)
    assert np.isnan(measures.distinct("a", 2))


@pytest.mark.parametrize("seed", range(5))
def test_overlap_equals_a_plain_search(seed):
    rng = np.random.default_rng(seed)
    text, source = ("".join(rng.choice(list("abc"), n)) for n in (40, 200))
    stretches = [text[k : k + 5] for k in range(36)]
    assert measures.seen_share(text, source, 5) == np.mean([s in source for s in stretches])
    copies = [text[a:b] for a in range(40) for b in range(a + 1, 41) if text[a:b] in source]
    assert measures.longest_copy(text, source) == max(map(len, copies))
    assert measures.longest_copy("xyz", source) == 0
    assert measures.seen_share("ab", source, 5) == 0


# Cells ---------------------------------------------------------------------------------------


def test_properties_of_positions():
    text = 'He "so" A\nBig'
    assert unit_search.inside_quotation(text).tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert unit_search.inside_quotation("“a\n\nb")[-1] == 0
    assert unit_search.place_in_line(text).tolist() == [*range(10), 0, 1, 2]
    assert unit_search.place_in_word(text).tolist() == [1, 2, 0, 0, 1, 2, 0, 0, 1, 0, 1, 2, 3]
    assert unit_search.after_capital(text).tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1]


def test_the_search_finds_a_planted_cell(model):
    cells = unit_search.activations(model, VOCAB, TEXT[:150])
    assert cells.shape == (150, 2, 12)
    follows = unit_search.place_in_word(TEXT[:150])
    cells[:, 1, 7] = torch.tensor(-follows / 20)
    found = unit_search.find_unit(cells, follows)
    assert (found.layer, found.unit) == (1, 7)
    assert found.correlation == pytest.approx(-1, abs=1e-5)


def test_activations_are_the_cores_own_states(model):
    text = TEXT[:20]
    _, (_, c) = model(VOCAB.encode(text)[None])
    cells = unit_search.activations(model, VOCAB, text)
    assert torch.allclose(cells[-1], torch.tanh(c[:, 0]), atol=1e-6)


@pytest.mark.parametrize("width", [1, 7, 8, 9, 40])
def test_a_coloured_passage_is_folded_between_words_and_loses_nothing(width):
    text = "a word or\ntwo, unfoldable\n\nwords "
    lines = passages.fold_characters(text, range(len(text)), width)
    assert [c for line in lines for c, _ in line] == list(text.replace("\n", ""))
    assert [text[int(k)] for line in lines for _, k in line] == list(text.replace("\n", ""))
    assert max(map(len, lines)) <= width
    shown = ["".join(c for c, _ in line) for line in lines]
    if width == 8:
        assert shown == ["a word ", "or", "two, ", "unfoldab", "le", "", "words "]
    assert width < 40 or shown == text.split("\n")


def test_bad_passages_are_sentences(model):
    cells = unit_search.activations(model, VOCAB, "Anna")
    with pytest.raises(ValueError, match="never changes"):
        unit_search.find_unit(cells, np.ones(4))
    with pytest.raises(ValueError, match="as many values"):
        unit_search.find_unit(cells, np.ones(3))
    with pytest.raises(ValueError, match="the passage"):
        unit_search.activations(model, VOCAB, "Ωmega")
    with pytest.raises(ValueError, match="the passage"):
        unit_search.activations(model, VOCAB, "")


# Checkpoints ---------------------------------------------------------------------------------


def test_a_model_comes_back_as_it_was(model, tmp_path):
    saved_models.save_model(tmp_path / "m", model, VOCAB, note="kept")
    loaded, vocab, header = saved_models.load_model(tmp_path / "m")
    ids = VOCAB.encode(TEXT[:30])[None]
    assert torch.equal(loaded(ids)[0], model.eval()(ids)[0])
    assert vocab.characters == VOCAB.characters
    assert header["note"] == "kept"
    saved_models.save_model(tmp_path / "half", model, VOCAB, half=True)
    rounded, *_ = saved_models.load_model(tmp_path / "half")
    assert torch.allclose(rounded(ids)[0], model(ids)[0], atol=1e-2)


def test_damaged_models_are_sentences(model, tmp_path):
    saved_models.save_model(tmp_path / "m", model, VOCAB)
    weights = (tmp_path / "m.safetensors").read_bytes()
    (tmp_path / "m.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ValueError, match="m"):
        saved_models.load_model(tmp_path / "m")
    (tmp_path / "m.safetensors").write_bytes(weights)
    header = (tmp_path / "m.json").read_text()
    (tmp_path / "m.json").write_text(header.replace('"hidden_size": 12', '"hidden_size": 13'))
    with pytest.raises(ValueError, match="is damaged, or they belong to different"):
        saved_models.load_model(tmp_path / "m")
    (tmp_path / "m.json").write_text(header)
    tensors, named = load_checkpoint(tmp_path / "m")
    named["model"]["hidden_size"] += 1  # whole, but its parts do not fit one another
    save_checkpoint(tmp_path / "m", tensors, named)
    with pytest.raises(ValueError, match="does not hold a character model"):
        saved_models.load_model(tmp_path / "m")
    with pytest.raises(ValueError, match="missing"):
        saved_models.load_model(tmp_path / "missing")


# The published model and what is measured with it --------------------------------------------


_PLAN = Plan(10, "windows", 20, 4, eval_every=5, average=0.9)
_FINISH = replace(_PLAN, batching="streams", steps=5, restart=0.5, average=0.0, seed=1)
_ARGUMENTS = {"hidden_size": 8, "num_layers": 2, "embedding_size": 4, "dropout": 0.2}
_ARGUMENTS |= {"norm": True, "weight_dropout": 0.3}
NARROW = book_model.Recipe(_ARGUMENTS, _PLAN, _FINISH)
WIDE = book_model.Recipe(
    {"hidden_size": 11, "dropout": 0.3},
    replace(_PLAN, steps=15, seed=2),
    replace(_FINISH, steps=10, seed=3),
    {"dropout": 0.1},
)
#: 1.E.3 stands in no licence here; the prompts' characters must occur.
TALE = (TEXT + "Stepan Arkadyevitch went 0 “She” He “T” Th I\n") * 8


def publish(folder, narrow=NARROW, wide=WIDE, tale=TALE):
    """The whole path of publication with a tiny network on a tiny book."""
    book = folder / "tale.txt"
    book.write_text(tale)
    return book_model.train_and_save(folder, folder, str(book), narrow, wide)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    publish(folder)
    return folder


def test_the_published_header_says_how_it_was_made(tiny):
    model, vocab, header = saved_models.load_model(tiny / book_model.NAME)
    assert sorted(map(int, header["stages"])) == [2, 4, 6, 8, 10]
    assert set(header["baselines"]["test"]) >= {"unigram", "zlib", "xz", "6-gram"}
    assert header["test"]["bpc"] > 0
    plans = [header[name]["steps"] for name in ("plan", "finish", "wide_plan", "wide_finish")]
    assert plans == [10, 5, 15, 10]
    assert header["model"]["norm"]
    assert header["model"]["hidden_size"] == 11
    assert header["narrow"]["hidden_size"] == 8
    assert [header[k]["dropout"] for k in ("narrow", "wide", "model")] == [0.2, 0.3, 0.1]
    assert len(header["curves"]["loss"]) == len(header["curves"]["accuracy"]) == 40
    valid = vocab.encode(split_text(TALE.strip()).valid)
    looks = {look["step"]: look["bpc"] for look in header["curves"]["valid"]}
    assert [*looks] == [5, 10, 15, 20, 25, 30, 35, 40]
    assert header["valid"]["bpc"] <= min(looks[35], looks[40]) + 0.001  # rounded to float16
    assert header["temperature"] == pytest.approx(
        header["temperature"] * calibration.best_temperature(model, valid), rel=0.01
    )
    assert header["widened"] == pytest.approx(looks[15], abs=0.2)
    assert header["widened"] != looks[15]
    before, after, published = (header["beginnings"][k] for k in ("before", "after", "published"))
    assert before.keys() == after.keys()
    found = evaluation.bits_by_first_character(model, valid, vocab)
    assert published == pytest.approx(found, abs=0.03)
    for cells in header["stages"].values():
        assert {len(text) for text in cells["first"].values()} == {30}
        assert all(text.startswith(prompt) for prompt, text in cells["top_k"].items())


@pytest.mark.parametrize(("training", "at"), [(1, 7), (2, 3), (3, 7), (4, 7)])
def test_an_interrupted_publication_goes_on_as_if_it_had_never_stopped(
    tiny, tmp_path, training, at
):
    calls = []

    def interrupted(*args, on_step, **options):
        calls.append(args)

        def step(done):
            on_step(done)
            if len(calls) == training and done.number == at:
                raise InterruptedError

        return fit(*args, on_step=step, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_model, "fit", interrupted)
        with pytest.raises(InterruptedError):
            publish(tmp_path)
    assert not (tmp_path / f"{book_model.NAME}.json").exists()
    publish(tmp_path)
    (tensors, header), (expected, told) = (
        load_checkpoint(folder / book_model.NAME) for folder in (tmp_path, tiny)
    )
    assert header == told
    assert all(torch.equal(tensors[name], value) for name, value in expected.items())


def test_what_is_widened_is_of_this_text_and_recipe(tmp_path):
    def interrupted(model, *args, **options):
        if model.core.hidden_size > 8:
            raise InterruptedError
        return fit(model, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_model, "fit", interrupted)
        with pytest.raises(InterruptedError):
            publish(tmp_path)
    wider = replace(NARROW, arguments={**_ARGUMENTS, "dropout": 0.1})
    longer = replace(NARROW, plan=replace(_PLAN, steps=20))
    for change in ({"narrow": wider}, {"narrow": longer}, {"tale": TALE.replace("river", "rover")}):
        with pytest.raises(ValueError, match="of another text or recipe; delete it"):
            publish(tmp_path, **change)
    assert publish(tmp_path)["widened"] > 0


def test_a_published_training_leaves_no_snapshot_under_the_books_name(tiny):
    left = {path.name for path in tiny.iterdir()}
    assert "tale.rounded.json" in left
    assert not {name for name in left if name.endswith(book_model.PARTS) or ".narrow" in name}


def test_measures_against_temperature(tiny):
    model, vocab, _ = saved_models.load_model(tiny / book_model.NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_comparisons, "SAMPLE_LENGTH", 60)
        patch.setattr(book_comparisons, "TEMPERATURES", (0.2, 2.0))
        rows = book_comparisons.measures_by_temperature(model, vocab, {"she"}, TEXT)
    cold, hot = rows
    assert cold["bits a character"] < hot["bits a character"]
    assert 0 <= cold["distinct 6-grams"] <= 1
    with pytest.raises(ValueError, match=r"is not there; profile=.full. makes it"):
        book_comparisons.read(tiny)


@pytest.mark.skipif(
    not (paths.CHECKPOINTS / f"{book_model.NAME}.json").exists(), reason="no published model"
)
def test_the_committed_model_keeps_its_promise():
    path = paths.CHECKPOINTS / book_model.NAME
    _, _, header = saved_models.load_model(path)
    assert path.with_suffix(".safetensors").stat().st_size < 20_000_000
    assert header["test"]["bpc"] < min(header["baselines"]["test"].values())
    assert len(header["stages"]) == 5
    for beginnings in header["beginnings"].values():  # at no stage is the model ever lost
        assert max(beginnings.values()) < 4
    study = book_comparisons.read()
    temperatures = {row["temperature"] for row in study["temperature"]}
    assert temperatures == set(book_comparisons.TEMPERATURES)
    assert study["book"]["bits a character"] == header["valid"]["bpc"]
    assert len(study["positions"]) == cuts.POSITIONS


# Explorers -----------------------------------------------------------------------------------


@pytest.fixture
def nothing_open():
    yield
    plt.close("all")


def test_static_twins_draw(model, capsys, nothing_open):
    widgets.temperature_explorer(model, VOCAB, "She ", length=30)
    printed = capsys.readouterr().out
    assert "temperature 0 (greedy)" in printed
    assert "temperature 2" in printed
    widgets.text_explorer(model, VOCAB, "She ")
    widgets.unit_explorer(model, VOCAB, TEXT[:120], unit_search.PROPERTIES)


def wait(explorer):
    explorer._thread.join(timeout=30)
    assert not explorer._thread.is_alive()


def test_the_text_explorer_generates_stops_and_says_what_is_wrong(model):
    explorer = stream_widgets.TextExplorer(model, VOCAB, "She ")
    explorer.widget()
    bars = explorer.bars.value
    explorer.temperature.value = 0.1
    assert explorer.bars.value != bars
    explorer.length.value = 20
    explorer.generate.click()
    wait(explorer)
    assert explorer.text.value.count('<span style="background') == len("She ") + 20
    assert not explorer.generate.disabled
    assert explorer.stop.disabled

    explorer.length.value = 3000
    explorer.generate.click()
    time.sleep(0.05)
    explorer.stop.click()
    wait(explorer)
    assert explorer.text.value.count('<span style="background') < len("She ") + 3000

    explorer.prompt.value = "Ω"
    assert "at least one character" in explorer.note.value
    assert explorer.bars.value == ""
    assert explorer.generate.disabled
    explorer.prompt.value = "S" * 10_000
    assert "10000 characters" in explorer.note.value
    explorer.prompt.value = "“Shé"
    assert "replaced" in explorer.note.value
    assert re.sub("<.*?>", "", explorer.text.value).endswith("She")
    explorer.prompt.value = "She"
    assert explorer.note.value == ""
    assert "next character" in explorer.bars.value


def test_pasted_text_is_folded_to_the_alphabet():
    vocab = Vocabulary("abceo'\"-.\n S")
    folded, replaced = pasted.folded_to(vocab, "“A\u00a0bé”…\r\ncœS—Ω")
    assert folded == '"a be"...\ncoeS--'
    assert replaced["Ω"] == ""
    said = pasted.told(replaced)
    assert "é by e" in said
    assert "left out 'Ω'" in said
    assert pasted.told({}) == ""
    assert pasted.folded_to(vocab, "abc") == ("abc", {})
    with pytest.raises(ValueError, match="at least one character"):
        pasted.folded_to(vocab, "")


@pytest.mark.slow
def test_an_interrupt_stops_a_stream_and_leaves_the_kernel_alive():
    stream = """
        import asyncio, threading
        from helpers.text import stream_widgets
        stop = threading.Event()
        stream_widgets._streams.add(stop)
        asyncio.get_running_loop().call_soon_threadsafe(stream_widgets._stop_at_interrupt)
    """
    said = []
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(paths.ROOT))
    try:
        client.execute_interactive(textwrap.dedent(stream), timeout=120)
        client.execute_interactive("pass", timeout=60)  # by then the loop has gone round
        time.sleep(0.5)
        manager.interrupt_kernel()
        time.sleep(0.5)
        hear = {"output_hook": lambda message: said.append(message["content"].get("text"))}
        client.execute_interactive("print(stop.is_set())", timeout=60, **hear)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "True\n" in said


def test_the_same_seed_writes_the_same(model):
    explorer = stream_widgets.TextExplorer(model, VOCAB, "She ", seed=3)
    explorer.length.value = 15
    texts = []
    for _ in range(2):
        explorer.generate.click()
        wait(explorer)
        texts.append(explorer.text.value)
    assert texts[0] == texts[1]


# Bench ---------------------------------------------------------------------------------------


def test_the_bench_rows_run():
    rows = list(text_bench.rows(8, 1, 2, 1, 5, 1))
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.ours > 0 for row in rows if "KL divergence" not in row.name)
    (kl,) = (row.ours for row in rows if "KL divergence" in row.name)
    assert 0 <= kl < 1e-2


def test_measured_curves_have_the_colour_of_the_lstm():
    history = History([2.0, 1.0], [0.1, 0.2], [{"step": 2, "bpc": 1.5, "loss": 1.0}])
    table = pd.DataFrame({"temperature": [0.5, 1.0], "known words": [0.9, 0.7]})
    header = {
        "curves": {
            "every": 1,
            "loss": history.loss,
            "accuracy": history.accuracy,
            "valid": [history.valid[0] | {"accuracy": 0.2}],
        },
        "baselines": {"valid": {"unigram": 4.0}},
    }
    for fig, value in (
        (plots.bpc_curve(history, {"unigram": 4.0}), 1.5),
        (plots.book_model_curves(header), 1.0),
        (plots.against_temperature(table, {}), 0.9),
    ):
        drawn = [line for line in fig.axes[0].lines if line.get_color() == LSTM.color]
        assert [line.get_ydata()[0] for line in drawn] == [value]
        plt.close(fig)
