"""uproar, from the scenario files in `uproar/`, with everything on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Optional

from tools import Command, Told, Tool
from work import Job, Work

HERE = Path(__file__).resolve().parent
# Which file does which work.
FILES = {"echo": "echo", "open": "open", "freeze": "open", "rooms": "rooms", "idle": "idle",
         "connect": "idle"}


class Uproar(Tool):
    name = "uproar"

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    def missing(self) -> Optional[str]:
        return None if self._binary.is_file() else f"there is no {self._binary}"

    def version(self) -> str:
        return _says([str(self._binary), "--version"]).split()[-1]

    def times(self, work: Work) -> str:
        return "times each message, from due and from sent; follows each for loss and order"

    def command(self, job: Job) -> Command:
        work = job.work
        argv = [
            str(self._binary), "run", str(HERE / "uproar" / f"{FILES[work.name]}.toml"),
            "--url", job.url, "--protocol", work.mode, "--workers", "1", "--quiet",
            "--clients", str(work.connections), "--out", str(job.folder / "report"),
            # A phase can't last no time at all.
            "--set", f"phase.ramp.duration={work.ramp_s * 1000 or 1}ms",
            "--set", f"phase.steady.duration={work.steady_s}s",
        ]
        if work.per_second:
            argv += ["--rate", f"{work.connections * work.per_second:g}/s"]
        if not work.sends:
            # Its client would be counted among those that arrive.
            argv += ["--no-preflight"]
        # 1 and 3 are verdicts on what was measured, not failures to measure.
        return Command(argv, good=(0, 1, 3))

    def told(self, job: Job) -> Told:
        report = json.loads((job.folder / "report" / "report.json").read_text())
        us = report["latency"]["delivery"]
        ms = {key: us[key] and us[key] / 1000 for key in ("p90", "p99", "mean", "max")}
        return Told(**ms, how="delivery, from due")


def _says(argv: "list[str]") -> str:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout
