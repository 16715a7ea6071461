"""A page with sliders says what the engine says of the menu that its button writes."""

import json
import threading
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.report.browser import Browser, executable
from trigsim.base.errors import InputError
from trigsim.menu import load, loads
from trigsim.numeric.intervals import efficiency
from trigsim.report.serve import Server
from trigsim.studies.decided import decided
from trigsim.studies.live import Live
from trigsim.studies.rate_table import Prescaling, rate_table
from trigsim.studies.store_format import BEAM

pytestmark = pytest.mark.jit
MOVED = {"pair:0:pt_gev": 45.0, "Jet90:pt_gev": 100.0, "Tagged:score": 0.0}


@pytest.fixture(scope="module")
def live(stored):
    return Live.open(stored.store, load(stored.menu))


@pytest.fixture(scope="module")
def server(live):
    made = Server.of(live)
    thread = threading.Thread(target=made.http.serve_forever, daemon=True)
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()


def answer(server, path, **headers):
    with urlopen(Request(server.url + path, headers=headers), timeout=60) as said:
        return said.read().decode()


@pytest.mark.parametrize("values", [{}, MOVED, {"pair:1:pt_gev": 80.0}])
def test_rows_are_those_of_the_written_menu(live, stored, values):
    menu = loads(live.text(values), stored.menu)
    sample = decided(stored.store, BEAM, menu)
    table = rate_table(sample, Prescaling.of(menu, sample.names), stored.store.manifest.beam.crossing_rate_khz)
    signal = decided(stored.store, "vh_bb", menu)
    for row in live.at(values):
        expected = table[row.name].before.rate
        assert row.rate.value == pytest.approx(expected.value, rel=1e-12)
        assert (row.rate.low, row.rate.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
        members = {"group": menu.groups.get(row.name), "total": signal.names}.get(row.kind, [row.name])
        passed = int(signal.passes(members).sum())
        assert row.efficiencies["vh_bb"] == efficiency(passed, len(signal))


def test_what_is_kept_of_moves_before_does_not_show(stored, monkeypatch):
    monkeypatch.setattr("trigsim.studies.live.REMEMBERED", 2)
    text = stored.menu.read_text().replace("{name: Jet90,", "{name: Jet90, veto: true,")
    assert "veto" in text
    menu = loads(text, stored.menu)
    walked, khz = Live.open(stored.store, menu), stored.store.manifest.beam.crossing_rate_khz
    for step in (50.0, 60.0, 120.0, 60.0, 90.0, 70.0):
        values = {"Jet90:pt_gev": step, "pair:0:pt_gev": max(45.0, step / 2)}
        rows = walked.at(values)
        moved = loads(walked.text(values), stored.menu)
        sample = decided(stored.store, BEAM, moved)
        table = rate_table(sample, Prescaling.of(moved, sample.names), khz)
        for row in rows:
            expected = table[row.name].before.rate
            assert row.rate.value == pytest.approx(expected.value, rel=1e-12)
            assert (row.rate.low, row.rate.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
        signal = decided(stored.store, "vh_bb", moved)
        open_ = signal.passes([n for n in signal.names if n != "Jet90"]) & ~signal.passes(["Jet90"])
        assert rows[-1].efficiencies["vh_bb"] == efficiency(int(open_.sum()), len(signal))


def test_moving_a_number_moves_only_what_uses_it(live):
    before, after = ({r.name: r.rate.value for r in live.at(v)} for v in ({}, {"pair:0:pt_gev": 45.0}))
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"Pair", "Pair_HT", "jets", "sums", "total"}
    assert "Pair" in changed
    assert after["Pair"] > before["Pair"]


def test_the_written_menu_keeps_its_comments(live):
    text = live.text(MOVED)
    assert "# a comment that stays" in text
    assert "pt_gev: 45" in text


@pytest.mark.parametrize(
    ("values", "says"),
    [({"Jet9:pt_gev": 1.0}, "no free number"), ({"Jet90:pt_gev": 1e6}, "may move from 45 to 180")],
)
def test_what_cannot_move(live, values, says):
    with pytest.raises(InputError, match=says):
        live.at(values)


def test_the_server_answers_as_the_engine_does(server, live):
    said = json.loads(answer(server, "state?" + urlencode(MOVED)))
    assert said["rows"] == [row.as_dict() for row in live.at(MOVED)]
    assert answer(server, "menu.yaml?" + urlencode(MOVED)) == live.text(MOVED)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("", {"Host": "elsewhere.example"}, 403),
        ("state?Jet90%3Apt_gev=lots", {}, 400),
        ("state?nothing=1", {}, 400),
        ("../store.json", {}, 404),
    ],
)
def test_what_the_server_refuses(server, path, headers, status):
    with pytest.raises(HTTPError) as refused:
        answer(server, path, **headers)
    assert refused.value.code == status
    refused.value.close()


def test_it_listens_on_the_loopback_only(server):
    assert server.http.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("width", [390, 1280])
def test_a_slider_moves_the_rates_in_a_browser(server, live, tmp_path, width):
    if executable() is None:
        pytest.skip("needs Chromium")
    row = next(r for r in live.at(MOVED) if r.name == "Jet90")
    low, value, high = (f"{x:#.3g}".removesuffix(".") for x in (row.rate.low, row.rate.value, row.rate.high))
    cell = "document.querySelector('[data-name=\"algorithm Jet90\"]').children[1]"
    done = f"""new Promise((done, failed) => {{
      const end = Date.now() + 60000;
      const look = () => {cell}.textContent.startsWith("{value} [") ? done({cell}.textContent)
        : Date.now() > end ? failed(document.getElementById("status").textContent) : setTimeout(look, 20);
      look();
    }})"""
    with Browser(tmp_path) as browser:
        browser.show(server.url, width=width)
        for name, moved in MOVED.items():
            slider = f"document.querySelector('input[data-name=\"{name}\"]')"
            browser.value(
                f"{slider}.value = {moved}; {slider}.dispatchEvent(new Event('input', {{bubbles: true}}))"
            )
        assert browser.value(done) == f"{value} [{low}, {high}]"
        assert browser.value("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        assert browser.value("document.querySelectorAll('.moved').length") == len(MOVED)
        # What the button writes.
        assert browser.value("fetch(document.getElementById('write').href).then(a => a.text())") == live.text(MOVED)
        # A link to what is shown shows it again.
        browser.show(browser.value("location.href"), width=width)
        assert browser.value(done) == f"{value} [{low}, {high}]"
