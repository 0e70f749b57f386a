"""The server that all tools load: `uproar serve` as a process of its own on one core, its counters,
and its being stopped for a while."""

from __future__ import annotations

import os
import re
import signal
import time
import urllib.request
from pathlib import Path
from typing import Optional

import machine

START_S = 10.0


class Server:
    """Runs inside `with`; a fresh one for each run, so that its counters are that run's."""

    def __init__(self, uproar: Path, mode: str, core: int, folder: Path) -> None:
        self._argv = [str(uproar), "serve", "--listen", "127.0.0.1:0", "--mode", mode,
                      "--threads", "1"]
        self._core = core
        self._log = folder / "server.log"
        self.host = "127.0.0.1"
        self.port = 0
        self.pid = 0
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> "Server":
        self._process = machine.start(self._argv, self._core, self._log)
        self.pid = self._process.pid
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            found = re.search(r"listening on ws://127\.0\.0\.1:(\d+)", self._log.read_text())
            if found:
                self.port = int(found.group(1))
                return self
            time.sleep(machine.POLL_S)
        machine.end(self._process)
        raise machine.Failed(f"the server did not start: {self._log.read_text().strip()}")

    def __exit__(self, *_: object) -> None:
        self._thaw()
        machine.end(self._process)

    @property
    def url(self) -> str:
        return f"ws://{self.host}:{self.port}/"

    def counters(self) -> "dict[str, int]":
        """Its /metrics, by name without the prefix and labels; same names are added up."""
        with self._opener.open(f"http://{self.host}:{self.port}/metrics", timeout=10) as page:
            text = page.read().decode()
        counts: "dict[str, int]" = {}
        for name, value in re.findall(r"^uproar_server_(\w+)(?:\{.*\})? (\d+)$", text, re.M):
            counts[name] = counts.get(name, 0) + int(value)
        return counts

    def freeze(self, seconds: float) -> float:
        """Stops the process and lets it go on; how long it stood."""
        os.kill(self.pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            time.sleep(seconds)
        finally:
            self._thaw()
        return time.monotonic() - began

    def _thaw(self) -> None:
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGCONT)


class Arrivals:
    """Notes when connections came in, by asking the server."""

    def __init__(self, server: Server, every_s: float) -> None:
        self._server = server
        self._every_s = every_s
        self._asked = 0.0
        self.most = 0
        self._first: Optional[float] = None
        self._times: "list[tuple[float, int]]" = []

    def look(self) -> None:
        now = time.monotonic()
        if now - self._asked < self._every_s:
            return
        self._asked = now
        open_now = self._server.counters().get("connections", 0)
        if open_now and self._first is None:
            self._first = now - self._every_s / 2
        if open_now > self.most:
            self.most = open_now
            self._times.append((now, open_now))

    def seconds_until(self, connections: int) -> Optional[float]:
        """From the first connection until so many were in."""
        for at, open_then in self._times:
            if open_then >= connections and self._first is not None:
                return at - self._first
        return None


class Pace:
    """Notes how fast messages came in, by asking the server."""

    EVERY_S = 0.2

    def __init__(self, server: Server) -> None:
        self._server = server
        self._seen: "list[tuple[float, int]]" = []

    def look(self) -> None:
        now = time.monotonic()
        if not self._seen or now - self._seen[-1][0] >= self.EVERY_S:
            self._seen.append((now, self._server.counters()["messages_received_total"]))

    def per_s(self) -> Optional[float]:
        """Between a half and nine tenths of them: clear of the joins and of the end."""
        most = self._seen[-1][1] if self._seen else 0
        middle = [(at, count) for at, count in self._seen if most / 2 <= count <= most * 0.9]
        if len(middle) < 2 or middle[0][0] == middle[-1][0]:
            return None
        return (middle[-1][1] - middle[0][1]) / (middle[-1][0] - middle[0][0])
