"""L1Menu XML of the CMS global trigger → our YAML, without loss: the YAML alone gives the same bits."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from trigsim.base.errors import InputError
from trigsim.menu.expression import Operand, render
from trigsim.menu.expression import parse as parse_expression
from trigsim.menu.l1conditions import Conditions, Unsupported
from trigsim.menu.l1entries import entries_of, parse_xml, text_of, whole_of
from trigsim.menu.l1scales import scale_set
from trigsim.menu.scales import ScaleSet, load_scales

#: External signals of a crossing; what a menu places beyond them is no signal.
N_SIGNALS = 256
#: With our names of conditions it must stay below what our grammar takes, 20 000; CMS's longest known has 1212.
MAX_EXPRESSION = 12_000


def import_l1menu(path: str | Path) -> dict[str, Any]:
    """Read an L1Menu XML (or .gz of it) as the data of our YAML menu.

    Returns
    -------
    dict
        What `yaml.dump` writes and `trigsim.menu.load` reads. Algorithms that cannot be said carry the reason.

    Raises
    ------
    InputError
        If it is not such a file, or uses document types and entities.
    """
    path = Path(path)
    root = parse_xml(path)
    scales = scale_set(root, path)
    bits = {
        text_of(signal, "name", path): 64 * whole_of(signal, "cable", path) + whole_of(signal, "channel", path)
        for signal in root.iterfind("ext_signal_set/ext_signal")
    }
    externals = {name: bit for name, bit in bits.items() if 0 <= bit < N_SIGNALS}
    conditions = Conditions(scales if isinstance(scales, ScaleSet) else load_scales(scales), externals)
    algorithms = [_algorithm(element, conditions, path) for element in root.iterfind("algorithm")]
    if not algorithms:
        raise InputError("the menu has no algorithms; give an L1Menu XML", path)
    for what in ("name", "index"):
        value, times = Counter(made[what] for made in algorithms).most_common(1)[0]
        if times > 1:
            raise InputError(f"{times} algorithms have {what} {value}; give each its own", path)
    document: dict[str, Any] = {"name": text_of(root, "name", path)}
    comment = (root.findtext("comment") or "").strip()
    if comment:
        document["comment"] = comment
    document["scales"] = scales if isinstance(scales, str) else _plain(scales)
    document["externals"] = externals
    return {**document, **conditions.sections(), "algorithms": algorithms}


def _plain(scales: ScaleSet) -> dict[str, Any]:
    return scales.model_dump(mode="json", exclude_defaults=True)


def _algorithm(element: Element, conditions: Conditions, path: Path) -> dict[str, Any]:
    """Return one algorithm; what our grammar cannot say carries the reason."""
    made: dict[str, Any] = {"name": text_of(element, "name", path), "index": whole_of(element, "index", path)}
    try:
        entries = entries_of(element, path)
        text = text_of(element, "expression", path)
        if len(text) > MAX_EXPRESSION:
            raise Unsupported(f"an expression of more than {MAX_EXPRESSION} characters")
        # A condition is one word: blanks around its brackets and commas go.
        text = re.sub(r"\s+(?=[{}\[\],])|(?<=[{\[,])\s+", "", text)
        program = parse_expression(text)
        names = {
            part.text: conditions.condition(part.text, entries) for part in program if isinstance(part, Operand)
        }
        made["when"] = render(text, names)
    except Unsupported as reason:
        made["unsupported"] = str(reason)
    except InputError as failure:
        made["unsupported"] = failure.problem
    return made
