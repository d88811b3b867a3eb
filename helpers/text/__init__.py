"""Text: the book, the character model, sampling from it.

Imports recurrent.

books, corpus, vocabulary, measures
-> charlm, baselines, dialogue, lexicon -> levered, widening, int8, decoder
-> evaluation, sampling, coding
-> calibration, training, truncation, unit_search, saved_models, model_card, stages, continuations
-> book_model, train_book -> cuts -> book_comparisons, own_books, levers, traps
-> dynamic
-> passages, pasted, drawings, plots -> stream_widgets -> widgets
"""

from helpers.text.books import Book, load_book
from helpers.text.charlm import CharLM
from helpers.text.vocabulary import Vocabulary

__all__ = ["Book", "CharLM", "Vocabulary", "load_book"]
