"""The elements of an L1Menu XML: texts, numbers, and the cuts and requirements of an algorithm."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from trigsim.base.errors import InputError
from trigsim.menu.texts import read_text

#: Four times the largest menu known, unpacked.
MAX_XML = 32 * 2**20
#: Tags: five times those of the largest menu known, which has a handful of attributes.
MAX_TAGS, MAX_ATTRIBUTES = 2_000_000, 100_000
#: Cuts that need their data only.
LISTS = frozenset({"QLTY", "ISO", "IP", "DISP", "CHG", "CHGCOR", "MODEL"})


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut; ranges use minimum and maximum, lists use data."""

    kind: str
    minimum: float
    maximum: float
    data: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """A required object."""

    object: str
    threshold: float
    compare: str
    bx: int


@dataclass
class Entries:
    """The cuts and requirements of one algorithm, by name."""

    cuts: dict[str, Cut] = field(default_factory=dict)
    requirements: dict[str, Requirement] = field(default_factory=dict)
    externals: dict[str, int] = field(default_factory=dict)


def parse_xml(path: Path, top: str = "menu") -> Element:
    """Read an XML file whose top element is `top`; InputError says where it is not one."""
    text = read_text(path, MAX_XML)
    if text.count("<") > MAX_TAGS or text.count("=") > MAX_ATTRIBUTES:
        raise InputError(f"more than {MAX_TAGS} tags or {MAX_ATTRIBUTES} attributes; this is no such file", path)
    try:
        root = defusedxml.ElementTree.fromstring(text.encode(), forbid_dtd=True)
    except ParseError as failure:
        line, column = failure.position
        raise InputError(f"not XML: {failure.msg}; check it", path, line, column + 1) from None
    except DefusedXmlException:
        raise InputError("document types and entities are not read; remove them", path) from None
    except (ValueError, RecursionError) as failure:
        raise InputError(f"not XML: {failure}; check it", path) from None
    for element in root.iter():
        # CMS qualifies the top element only; what puts all in a namespace says the same.
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != top:
        raise InputError(f"the top element is '{root.tag[:60]}'; this file needs '{top}'", path)
    return root


def text_of(element: Element, tag: str, path: Path) -> str:
    """Return the text of an element's child, which must be there."""
    text = (element.findtext(tag) or "").strip()
    if not text:
        raise InputError(f"an element '{element.tag[-40:]}' lacks '{tag}'; add it", path)
    return text


def number_of(element: Element, tag: str, path: Path) -> float:
    """Return the number in an element's child."""
    text = text_of(element, tag, path)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"'{tag}' of '{element.tag[-40:]}' is '{text[:40]}'; give a number", path)
    return number


def whole_of(element: Element, tag: str, path: Path) -> int:
    """Return the whole number in an element's child."""
    number = number_of(element, tag, path)
    if not number.is_integer():
        raise InputError(f"'{tag}' of '{element.tag[-40:]}' is {number:g}; give a whole number", path)
    return int(number)


def entries_of(element: Element, path: Path) -> Entries:
    """Return the cuts and requirements of an algorithm."""
    found = Entries()
    for cut in element.iterfind("cut"):
        kind = text_of(cut, "type", path)
        ends = [0.0 if kind in LISTS else number_of(cut, end, path) for end in ("minimum", "maximum")]
        data = (cut.findtext("data") or "").strip()
        found.cuts[text_of(cut, "name", path)] = Cut(kind, ends[0], ends[1], data)
    for required in element.iterfind("object_requirement"):
        found.requirements[text_of(required, "name", path)] = Requirement(
            text_of(required, "type", path),
            number_of(required, "threshold", path),
            text_of(required, "comparison_operator", path).strip("."),
            whole_of(required, "bx_offset", path),
        )
    for required in element.iterfind("external_requirement"):
        found.externals[text_of(required, "name", path)] = whole_of(required, "bx_offset", path)
    return found
