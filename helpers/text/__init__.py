"""Text: the book, the character model, sampling from it.

books, vocabulary -> charlm, sampling -> training, baselines -> plots -> widgets
"""

from helpers.text.books import Book, load_book
from helpers.text.charlm import CharLM
from helpers.text.vocabulary import Vocabulary

__all__ = ["Book", "CharLM", "Vocabulary", "load_book"]
