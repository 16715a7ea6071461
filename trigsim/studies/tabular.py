"""Results that are a table: one content for notebooks, terminals, CSV and HTML (`report.study_tables`)."""

from __future__ import annotations

from abc import abstractmethod

from trigsim.base.html import html_table

#: Names of the columns with their units, and rows of text.
Cells = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]


class Tabular:
    """A result that a notebook shows as a table."""

    __slots__ = ()

    @property
    @abstractmethod
    def caption(self) -> str:
        """What it shows, one line."""

    @abstractmethod
    def cells(self) -> Cells:
        """Return header and rows."""

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        return html_table(self.caption, *self.cells())
