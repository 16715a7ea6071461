"""The readers of text from elsewhere, on damaged text: a result or one line."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.menu.test_l1xml import MU3, QUALITY, algorithm, menu
from tests.menu.test_prescale import MENU, TABLES
from tests.menu.test_readers import row
from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.menu.files import to_yaml
from trigsim.menu.l1xml import import_l1menu
from trigsim.menu.prescale import MAX_FACTOR, read_prescales
from trigsim.menu.readers import read

XML = menu(algorithm("comb{MU3[MU-QLTY_S],MU3} AND NOT MU3", MU3 + QUALITY))
VECTOR = "\n".join(row(i) for i in range(3))


def damaged(data, text, alphabet):
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        put = data.draw(st.text(st.sampled_from(alphabet), max_size=6) | st.text(max_size=2))
        text = text[:at] + put + text[at + data.draw(st.integers(0, 9)) :]
    return text


@settings(max_examples=120, deadline=2000)
@given(data=st.data())
def test_a_damaged_xml_is_imported_or_refused(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "damaged.xml"
    path.write_text(damaged(data, XML, "<>/&;{}[],.+-0123456789eMUJETQLTY_ andornt"), encoding="utf-8")
    try:
        document = import_l1menu(path)
    except InputError as failure:
        assert "\n" not in str(failure)
    else:
        loads(to_yaml(document)).compile()


@settings(max_examples=120, deadline=2000)
@given(data=st.data())
def test_a_damaged_vector_is_read_or_refused(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "damaged.txt"
    path.write_text(damaged(data, VECTOR, "0123456789abcdefg -_+x\n\t"), encoding="utf-8")
    try:
        (recorded,) = read(path)
    except InputError as failure:
        assert "\n" not in str(failure)
    else:
        assert len(recorded) > 0


@settings(max_examples=150, deadline=2000)
@given(data=st.data(), form=st.sampled_from(sorted(TABLES)))
def test_a_damaged_table_of_prescales_is_read_or_refused(data, form, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    text = damaged(data, TABLES[form], "0123456789abn,;.\t\"'\r\n-<>/&e\0")
    path.write_text(text, encoding="utf-8", newline="")
    try:
        table = read_prescales(path, loads(MENU))
    except InputError as failure:
        assert "\n" not in str(failure)
    else:
        factors = [one for column in table.columns.values() for one in column.values()]
        assert all(one == 0 or 100 <= one <= MAX_FACTOR for one in factors)
