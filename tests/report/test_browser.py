"""Pages in a real browser: on a phone, in the dark, on paper."""

import pytest

from tests.report.browser import Browser, executable
from tests.report.results import made_up
from trigsim.report.page import write_scan
from trigsim.report.sheet import Sheet, write_sheet
from trigsim.report.tables import Table

NAME = "SingleIsoEG36_with_a_long_name_and_JetVeto"
#: Beyond the right edge of the paper or the screen, CSS pixels.
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: Of the first table: how far the first and the last cell of a row are from the edges of what is shown.
EDGES = """(() => {
  const row = document.querySelector(".scroll tbody tr"), shown = document.querySelector(".scroll");
  const [first, last] = [row.firstElementChild, row.lastElementChild].map(cell => cell.getBoundingClientRect());
  const edge = shown.getBoundingClientRect();
  return [first.left - edge.left, edge.right - last.right, first.width];
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if executable() is None:
        pytest.skip("needs Chromium")
    with Browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    header = ("algorithm", *(f"quantity {i} [kHz]" for i in range(12)), "from")
    rows = tuple((NAME, *["10.24 -0.62/+0.66"] * 12, "a source of many words, " * 5) for _ in range(9))
    sheet = Sheet("wide", "wide", "a page", ("text " * 40,), {}, {"wide": Table("wide", header, rows)}, {})
    provenance = {"inputs": {"menu": {"sha256": "0123456789abcdef" * 4}}}
    return [write_sheet(sheet, provenance, folder), write_scan(made_up(), provenance, folder)]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(browser, pages, width, dark):
    for page in pages:
        browser.show(page.as_uri(), width=width, dark=dark)
        assert browser.value(BEYOND) == 0
        paper = browser.value("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(22, 22, 22)" if dark else "rgb(255, 255, 255)")


def test_the_first_column_stays_where_a_table_is_scrolled(browser, pages):
    browser.show(pages[0].as_uri(), width=390)
    left, right, width = browser.value(EDGES)
    assert abs(left) <= 1
    assert right < -300
    assert 100 < width < 200
    browser.value("document.querySelector('.scroll').scrollLeft = 1e6")
    left, right, _ = browser.value(EDGES)
    assert abs(left) <= 1
    assert abs(right) <= 1


def test_paper_has_all_columns(browser, pages, tmp_path):
    # A4 within the margins of the browser.
    browser.show(pages[0].as_uri(), width=718)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.value(BEYOND) == 0
    left, right, width = browser.value(EDGES)
    assert left >= 0
    assert right >= -1
    assert width > 40
    browser.call("Emulation.setEmulatedMedia", media="")
    browser.pdf(tmp_path / "wide.pdf")
    assert (tmp_path / "wide.pdf").read_bytes().startswith(b"%PDF")
