"""Locust, whose users are Python: `locustfile.py` has them, on websocket-client."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path
from typing import Optional

from tools import Command, Told, Tool
from work import Job, Work

HERE = Path(__file__).resolve().parent


class Locust(Tool):
    name = "locust"

    def __init__(self, folder: Path) -> None:
        self._program = folder / "python" / "bin" / "locust"

    def missing(self) -> Optional[str]:
        if not self._program.is_file():
            return f"there is no {self._program}: benches/peers/install puts it there"
        return None

    def version(self) -> str:
        told = subprocess.run([str(self._program), "--version"], capture_output=True, text=True,
                              timeout=60, check=False)
        return told.stdout.split()[1]

    def times(self, work: Work) -> str:
        return "counts and times each message, by the user's own code" if work.sends else ""

    def command(self, job: Job) -> Command:
        work = job.work
        rate = work.connections / (work.ramp_s or 1)
        argv = [
            str(self._program), "--locustfile", str(HERE / "locustfile.py"), "--headless",
            "--host", job.url, "--users", str(work.connections), "--spawn-rate", f"{rate:g}",
            "--run-time", f"{work.ramp_s + work.steady_s}s", "--stop-timeout", "0",
            "--only-summary", "--loglevel", "WARNING", "--exit-code-on-error", "0",
        ]
        if job.wants_latency:
            argv += ["--csv", str(job.folder / "locust")]
        return Command(argv, env={
            "PEERS_PAYLOAD": str(work.payload_bytes),
            "PEERS_PER_SECOND": str(work.per_second),
            "PEERS_ROOMS": str(work.rooms),
            "PEERS_WORK": work.name,
            "PYTHONDONTWRITEBYTECODE": "1",
        })

    def told(self, job: Job) -> Told:
        with open(job.folder / "locust_stats.csv", newline="") as rows:
            for row in csv.DictReader(rows):
                if row["Type"] == "WS":
                    return Told(p90=float(row["90%"]), p99=float(row["99%"]),
                                mean=float(row["Average Response Time"]),
                                max=float(row["Max Response Time"]), how="from sent")
        return Told(how="no latency of messages")
