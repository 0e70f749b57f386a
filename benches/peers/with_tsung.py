"""tsung with its WebSocket type, in one Erlang VM (`use_controller_vm`) and without a web page.

A request waits for its answer and is timed (`ack="parse"`), or is not (`no_ack`). Where other
people's messages arrive too, the first of them would be taken for the answer, so there only
`no_ack` tells no untruths.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from typing import Optional
from xml.sax.saxutils import escape

from tools import Command, Told, Tool, write
from work import Job, Work

# Users of a room each get a line of this file in turn.
USERS = "users.csv"
# More than any loop reaches before the run's time is over.
FOREVER = 10_000_000


class Tsung(Tool):
    name = "tsung"

    def missing(self) -> Optional[str]:
        return None if shutil.which("tsung") else "there is no tsung: apt has it as tsung"

    def version(self) -> str:
        told = subprocess.run(["tsung", "-v"], capture_output=True, text=True, timeout=60,
                              check=False)
        return (told.stdout + told.stderr).split()[-1]

    def times(self, work: Work) -> str:
        if work.rooms:
            return "neither counts nor times what it receives"
        return "times each message, one after the other" if work.sends else ""

    def command(self, job: Job) -> Command:
        epmd_port = _free_port()
        write(job.folder / "tsung.xml", self._xml(job))
        if job.work.rooms:
            write(job.folder / USERS, "".join(
                f"r{n % job.work.rooms},u{n}\n" for n in range(job.work.connections)))
        home = job.folder / "home"
        home.mkdir()
        argv = [
            "tsung", "-n", "-I", "127.0.0.1", "-w", "0", "-p", "250000",
            "-l", str(job.folder / "log"), "-f", str(job.folder / "tsung.xml"), "start",
        ]
        return Command(argv, env={
            # A port mapper of its own, on loopback only, as the VM itself.
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
            "HOME": str(home),
        })

    def _xml(self, job: Job) -> str:
        work = job.work
        # Reached in the closed loop alone; elsewhere sessions end by themselves.
        seconds = work.ramp_s + work.steady_s if work.sends and not work.per_second else 600
        rate = work.connections // (work.ramp_s or 1)
        # Each sample is kept, or only sums.
        backend = ' backend="fullstats"' if job.wants_latency else ""
        files = f'<option name="file_server" id="users" value="{job.folder / USERS}"/>'
        return f"""<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "/usr/share/tsung/tsung-1.0.dtd" []>
<tsung loglevel="warning" version="1.0"{backend}>
  <clients><client host="localhost" use_controller_vm="true" maxusers="25000"/></clients>
  <servers><server host="{job.host}" port="{job.port}" type="tcp"/></servers>
  <load duration="{seconds}" unit="second">
    <arrivalphase phase="1" duration="600" unit="second">
      <users maxnumber="{work.connections}" arrivalrate="{rate}" unit="second"/>
    </arrivalphase>
  </load>
  <options>{files if work.rooms else ""}</options>
  <sessions>
    <session name="peers" probability="100" type="ts_websocket">
      <request><websocket type="connect" path="/"/></request>
      {self._session(work)}
      <request><websocket type="close"/></request>
    </session>
  </sessions>
</tsung>
"""

    def _session(self, work: Work) -> str:
        if not work.sends:
            return f'<thinktime value="{work.steady_s}"/>'
        text = "x" * work.payload_bytes
        if work.rooms:
            member = (
                '<setdynvars sourcetype="file" fileid="users" delimiter="," order="iter">'
                '<var name="room"/><var name="user"/></setdynvars>'
            )
            join = '{"type":"Join","room":"%%_room%%","username":"%%_user%%"}'
            text = '{"type":"Message","room":"%%_room%%","content":"' + text + '"}'
            return member + _request(join, "parse", True) + self._loop(work, text, "no_ack", True)
        return self._loop(work, text, "parse", False)

    def _loop(self, work: Work, text: str, ack: str, filled_in: bool) -> str:
        times = work.messages_each if work.per_second else FOREVER
        think = f'<thinktime value="{1 / work.per_second:g}"/>' if work.per_second else ""
        return (f'<for var="n" from="1" to="{times}" incr="1">'
                f"{_request(text, ack, filled_in)}{think}</for>")

    def told(self, job: Job) -> Told:
        samples = []
        for path in sorted(job.folder.glob("log/*/tsung-fullstats.log")):
            # One of them alone, or a list of those since the last.
            for some in re.findall(r"\{sample,request,\s*([^{}]+)\}", path.read_text()):
                samples += [float(ms) for ms in re.findall(r"[\d.]+(?:e-?\d+)?", some)]
        if not samples:
            return Told(how="no latency of messages")
        samples.sort()
        at = lambda share: samples[min(len(samples) - 1, int(share * len(samples)))]
        return Told(p90=at(0.9), p99=at(0.99), mean=sum(samples) / len(samples), max=samples[-1],
                    how="from its file of all samples; it prints mean and max alone")


def _request(text: str, ack: str, filled_in: bool) -> str:
    subst = ' subst="true"' if filled_in else ""
    return (f'<request{subst}><websocket type="message" ack="{ack}" frame="text">'
            f"{escape(text)}</websocket></request>")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
