"""Samples become tables: medians with their range, and ratios to uproar within the same round."""

from __future__ import annotations

import statistics
from typing import Callable, Dict, List, Optional, Tuple

import measure
import work as works
from measure import Sample
from tools import Tool

# By tool and workload, one a round; None where a run failed.
Samples = Dict[Tuple[str, str], List[Optional[Sample]]]

BASE = "uproar"


def digits(value: float) -> str:
    """To three figures, and no exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Tables:
    def __init__(self, samples: Samples, tools: "list[Tool]", names: "list[str]",
                 lengths: measure.Lengths) -> None:
        self._samples = samples
        self._tools = tools
        self._names = names
        self._lengths = lengths

    def all(self) -> str:
        parts = [self._cpu(), self._size(), self._truth(), self._remarks()]
        return "\n\n".join(part for part in parts if part)

    def _values(self, tool: str, name: str, figure: str) -> "list[Optional[float]]":
        rounds = self._samples.get((tool, name), [])
        return [sample.figures.get(figure) if sample else None for sample in rounds]

    def _cell(self, tool: str, name: str, figure: str, ratio: bool = True) -> str:
        rounds = self._values(tool, name, figure)
        values = [value for value in rounds if value is not None]
        if not values:
            return "-"
        text = f"{digits(statistics.median(values))}"
        if len(values) > 1:
            text += f" ({digits(min(values))}–{digits(max(values))})"
        base = self._values(BASE, name, figure)
        ratios = [mine / its for mine, its in zip(rounds, base) if mine is not None and its]
        if ratio and tool != BASE and ratios:
            text += f" · {digits(statistics.median(ratios))}×"
        return text

    def _cpu(self) -> str:
        columns = [
            ("echo", f"closed loop, {works.ECHO.connections} connections: µs a round trip"),
            ("open", f"open loop, {works.OPEN.connections:,} at 1 msg/s: µs a message there and "
                     "back"),
            ("rooms", f"{works.ROOMS.rooms} rooms of {works.ROOMS.members}: µs a received "
                      "message"),
        ]
        columns = [column for column in columns if column[0] in self._names]
        if not columns:
            return ""
        head = [f"{title}" for _, title in columns]
        rows = [[tool.name] + [self._cell(tool.name, name, "us") for name, _ in columns]
                for tool in self._tools]
        text = "### CPU time of the generator\n\n" + table(["tool"] + head, rows)
        timed = {"echo": works.ECHO, "open": works.OPEN, "rooms": works.ROOMS}
        said = [[tool.name] + [tool.times(timed[name]) for name, _ in columns]
                for tool in self._tools]
        rates = [[tool.name] + [self._rate(tool.name, name) for name, _ in columns]
                 for tool in self._tools]
        titles = ["tool"] + [name for name, _ in columns]
        text += "\n\nWhat was done for it:\n\n" + table(titles, said)
        return text + "\n\nWhat it sent while it was at it:\n\n" + table(titles, rates)

    def _rate(self, tool: str, name: str) -> str:
        rates = [value for value in self._values(tool, name, "sent_per_s") if value is not None]
        return f"{digits(statistics.median(rates))}/s" if rates else "-"

    def _size(self) -> str:
        few, many = self._lengths.few, self._lengths.idle_connections
        columns: List[Tuple[str, Callable[[str], str]]] = []
        if "idle" in self._names:
            columns += [
                (f"MiB at {few}", lambda tool: self._cell(tool, "idle", "few_mib", False)),
                (f"MiB at {many:,}", lambda tool: self._cell(tool, "idle", "many_mib")),
                ("KiB a connection", lambda tool: self._cell(tool, "idle", "kib")),
            ]
        if "connect" in self._names:
            all_in = f"s until {self._lengths.connect_connections:,} are in"
            columns += [
                (all_in, lambda tool: self._cell(tool, "connect", "in_s")),
                ("CPU µs a connection", lambda tool: self._cell(tool, "connect", "us")),
            ]
        if not columns:
            return ""
        rows = [[tool.name] + [cell(tool.name) for _, cell in columns] for tool in self._tools
                if not tool.refuses(works.IDLE)]
        return ("### Idle connections, and getting in\n\n"
                + table(["tool"] + [title for title, _ in columns], rows))

    def _truth(self) -> str:
        if "freeze" not in self._names:
            return ""
        work = works.FREEZE
        stood_s = measure.FREEZE_S
        rows = [["(truth)", digits(measure.truth_ms(0.9, stood_s)),
                 digits(measure.truth_ms(0.99, stood_s)),
                 digits(stood_s * stood_s / work.steady_s / 2 * 1000), digits(stood_s * 1000),
                 "", "by calculation, from due"]]
        for tool in self._tools:
            rounds = [sample for sample in self._samples.get((tool.name, "freeze"), []) if sample]
            cells = [self._cell(tool.name, "freeze", figure, False)
                     for figure in ("p90", "p99", "mean", "max")]
            verdicts = [measure.told_the_truth(sample.told, sample.figures["stood_s"])
                        for sample in rounds if sample.told]
            how = sorted({sample.told.how for sample in rounds if sample.told})
            rows.append([tool.name] + cells + [verdict(verdicts), "; ".join(how)])
        return (
            f"### Server stopped for {stood_s:g} s of {work.steady_s} s, {work.connections} "
            f"connections at {work.per_second:g} msg/s: the latencies reported, ms\n\n"
            + table(["tool", "p90", "p99", "mean", "max", "told?", "which latency"], rows)
        )

    def _remarks(self) -> str:
        lines = []
        for (tool, name), rounds in sorted(self._samples.items()):
            said: Dict[str, int] = {}
            for sample in rounds:
                for remark in sample.remarks if sample else ["failed, see above"]:
                    said[remark] = said.get(remark, 0) + 1
            lines += [f"- {tool}, {name}: {remark} (in {count} of {len(rounds)} rounds)"
                      for remark, count in said.items()]
        return "### Not as asked\n\n" + "\n".join(lines) if lines else ""


def verdict(told: "list[Optional[bool]]") -> str:
    if not told:
        return "-"
    if all(one is None for one in told):
        return "says nothing"
    yes = sum(one is True for one in told)
    if yes in (0, len(told)):
        return "told" if yes else "missed"
    return f"told in {yes} of {len(told)}"


def table(head: "list[str]", rows: "list[list[str]]") -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
