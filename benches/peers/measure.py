"""Makes one sample of a tool at a workload: runs it once or twice against fresh servers, takes what
it used from the kernel and what it did from the server, and says what was not as it should be.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional

import machine
import work as works
from machine import Failed, Used, Watched
from server import Arrivals, Pace, Server
from tools import Told, Tool
from work import Job, Work

# Beyond its own time a run gets so long to start, to say farewell and to write its report.
SPARE_S = 75
# A tool that sent or heard less than this share of what it was asked to is told on.
ENOUGH = 0.9
# How much the deliveries of a message may differ from the members of its room.
FAN_OUT_SLACK = 0.02
# And how much its rate from what was asked for.
PACE_SLACK = 0.1
MEMORY_EVERY_S = 0.5
FREEZE_S = 2.0
# A latency that is off by no more is taken for the truth.
TRUTH_SLACK = 0.25


@dataclass(frozen=True)
class Lengths:
    """How long and how large the runs are."""

    short_s: int
    # In the closed loop, where messages are many.
    closed_s: int
    long_s: int
    idle_connections: int
    idle_ramp_s: int
    idle_s: int
    connect_connections: int
    connect_s: int
    # Set-up is taken out by the difference to as many.
    few: int = 500


FULL = Lengths(short_s=4, closed_s=12, long_s=24, idle_connections=10_000,
               idle_ramp_s=15, idle_s=22, connect_connections=5_000, connect_s=12)
# The idle connections need as long: tools only have to hold them all at once.
QUICK = Lengths(short_s=4, closed_s=8, long_s=12, idle_connections=10_000,
                idle_ramp_s=15, idle_s=22, connect_connections=5_000, connect_s=12)


@dataclass
class Sample:
    """Figures by name, and what a reader has to know of them."""

    figures: Dict[str, float] = field(default_factory=dict)
    remarks: List[str] = field(default_factory=list)
    told: Optional[Told] = None


@dataclass
class Ran:
    used: Used
    counters: Dict[str, int]
    told: Optional[Told]


class Bench:
    def __init__(self, uproar: Path, lengths: Lengths, keep: Optional[Path]) -> None:
        self._uproar = uproar
        self._lengths = lengths
        self._keep = keep
        self._server_core, self._tool_core = machine.cores()
        self._runs = 0

    def sample(self, tool: Tool, name: str) -> Sample:
        return {
            "echo": lambda: self._cpu(tool, works.ECHO, "messages_received_total"),
            "open": lambda: self._cpu(tool, works.OPEN, "messages_received_total"),
            "rooms": lambda: self._cpu(tool, works.ROOMS, "messages_sent_total"),
            "idle": lambda: self._idle(tool),
            "connect": lambda: self._connect(tool),
            "freeze": lambda: self._freeze(tool),
        }[name]()

    def _cpu(self, tool: Tool, work: Work, counter: str) -> Sample:
        """Start and end are in both runs, so they are not in the difference."""
        sample = Sample()
        short_s = self._lengths.short_s
        long_s = self._lengths.long_s if work.per_second else self._lengths.closed_s
        short = self._run(tool, work.lasting(short_s), sample)
        paces: List[Pace] = []

        def attach(server: Server, _: Watched) -> Callable[[], None]:
            paces.append(Pace(server))
            return paces[0].look

        long = self._run(tool, work.lasting(long_s), sample, attach)
        messages = long.counters[counter] - short.counters[counter]
        cpu_s = long.used.cpu_s - short.used.cpu_s
        if messages <= 0 or cpu_s <= 0:
            raise Failed(f"the longer run took {cpu_s:.2f} s more for {messages} more messages")
        if work.rooms:
            published = (long.counters["messages_received_total"]
                         - short.counters["messages_received_total"])
            heard = messages / published
            if abs(heard / work.members - 1) > FAN_OUT_SLACK:
                sample.remarks.append(f"a message had {heard:.1f} hearers, not {work.members}")
        sample.figures = {"us": cpu_s / messages * 1e6}
        per_s = paces[0].per_s()
        if per_s is not None:
            sample.figures["sent_per_s"] = per_s
            asked = work.connections * work.per_second
            if asked and abs(per_s / asked - 1) > PACE_SLACK:
                sample.remarks.append(f"sent {per_s:,.0f} msg/s, not {asked:,.0f}")
        return sample

    def _idle(self, tool: Tool) -> Sample:
        sample = Sample()
        lengths = self._lengths
        few = works.IDLE.of(lengths.few, ramp_s=1).lasting(6)
        many = works.IDLE.of(lengths.idle_connections, lengths.idle_ramp_s).lasting(lengths.idle_s)
        peaks = []
        for work in (few, many):
            peak = Peak()
            self._run(tool, work, sample, peak.attach)
            peaks.append(peak)
        held = peaks[1].connections - peaks[0].connections
        if held <= 0:
            raise Failed(f"no more than {peaks[1].connections} connections were in")
        if peaks[1].connections < many.connections:
            sample.remarks.append(f"held {peaks[1].connections:,} at most, "
                                  f"of {many.connections:,}")
        sample.figures = {
            "few_mib": peaks[0].kib / 1024,
            "many_mib": peaks[1].kib / 1024,
            "kib": (peaks[1].kib - peaks[0].kib) / held,
        }
        return sample

    def _connect(self, tool: Tool) -> Sample:
        sample = Sample()
        lengths = self._lengths
        few = works.CONNECT.of(lengths.few, ramp_s=0).lasting(lengths.connect_s)
        many = works.CONNECT.of(lengths.connect_connections, 0).lasting(lengths.connect_s)
        base = self._run(tool, few, sample)
        arrivals: List[Arrivals] = []

        def attach(server: Server, _: Watched) -> Callable[[], None]:
            arrivals.append(Arrivals(server, machine.POLL_S))
            return arrivals[0].look

        full = self._run(tool, many, sample, attach)
        opened = full.counters["connections_opened_total"] - base.counters[
            "connections_opened_total"]
        took_s = arrivals[0].seconds_until(many.connections)
        sample.figures = {"us": (full.used.cpu_s - base.used.cpu_s) / opened * 1e6}
        if took_s is None:
            sample.remarks.append(f"had {arrivals[0].most:,} of {many.connections:,} connections "
                                  f"at once at most")
        else:
            sample.figures["in_s"] = took_s
        return sample

    def _freeze(self, tool: Tool) -> Sample:
        sample = Sample()
        stood: List[float] = []

        def attach(server: Server, _: Watched) -> Callable[[], None]:
            in_since: List[float] = []

            def look() -> None:
                now = time.monotonic()
                if not in_since:
                    if server.counters().get("connections", 0) >= works.FREEZE.connections:
                        in_since.append(now)
                elif not stood and now - in_since[0] > (works.FREEZE.steady_s - FREEZE_S) / 2:
                    stood.append(server.freeze(FREEZE_S))

            return look

        ran = self._run(tool, works.FREEZE, sample, attach, wants_latency=True)
        if not stood:
            raise Failed("not all connections were ever in, so nothing was frozen")
        sample.told = ran.told
        sample.figures = {
            "stood_s": stood[0],
            "messages": ran.counters["messages_received_total"],
        }
        for name in ("p90", "p99", "mean", "max"):
            value = getattr(ran.told, name)
            if value is not None:
                sample.figures[name] = value
        return sample

    def _run(self, tool: Tool, work: Work, sample: Sample,
             attach: Optional[Callable[[Server, Watched], Callable[[], None]]] = None,
             wants_latency: bool = False) -> Ran:
        """Runs a tool once, against a server of its own. `attach` gives what to do meanwhile."""
        self._runs += 1
        folder = self._folder(tool, work)
        try:
            with Server(self._uproar, work.mode, self._server_core, folder) as server:
                job = Job(work, server.host, server.port, folder, wants_latency)
                command = tool.command(job)
                process = machine.start(command.argv, self._tool_core, folder / "tool.log",
                                        command.env, folder)
                watched = Watched(process, {server.pid})
                try:
                    meanwhile = attach(server, watched) if attach else None
                    used = watched.finish(work.ramp_s + work.steady_s + SPARE_S, meanwhile)
                except BaseException:
                    watched.abandon()
                    raise
                counters = server.counters()
            if used.exit_code not in command.good:
                log = (folder / "tool.log").read_text(errors="replace").strip()
                raise Failed(f"ended with {used.exit_code}: {log[-300:]}")
            told = tool.told(job) if wants_latency else None
            sample.remarks += [said for said in shortfalls(work, counters)
                               if said not in sample.remarks]
            return Ran(used, counters, told)
        finally:
            if self._keep is None:
                shutil.rmtree(folder, ignore_errors=True)

    def _folder(self, tool: Tool, work: Work) -> Path:
        if self._keep is None:
            return Path(tempfile.mkdtemp(prefix="uproar-peers-"))
        folder = self._keep / f"{self._runs:03}-{work.name}-{tool.name}-{work.connections}"
        folder.mkdir(parents=True)
        return folder


class Peak:
    """The most memory that a tool took, and the most connections it had."""

    def __init__(self) -> None:
        self.kib = 0
        self.connections = 0

    def attach(self, server: Server, watched: Watched) -> Callable[[], None]:
        arrivals = Arrivals(server, MEMORY_EVERY_S)
        next_at = [0.0]

        def look() -> None:
            arrivals.look()
            self.connections = arrivals.most
            if time.monotonic() >= next_at[0]:
                next_at[0] = time.monotonic() + MEMORY_EVERY_S
                self.kib = max(self.kib, watched.memory_kib())

        return look


def shortfalls(work: Work, counters: Dict[str, int]) -> List[str]:
    """What the server says that a tool did not do."""
    found = []
    opened = counters["connections_opened_total"]
    if opened < work.connections:
        found.append(f"opened {opened:,} of {work.connections:,} connections")
    if counters["errors_sent_total"]:
        found.append(f"{counters['errors_sent_total']:,} of its messages were refused")
    sent = counters["messages_received_total"]
    asked = work.connections * work.messages_each
    if sent < ENOUGH * asked:
        found.append(f"sent {sent:,} of {asked:,} messages")
    return found


def truth_ms(share: float, stood_s: float) -> float:
    """A percentile of the latencies from due, had the server answered at once but for the freeze:
    what fell due while it stood waited for what was left of that, evenly spread."""
    hit = stood_s / works.FREEZE.steady_s
    return max(0.0, stood_s * (1 - (1 - share) / hit)) * 1000


def told_the_truth(told: Told, stood_s: float) -> Optional[bool]:
    """None if the tool names no percentile."""
    if told.p90 is None or told.p99 is None:
        return None
    pairs = ((told.p90, truth_ms(0.9, stood_s)), (told.p99, truth_ms(0.99, stood_s)))
    return all(abs(said / true - 1) <= TRUTH_SLACK for said, true in pairs)
