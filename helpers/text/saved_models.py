"""Saved character models: weights, arguments, vocabulary, and how the model was trained."""

from pathlib import Path

from helpers import staleness
from helpers.checkpoints import load_checkpoint, save_checkpoint
from helpers.text.charlm import CharLM
from helpers.text.levered import LeveredLM
from helpers.text.vocabulary import Vocabulary


def save_model(
    path: Path, model: CharLM, vocab: Vocabulary, *, half: bool = False, **header
) -> None:
    """Write ``path``.safetensors and ``path``.json.

    Args:
        half: store weights as float16, half the size.
        header: whatever else should stand in the JSON (plan, curves, samples).
    """
    tensors = model.state_dict()
    if half:
        tensors = {name: t.half() for name, t in tensors.items()}
    save_checkpoint(
        path, tensors, {"model": model.arguments, "vocabulary": vocab.characters, **header}
    )


def load_model(path: Path) -> tuple[CharLM, Vocabulary, dict]:
    """Model (float32, in evaluation mode), vocabulary and header of :func:`save_model`.

    Raises:
        ValueError: a file is missing or damaged, or the parts do not fit one another.
    """
    tensors, header = load_checkpoint(path)
    try:
        vocab = Vocabulary(header["vocabulary"])
        kind = LeveredLM if "norm" in header["model"] else CharLM
        model = kind(**header["model"])
        model.load_state_dict({name: t.float() for name, t in tensors.items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path.name} does not hold a character model: {error}") from error
    if len(vocab) != model.vocab_size:
        raise ValueError(
            f"{path.name}: {model.vocab_size} scores, {len(vocab)} characters in the vocabulary"
        )
    staleness.say(staleness.of_model(path, header))
    return model.eval(), vocab, header
