"""The work that every tool is given, as numbers, and what each is judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Work:
    """What one run of a tool has to do."""

    name: str
    mode: str
    connections: int
    # The connections come in evenly over this time. 0: as fast as they can.
    ramp_s: int
    # How long a connection works, or stays, once it is in.
    steady_s: int
    # Of each connection. 0: it sends the next message when the last one came back.
    per_second: float = 0.0
    payload_bytes: int = 64
    rooms: int = 0
    sends: bool = True

    @property
    def messages_each(self) -> int:
        """How many messages a connection sends in its time, in the open workloads."""
        return round(self.per_second * self.steady_s)

    @property
    def members(self) -> int:
        return self.connections // self.rooms if self.rooms else 0

    def lasting(self, steady_s: int) -> "Work":
        return replace(self, steady_s=steady_s)

    def of(self, connections: int, ramp_s: int) -> "Work":
        return replace(self, connections=connections, ramp_s=ramp_s)


@dataclass(frozen=True)
class Job:
    """A piece of work against a server that is up, with a folder for the tool's files."""

    work: Work
    host: str
    port: int
    folder: Path
    # Whether the tool's own latencies are read afterwards, so that it has to write them.
    wants_latency: bool = False

    @property
    def url(self) -> str:
        return f"ws://{self.host}:{self.port}/"


ECHO = Work("echo", "echo", connections=100, ramp_s=1, steady_s=0)
OPEN = Work("open", "echo", connections=1000, ramp_s=2, steady_s=0, per_second=1.0)
# 500 members at one message each 4 s: 125 messages/s to 50 people each, 6,250 deliveries/s.
ROOMS = Work("rooms", "rooms", connections=500, ramp_s=4, steady_s=0, per_second=0.25,
             payload_bytes=128, rooms=10)
IDLE = Work("idle", "echo", connections=0, ramp_s=0, steady_s=0, sends=False)
CONNECT = Work("connect", "echo", connections=0, ramp_s=0, steady_s=0, sends=False)
FREEZE = Work("freeze", "echo", connections=200, ramp_s=1, steady_s=12, per_second=10.0)

NAMES = [work.name for work in (ECHO, OPEN, ROOMS, IDLE, CONNECT, FREEZE)]
