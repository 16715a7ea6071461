"""Numbers of a menu replaced in its text, comments and layout kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from trigsim.base.config import Location, parse
from trigsim.base.errors import InputError
from trigsim.menu.files import to_yaml
from trigsim.menu.menu import Menu
from trigsim.studies.ladder import Setting, settled


def edited(menu: Menu, setting: Setting) -> tuple[str, bool]:
    """Return the text of a menu with the numbers of a setting, and whether its layout could be kept.

    Each number is replaced where it stands. Where that says something else than the setting, since another part of
    the menu shares the number by an anchor, the menu is written anew, without comments.

    Parameters
    ----------
    menu : Menu
        Read from YAML.
    setting : Setting
        Place → value.
    """
    wanted = settled(menu.document.data, setting)
    file = Path(menu.document.file)
    if file.is_file() and file.suffix in (".yaml", ".yml"):
        text = file.read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        for node, value in sorted(
            ((_node(tree, where), value) for where, value in setting.items()),
            key=lambda pair: -pair[0].start_mark.index if pair[0] else 0,
        ):
            # A block of several lines ends where the next begins: only what stands on its own is replaced.
            if node is not None and (isinstance(node, yaml.ScalarNode) or node.flow_style):
                text = text[: node.start_mark.index] + _flow(value) + text[node.end_mark.index :]
        try:
            if parse(text, file).data == wanted:
                return text, True
        except InputError:
            pass
    return to_yaml(wanted), False


def _flow(value: Any) -> str:
    """Return a number or a mapping as it stands in a line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(v)}" for key, v in value.items()) + "}"
    return value if isinstance(value, str) else json.dumps(value)


def _node(tree: Any, where: Location) -> Any:
    """Return the node at a place, by way of merges; None where there is none."""
    for part in where:
        if isinstance(tree, yaml.SequenceNode):
            tree = tree.value[int(part)]
            continue
        tree = _child(tree, str(part))
        if tree is None:
            return None
    return tree


def _child(tree: Any, key: str) -> Any:
    if not isinstance(tree, yaml.MappingNode):
        return None
    pairs = [(name.value, value) for name, value in tree.value]
    own = [value for name, value in pairs if name == key]
    if own:
        return own[0]
    for name, value in pairs:
        if name == "<<":
            for parent in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                found = _child(parent, key)
                if found is not None:
                    return found
    return None
