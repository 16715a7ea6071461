"""Command-line texts of the studies, and what is said where they are wrong."""

import pytest

from trigsim.base.errors import InputError
from trigsim.cli.texts import khz, limits, shape, values, weighted


def test_texts():
    assert values("1,2.5,4") == [1.0, 2.5, 4.0]
    assert values("100:300:50") == [100.0, 150.0, 200.0, 250.0, 300.0]
    assert [khz(t) for t in ("100kHz", "0.75MHz", "500Hz", "3")] == [100.0, 750.0, 0.5, 3.0]
    assert limits(["jets=40kHz", "a=b=2"]) == {"jets": 40.0, "a=b": 2.0}
    assert limits(None) == {}
    assert [weighted("vh_bb"), weighted("vh_bb=0.5")] == [("vh_bb", 1.0), ("vh_bb", 0.5)]
    assert shape("logistic") == "logistic"


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (values, "a", r"'a' gives no values; write A,B,… or LOW:HIGH:STEP"),
        (values, "1:2", "gives no values"),
        (values, "2:1:1", "gives no values"),
        (values, "1:2:0", "gives no values"),
        (khz, "fast", "'fast' is no rate; write 100kHz"),
        (khz, "-1kHz", "is no rate"),
        (limits, ["jets"], "'jets' bounds nothing; write NAME=RATE"),
        (weighted, "s=x", "'s=x' has no weight; write SIGNAL=WEIGHT"),
        (shape, "tanh", "shape 'tanh' is unknown; give erf or logistic"),
    ],
)
def test_wrong_texts(read, text, problem):
    with pytest.raises(InputError, match=problem):
        read(text)
