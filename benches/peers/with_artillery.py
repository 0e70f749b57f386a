"""Artillery's WebSocket engine: as it comes, and with a processor (`artillery.js`) that counts and
times each message, which the engine does not.

The engine resets its handler at each step, and only a `send` that has a `match` waits for an
answer; what arrives at other times is neither counted nor timed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

from tools import Command, Told, Tool, write_json
from work import Job, Work

HERE = Path(__file__).resolve().parent
LATENCY = "peers.latency"


class Artillery(Tool):
    def __init__(self, folder: Path, timed: bool) -> None:
        self._modules = folder / "node" / "node_modules"
        self._timed = timed
        self.name = "artillery+timing" if timed else "artillery"

    def _node(self) -> Optional[Path]:
        found = sorted(self._modules.glob("node-linux-*/bin/node"))
        return found[0] if found else None

    def missing(self) -> Optional[str]:
        if not (self._modules / "artillery" / "bin" / "run").is_file():
            return f"Artillery is not in {self._modules}: benches/peers/install puts it there"
        if self._node() is None:
            return f"the Node.js that Artillery needs is not in {self._modules}"
        return None

    def version(self) -> str:
        package = self._modules / "artillery" / "package.json"
        return str(json.loads(package.read_text())["version"])

    def refuses(self, work: Work) -> Optional[str]:
        if self._timed and not work.sends:
            return "as Artillery without it: nothing is sent"
        return None

    def times(self, work: Work) -> str:
        if self._timed:
            return "a function of ours counts and times each message"
        if work.name == "echo":
            return "counts answers, times none"
        return "neither counts nor times what it receives"

    def command(self, job: Job) -> Command:
        work = job.work
        script = write_json(job.folder / "artillery.json", {
            "config": {
                "target": job.url,
                "processor": str(HERE / "artillery.js"),
                "phases": [{"duration": work.ramp_s or 1, "arrivalCount": work.connections}],
            },
            "scenarios": [{"engine": "ws", "flow": self._flow(work)}],
        })
        node = self._node()
        assert node is not None
        argv = [str(node), str(self._modules / "artillery" / "bin" / "run"), "run", "--quiet"]
        if job.wants_latency:
            argv += ["--output", str(job.folder / "artillery-report.json")]
        home = job.folder / "home"
        home.mkdir()
        return Command(argv + [script], env={
            "ARTILLERY_DISABLE_TELEMETRY": "true",
            "HOME": str(home),
            "PEERS_PAYLOAD": str(work.payload_bytes),
            "PEERS_ROOMS": str(work.rooms),
            "PEERS_SECONDS": str(work.ramp_s + work.steady_s),
            # One core, one worker.
            "WORKERS": "1",
        })

    def _flow(self, work: Work) -> "list[object]":
        if not work.sends:
            return [{"think": work.steady_s}]
        text = "x" * work.payload_bytes
        if not work.per_second:
            if self._timed:
                return [{"function": "roundTrips"}]
            once = {"send": {"payload": text, "match": {"regexp": "x", "strict": False}}}
            return [{"loop": [once], "whileTrue": "inTime"}]
        if self._timed:
            text = "{{ payload }}"
        flow: "list[object]" = [{"function": "listen"}] if self._timed else []
        if work.rooms:
            # A string is sent as it is; an object would be turned into text for each message.
            join = '{"type":"Join","room":"{{ room }}","username":"{{ user }}"}'
            flow += [{"function": "meet"}, {"send": join}]
            text = f'{{"type":"Message","room":"{{{{ room }}}}","content":"{text}"}}'
        # With its unit: a number that is not whole would be taken for milliseconds.
        pause = f"{1000 / work.per_second:.0f}ms"
        send: "list[object]" = [{"send": text}, {"think": pause}]
        if self._timed:
            send.insert(0, {"function": "stamp"})
        return flow + [{"loop": send, "count": work.messages_each}]

    def told(self, job: Job) -> Told:
        report = json.loads((job.folder / "artillery-report.json").read_text())
        found = report["aggregate"].get("summaries", {}).get(LATENCY)
        if found is None:
            return Told(how="no latency of messages")
        return Told(p90=found["p90"], p99=found["p99"], mean=found.get("mean"), max=found["max"],
                    how="a function of ours, from sent")
