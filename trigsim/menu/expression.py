"""Boolean expressions over conditions: `a and (b or not c)`, as in YAML menus and in L1Menu XML.

`not` binds strongest, then `and`, `xor`, `or`. The result is a postfix program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trigsim.base.errors import InputError

AND, OR, NOT, XOR = "and", "or", "not", "xor"
MAX_DEPTH = 64

#: A word may carry braces and brackets, as conditions in L1Menu XML do.
_TOKEN = re.compile(r"\s*(?:(?P<punctuation>[()])|(?P<word>[^\s(){}\[\]]+(?:\{[^{}]*\})?(?:\[[^\[\]]*\])?))")
_LEVELS = (OR, XOR, AND)


@dataclass(frozen=True, slots=True)
class Operand:
    """A condition in a program: its text and where it starts (characters from 0)."""

    text: str
    position: int


Program = tuple[Operand | str, ...]


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, int]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise InputError(
                    f"cannot read '{text[position:][:20]}' at character {position + 1}; check the brackets"
                )
            kind = match.lastgroup or "word"
            self.tokens.append((match.group(kind), match.start(kind)))
            position = match.end()
        self.place = 0
        self.program: list[Operand | str] = []

    def word(self) -> str:
        """Return the coming token; operators in lower case."""
        if self.place == len(self.tokens):
            return ""
        token = self.tokens[self.place][0]
        return token.lower() if token.lower() in (AND, OR, NOT, XOR) else token

    def binary(self, level: int, depth: int) -> None:
        if level == len(_LEVELS):
            self.unary(depth)
            return
        self.binary(level + 1, depth)
        while self.word() == _LEVELS[level]:
            self.place += 1
            self.binary(level + 1, depth)
            self.program.append(_LEVELS[level])

    def unary(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise InputError(f"expression nested deeper than {MAX_DEPTH}; name parts of it")
        word = self.word()
        if word == NOT:
            self.place += 1
            self.unary(depth + 1)
            self.program.append(NOT)
        elif word == "(":
            self.place += 1
            self.binary(0, depth + 1)
            if self.word() != ")":
                raise InputError("expression lacks a ')'; close the parenthesis")
            self.place += 1
        elif word in ("", ")", AND, OR, XOR):
            raise InputError(
                f"expression lacks a condition before {word!r}"
                if word
                else "expression ends too early; add a condition"
            )
        else:
            self.program.append(Operand(*self.tokens[self.place]))
            self.place += 1


def parse(text: str) -> Program:
    """Return the postfix program of an expression.

    Raises
    ------
    InputError
        If it is empty, unbalanced, or nested deeper than `MAX_DEPTH`.
    """
    parser = _Parser(text)
    parser.binary(0, 0)
    if parser.place < len(parser.tokens):
        token, position = parser.tokens[parser.place]
        raise InputError(
            f"'{token}' at character {position + 1} does not belong here; join conditions with and, or, xor"
        )
    return tuple(parser.program)


def render(text: str, names: Mapping[str, str]) -> str:
    """Return the expression with its conditions renamed and its operators in lower case."""
    parser = _Parser(text)
    words = []
    for token, _ in parser.tokens:
        low = token.lower()
        words.append(low if low in (AND, OR, NOT, XOR) else names.get(token, token))
    return " ".join(words).replace("( ", "(").replace(" )", ")")
