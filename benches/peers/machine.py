"""Starts a program on one core, waits for it and everything it left behind, and says what all of
them took: CPU time by getrusage, memory by /proc. Linux only.

CPU time is what the kernel accounted to processes that were waited for. A program that leaves a
daemon behind (Erlang's epmd) would take that daemon's share out of the sum, so the harness adopts
orphans (PR_SET_CHILD_SUBREAPER), ends them and waits for them too.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.02
# What is left of a program when it has ended gets so long to end by itself.
ORPHAN_GRACE_S = 0.5


class Failed(Exception):
    """A run that gives no figure; the text says why."""


def adopt_orphans() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise Failed(f"prctl: {os.strerror(ctypes.get_errno())}")


def cores() -> "tuple[int, int]":
    """The server's core and the generator's; the same one if there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def start(argv: "list[str]", core: int, log: Path, env: "Optional[dict[str, str]]" = None,
          cwd: Optional[Path] = None) -> subprocess.Popen:
    """Starts a program on `core`, with as many open files as are allowed, writing to `log`."""

    def in_child() -> None:
        os.sched_setaffinity(0, {core})
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    with open(log, "wb") as out:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True,
                                env={**os.environ, **(env or {})}, preexec_fn=in_child)


@dataclass
class Used:
    """What a program and all of its descendants took."""

    exit_code: int
    cpu_s: float


@dataclass
class Watched:
    """A started program, and the processes that are none of its own."""

    process: subprocess.Popen
    not_its: "set[int]" = field(default_factory=set)

    def tree(self) -> "list[int]":
        """It and its descendants, orphans included: all of ours but `not_its`."""
        children: "dict[int, list[int]]" = {}
        for pid, parent in _parents():
            children.setdefault(parent, []).append(pid)
        found: "list[int]" = []
        waiting = [pid for pid in children.get(os.getpid(), []) if pid not in self.not_its]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, [])
        return found

    def memory_kib(self) -> int:
        """Memory of the tree now: resident, and what processes share counted once (PSS)."""
        return sum(_pss_kib(pid) for pid in self.tree())

    def finish(self, timeout_s: float, meanwhile: Optional[Callable[[], None]] = None) -> Used:
        """Waits for the end, calling `meanwhile` now and then; past the time all are killed."""
        until = time.monotonic() + timeout_s
        late = False
        while True:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > until and not late:
                late = True
                self._kill_tree()
            if meanwhile and not late:
                meanwhile()
            time.sleep(POLL_S)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        cpu_s = usage.ru_utime + usage.ru_stime + self._reap_orphans()
        if late:
            raise Failed(f"not done after {timeout_s:.0f} s")
        return Used(self.process.returncode, cpu_s)

    def _reap_orphans(self) -> float:
        cpu_s = 0.0
        until = time.monotonic() + ORPHAN_GRACE_S
        while True:
            mine = [pid for pid, parent in _parents()
                    if parent == os.getpid() and pid not in self.not_its]
            if not mine:
                return cpu_s
            for pid in mine:
                if time.monotonic() > until:
                    _signal(pid, signal.SIGKILL)
                done, _, usage = os.wait4(pid, os.WNOHANG)
                if done:
                    cpu_s += usage.ru_utime + usage.ru_stime
            time.sleep(POLL_S)

    def abandon(self) -> None:
        """Ends it and all that it started."""
        if self.process.returncode is None:
            self._kill_tree()
            self.process.wait(10)
        self._reap_orphans()

    def _kill_tree(self) -> None:
        for pid in self.tree():
            _signal(pid, signal.SIGKILL)


def end(process: subprocess.Popen) -> None:
    """Ends a program that was started here, if it still runs."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _parents() -> "list[tuple[int, int]]":
    """Every process with its parent."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path("/proc", name, "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The name in brackets may hold spaces and brackets itself.
            found.append((int(name), int(stat.rpartition(")")[2].split()[1])))
    return found


def _pss_kib(pid: int) -> int:
    try:
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
    return 0
