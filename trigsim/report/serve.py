"""A local page with a slider for each free number of a menu: loopback only, nothing is written."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import trigsim
from trigsim.base.errors import InputError
from trigsim.report.page import environment, flat
from trigsim.studies.live import Live

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Server:
    """The page of one menu on one store.

    Attributes
    ----------
    http : ThreadingHTTPServer
        Listens on the loopback interface; `http.serve_forever` answers.
    url : str
        Where.
    """

    http: ThreadingHTTPServer
    url: str

    @classmethod
    def of(cls, live: Live, port: int = 0) -> Server:
        """Return a server that listens on `port`, any free one by default.

        Raises
        ------
        InputError
            If the port is taken.
        """
        lock = threading.Lock()

        class Handler(_Handler):
            session = live
            one_at_a_time = lock

        try:
            http = ThreadingHTTPServer((HOST, port), Handler)
        except OSError as failure:
            raise InputError(f"cannot listen on port {port} ({failure.strerror}); choose another") from None
        http.daemon_threads = True
        Handler.hosts = (f"{HOST}:{http.server_port}", f"localhost:{http.server_port}")
        return cls(http, f"http://{Handler.hosts[0]}/")


class _Handler(BaseHTTPRequestHandler):
    session: Live
    one_at_a_time: threading.Lock
    hosts: tuple[str, ...]
    server_version, sys_version = "trigsim", ""

    def do_GET(self) -> None:
        """Answer `/`, `/state?NAME=VALUE&…` and `/menu.yaml?NAME=VALUE&…`."""
        if self.headers.get("Host") not in self.hosts:
            # Another site's name that was made to point here must not read the answers.
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", "open this page as localhost")
            return
        asked = urlsplit(self.path)
        try:
            values = _values(asked.query)
            with self.one_at_a_time:
                if asked.path == "/":
                    nonce = secrets.token_urlsafe(16)
                    self._answer(HTTPStatus.OK, "text/html", _page(self.session, nonce), nonce)
                elif asked.path == "/state":
                    rows = [row.as_dict() for row in self.session.at(values)]
                    self._answer(HTTPStatus.OK, "application/json", json.dumps({"rows": rows}, allow_nan=False))
                elif asked.path == "/menu.yaml":
                    self._answer(HTTPStatus.OK, "application/yaml", self.session.text(values))
                else:
                    self._answer(HTTPStatus.NOT_FOUND, "text/plain", "nothing here")
        except InputError as failure:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", str(failure))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: a slider asks many times a second."""

    def _answer(self, status: HTTPStatus, kind: str, text: str, nonce: str | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        own = f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; " if nonce else ""
        self.send_header("Content-Security-Policy", f"default-src 'none'; {own}frame-ancestors 'none'")
        self.end_headers()
        self.wfile.write(body)


def _values(query: str) -> dict[str, float]:
    values = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        try:
            values[name] = float(text)
        except ValueError:
            raise InputError(f"{name} is '{text}'; give a number") from None
    return values


def _page(live: Live, nonce: str) -> str:
    now = live.now()
    knobs = [
        {"name": name, "low": f"{r.low:g}", "high": f"{r.high:g}", "step": f"{r.step:g}", "now": f"{now[name]:g}"}
        for name, r in live.ranges.items()
    ]
    manifest = live.store.manifest
    record: Mapping[str, object] = manifest.provenance
    return (
        environment()
        .get_template("live.html.j2")
        .render(
            title=live.menu.name,
            subtitle=f"{sum(manifest.drawn):,} stored crossings, {manifest.beam.name}",
            knobs=knobs,
            rows=live.at({}),
            signals=list(manifest.signals),
            file=Path(live.menu.document.file).name,
            provenance=flat(record),
            version=trigsim.__version__,
            nonce=nonce,
        )
    )
