"""YAML: every error at its line and column, and nothing that explodes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.base import config
from trigsim.base.errors import InputError


class Jet(config.Config):
    threshold: float
    label: str = ""


class Menu(config.Config):
    jets: tuple[Jet, ...]
    n: int = 0


GOOD = "jets:\n  - threshold: 1e3\n    label: on\n"


def test_core_schema_types():
    menu = config.parse(GOOD).validate(Menu)
    assert menu.jets[0] == Jet(threshold=1000.0, label="on")


def test_merge_keys_share_values():
    text = "a: &d {threshold: 2.0, label: x}\nb: {<<: *d, label: y}\n"
    assert config.parse(text).data["b"] == {"threshold": 2.0, "label": "y"}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("jets:\n  - treshold: 3\n", ":2:5:", "did you mean 'threshold'"),
        ("jets: []\nn: on\n", ":2:1:", "valid integer"),
        ("jets: []\nn: 1.5\n", ":2:1:", "valid integer"),
        ("jets: []\njets: []\n", ":2:1:", "given twice"),
        ("jets: [\n", ":2:1:", "not YAML"),
        ("jets: !!python/object:os.system []\n", ":1:7:", "not read here"),
        ("jets: &a [*a]\n", ":1:7:", "contains it"),
        ("", ":1:1:", "empty"),
        ("n: 1\n", ":1:1:", "'jets' is missing"),
        ("? [a]\n: b\n", ":1:3:", "plain word"),
        ("a: {<<: 3}\n", ":1:9:", "merges a mapping"),
    ],
)
def test_errors_name_the_place(text, place, words):
    with pytest.raises(InputError) as caught:
        config.parse(text, "menu.yaml").validate(Menu)
    assert str(caught.value).startswith(f"menu.yaml{place}"), str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_alias_bomb_is_refused_quickly():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    start = time.process_time()
    with pytest.raises(InputError, match=f"aliases expand to more than {config.MAX_REPEATED}"):
        config.parse("\n".join(lines))
    assert time.process_time() - start < 2


def test_large_and_missing_and_binary_files(tmp_path):
    big = tmp_path / "big.yaml"
    with big.open("wb") as stream:
        stream.truncate(config.MAX_BYTES + 1)
    for path, words in [(big, "larger than"), (tmp_path / "none.yaml", "no such file")]:
        with pytest.raises(InputError, match=words):
            config.read(path)
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        config.read(tmp_path / "latin.yaml")


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    try:
        config.parse(text)
    except InputError as error:
        assert "\n" not in str(error)


def test_deep_nesting_is_refused():
    with pytest.raises(InputError):
        config.parse("[" * 3000 + "]" * 3000)


def test_a_key_without_its_unit_is_recognised(tmp_path):
    class Cut(config.Config):
        pt_gev: float

    file = tmp_path / "cut.yaml"
    file.write_text("pt_gev: 1\npt: 2\n")
    with pytest.raises(InputError, match=r"unknown key 'pt'; did you mean 'pt_gev'\?"):
        config.load(file, Cut)
