"""How the mean pile-up varies: a histogram of it, its values, or one for each bunch."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, model_validator

from trigsim.base.config import Config

#: Gauss-Legendre points in a bin: they integrate exp(-mu) over a bin 10 wide to 1e-13.
POINTS_PER_BIN = 12

Mean = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PileupValues(Config):
    """Mean pile-up takes one of some values.

    Attributes
    ----------
    values, weights : tuple of float
        Values, and how often each occurs; weights need not sum to one.
    """

    values: Annotated[tuple[Mean, ...], Field(min_length=1)]
    weights: tuple[Share, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.weights) != len(self.values):
            raise ValueError(f"{len(self.weights)} weights of {len(self.values)} values; give one each")
        if sum(self.weights) <= 0:
            raise ValueError("all weights are 0; give at least one above")
        return self

    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return values and their shares, which sum to 1."""
        weights = np.array(self.weights, dtype=np.float64)
        return np.array(self.values, dtype=np.float64), weights / weights.sum()


class PileupHistogram(Config):
    """Mean pile-up has a piecewise constant density.

    Attributes
    ----------
    edges : tuple of float
        Bin edges, rising.
    contents : tuple of float
        One a bin; they need not sum to one.
    """

    edges: Annotated[tuple[Mean, ...], Field(min_length=2)]
    contents: tuple[Share, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(high <= low for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges do not rise; give each bin edge once, in order")
        if len(self.contents) != len(self.edges) - 1:
            raise ValueError(f"{len(self.contents)} contents of {len(self.edges) - 1} bins; give one each")
        if sum(self.contents) <= 0:
            raise ValueError("all contents are 0; give at least one above")
        return self

    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return Gauss-Legendre points of the bins and their shares, which sum to 1.

        What a crossing holds depends on the mean pile-up through exp(-mu) mu^n only, over which this quadrature is
        exact to the precision of a float for bins up to 10 wide.
        """
        node, weight = np.polynomial.legendre.leggauss(POINTS_PER_BIN)
        edges, contents = np.array(self.edges), np.array(self.contents, dtype=np.float64)
        full = contents > 0
        low, high = edges[:-1][full], edges[1:][full]
        points = (low[:, None] + high[:, None]) / 2 + (high - low)[:, None] / 2 * node
        share = contents[full, None] / contents.sum() * weight / 2
        return points.ravel(), share.ravel()


class PileupByBunch(Config):
    """Mean pile-up differs from one colliding bunch pair to the next.

    Attributes
    ----------
    by_bunch : tuple of float
        One for each colliding bunch pair, in the order of the orbit.
    """

    by_bunch: Annotated[tuple[Mean, ...], Field(min_length=1)]

    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values that occur and their shares, which sum to 1."""
        values, times = np.unique(np.array(self.by_bunch, dtype=np.float64), return_counts=True)
        return values, times / len(self.by_bunch)


def _kind(value: Any) -> str:
    """Return the tag of a mean pile-up; in brackets, lest it be taken for a key of the document."""
    keys = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, Config) else None
    if keys is None:
        return "(number)"
    return "(bunches)" if "by_bunch" in keys else "(histogram)" if "edges" in keys else "(values)"


Pileup = Annotated[
    Annotated[Mean, Tag("(number)")]
    | Annotated[PileupValues, Tag("(values)")]
    | Annotated[PileupHistogram, Tag("(histogram)")]
    | Annotated[PileupByBunch, Tag("(bunches)")],
    Discriminator(_kind),
]
