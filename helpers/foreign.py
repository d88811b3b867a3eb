"""Texts from elsewhere, shown as the texts that they are.

A book's title, a prompt, generated text, a node's name, a message: any of them may hold what a page
takes for HTML, Markdown or TeX, a figure for TeX, or a terminal for a command. Where such a text
meets one of them, it goes through this module:

- :func:`on_page` in HTML and in Markdown, :func:`in_figure` in a figure, :func:`visible` in print;
- :func:`without_tags` for Markdown of our own, in which Markdown and formulas are meant, HTML not.
"""

import html
import re

#: What means something in HTML or in Markdown; as a numbered entity it means itself in both.
_MEANING = re.compile(r"[&<>\"'`*_\[\]{}|~^#!@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
#: TeX is looked for in one element's text at a time: in an element of its own it begins nothing.
_OF_TEX = re.compile(r"[$\\]")
#: What moves a cursor, colours, rings, or turns the direction of what follows.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: What :func:`on_page` makes of a mark of TeX; in Markdown of our own it stays.
_ISOLATED = r"<span>&#(?:36|92);</span>"
_TAG = re.compile(rf"{_ISOLATED}|<(?=[A-Za-z/!?])")
#: Code and formulas of Markdown, and tags.
_SPANS = re.compile(rf"(`+)(?!`).+?(?<!`)\1(?!`)|\$\$.+?\$\$|\$[^$]+\$|{_TAG.pattern}", re.DOTALL)


def visible(text: object) -> str:
    """A text with its control characters as pictures of them; line breaks and tabs stay."""

    def picture(match: re.Match) -> str:
        code = ord(match[0])
        return "␡" if code == 0x7F else chr(0x2400 + code) if code < 0x20 else "\ufffd"

    return _CONTROL.sub(picture, str(text))


def on_page(text: object, *, markdown: bool = True) -> str:
    """A text as HTML that shows it as it is, whatever it holds; as Markdown it does the same.

    For content, not for attributes, where ``html.escape`` is enough.

    Args:
        markdown: whether it stands in Markdown; HTML alone needs less.
    """
    shown = visible(text)
    shown = _MEANING.sub(_entity, shown) if markdown else html.escape(shown)
    shown = _OF_TEX.sub(lambda mark: f"<span>{_entity(mark)}</span>", shown)
    # An empty line would end a paragraph of Markdown, and with it what it stands in.
    return shown.replace("\n", "&#10;") if markdown else shown


def _entity(match: re.Match) -> str:
    return f"&#{ord(match[0])};"


def in_figure(text: object) -> str:
    """A text for a figure, where two dollars would begin and end a formula.

    Its fonts have no pictures of control characters.
    """
    return _CONTROL.sub("\ufffd", str(text)).replace("$", r"\$")


def without_tags(markdown: str) -> str:
    """Markdown with formulas, in which no HTML tag is one.

    What is read as code or as a formula differs a little from reader to reader. So a tag is broken
    there as well, by a space, which in a formula means nothing.
    """

    def broken(match: re.Match) -> str:
        if match[0] == "<":
            return "&lt;"
        return _TAG.sub(lambda tag: tag[0] if len(tag[0]) > 1 else "< ", match[0])

    return _SPANS.sub(broken, markdown)
