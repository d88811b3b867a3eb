"""The trained palindrome models that the notebooks open up, and how to train them again."""

from dataclasses import asdict
from pathlib import Path

from helpers import paths, runtime, staleness
from helpers.checkpoints import load_checkpoint, save_checkpoint
from helpers.checks import choice
from helpers.palindromes.experiment import EXPERIMENT_VERSION, PalindromeRun, build, train_network
from helpers.palindromes.growing import GrowingRun, grow_network
from helpers.palindromes.parts import growing, growing_every_length
from helpers.palindromes.settings import INIT_000, INIT_001, lstm_setting
from helpers.recurrent.classifier import SequenceClassifier

#: Name -> the run that trained it. T = 99 is the assignment's palindrome of 100 digits.
TRAINED = {
    "palindrome_rnn_000_T99": PalindromeRun("rnn", 99, seed=0, steps=2000, **INIT_000),
    "palindrome_rnn_001_T99": PalindromeRun("rnn", 99, seed=0, steps=2000, **INIT_001),
    "palindrome_lstm_T99": PalindromeRun("lstm", 99, 0, 2000, **lstm_setting(99)),
    "palindrome_lstm_T19": PalindromeRun("lstm", 19, 0, 1000, **lstm_setting(19)),
}
#: RNNs that begin orthogonal and read growing lengths, as in the study, trained once more.
GROWN_RNNS = {
    f"palindrome_rnn_grown_{run.seed}": run
    for run in growing(["RNN, orthogonal"])["RNN, orthogonal"]
}
#: One whose lengths doubled, and were therefore multiples of five.
DOUBLED_RNNS = {
    f"palindrome_rnn_doubled_{run.seed}": run
    for runs in growing_every_length(seeds=(8,)).values()
    for run in runs
}


def _known() -> dict[str, PalindromeRun]:
    return TRAINED | GROWN_RNNS | DOUBLED_RNNS


def load_network(name: str, folder: Path = paths.CHECKPOINTS) -> SequenceClassifier:
    """A model of :data:`TRAINED`, :data:`GROWN_RNNS` or :data:`DOUBLED_RNNS`, as published."""
    tensors, header = load_checkpoint(folder / name)
    staleness.say(staleness.of_model(folder / name, header))
    kind = GrowingRun if "growth" in header["run"] else PalindromeRun
    model = build(kind(**header["run"]))
    model.load_state_dict(tensors)
    return model.eval()


def recipe(name: str) -> dict:
    """What the header of a published model says if it was trained as it would be now."""
    run = _known().get(name)
    return {} if run is None else {"run": asdict(run), "experiment_version": EXPERIMENT_VERSION}


def record(name: str, folder: Path = paths.CHECKPOINTS) -> dict:
    """The record of the run that trained a published model."""
    return load_checkpoint(folder / name)[1]["record"]


def train_and_save(name: str, folder: Path = paths.CHECKPOINTS) -> dict:
    """Train one of those that :func:`load_network` loads, and save it; returns its record."""
    run = _known()[choice("name", name, tuple(_known()))]
    train = grow_network if isinstance(run, GrowingRun) else train_network
    with runtime.progress(total=run.steps, desc=name, unit="steps") as bar:
        model, record, _ = train(run, on_step=lambda *_: bar.update())
    save_checkpoint(folder / name, model.state_dict(), recipe(name) | {"record": record})
    return record
