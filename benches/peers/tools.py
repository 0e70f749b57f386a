"""What the harness has to know of a load generator: whether it is there, how it is told to do a
piece of work, and what it reported afterwards. One class for each stands in `with_*.py`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from work import Job, Work


@dataclass
class Command:
    argv: "list[str]"
    env: "dict[str, str]" = field(default_factory=dict)
    # Exit codes that don't mean that the tool failed to do its work.
    good: "tuple[int, ...]" = (0,)


@dataclass
class Told:
    """The latencies that a tool reported, in milliseconds; None for what it does not say."""

    p90: Optional[float] = None
    p99: Optional[float] = None
    mean: Optional[float] = None
    max: Optional[float] = None
    how: str = ""


class Tool:
    name = ""

    def missing(self) -> Optional[str]:
        """Why it can't be run here."""
        raise NotImplementedError

    def version(self) -> str:
        raise NotImplementedError

    def refuses(self, work: Work) -> Optional[str]:
        """Why it can't do this work, or need not."""
        return None

    def times(self, work: Work) -> str:
        """What it counts and times of the messages in this work."""
        raise NotImplementedError

    def command(self, job: Job) -> Command:
        """Writes what the tool reads into the job's folder."""
        raise NotImplementedError

    def told(self, job: Job) -> Told:
        raise NotImplementedError


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def write_json(path: Path, value: object) -> str:
    return write(path, json.dumps(value, indent=1))
