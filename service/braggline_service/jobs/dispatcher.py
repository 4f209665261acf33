"""Starts one job for each scan whose result is not committed yet, and starts it again if its worker dies.

The open scans are listed in Redis, so a dispatcher that is restarted takes up what the last one left.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from distributed import Client, Future, LocalCluster
from redis import Redis

from braggline_service.board import Board, Snapshot
from braggline_service.connection import AWAY
from braggline_service.jobs.live import reconstruct_scan, stop_key
from braggline_service.jobs.warm import warm_up
from braggline_service.settings import Settings
from braggline_service.streams import commit, open_scans, reopen

logger = logging.getLogger(__name__)

POLL_S = 0.1


@dataclass(frozen=True)
class DispatcherStatus:
    """state: 'starting', 'idle', 'running' or 'fault'; message: one line."""

    state: str
    message: str
    scans: tuple[str, ...] = ()


class Dispatcher:
    """Promise: every scan in `open_scans` gets exactly one committed result, or a snapshot that says why not."""

    def __init__(
        self, settings: Settings, redis: Redis, on_change: Callable[[DispatcherStatus], None] | None = None
    ) -> None:
        self.settings = settings
        self.redis = redis
        self.board = Board(redis)
        self.on_change = on_change or (lambda status: None)
        self.status = DispatcherStatus("starting", "starting the workers")
        self._futures: dict[str, Future] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; Redis may go away and come back meanwhile."""
        with ExitStack() as stack:
            client = self._client(stack)
            client.submit(warm_up, pure=False).result()  # imports and compiled kernels: the first scan must not wait
            while not stop.wait(POLL_S):
                try:
                    self._submit_new(client)
                    self._collect()
                    running = tuple(self._futures)
                    self._tell(DispatcherStatus("running" if running else "idle", _sentence(running), running))
                except AWAY as error:
                    self._tell(DispatcherStatus("fault", f"Redis at {self.settings.redis.url} is away: {error}"))
                    stop.wait(1.0)
            for future in self._futures.values():
                future.cancel()

    def abort(self, scan: str) -> None:
        """End the scan's job at its next iteration; its snapshot then says 'aborted'."""
        self.redis.set(stop_key(scan), 1, ex=3600)

    def reprocess(self, scan: str) -> None:
        """Make the result again from the kept frames with the parameters of now. BadInput if they are gone."""
        self.redis.delete(stop_key(scan))
        reopen(self.redis, scan)

    def _client(self, stack: ExitStack) -> Client:
        jobs = self.settings.jobs
        if jobs.scheduler:
            return stack.enter_context(Client(jobs.scheduler, set_as_default=False))
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=jobs.workers,
                threads_per_worker=1,  # one scan at a time; the seeds of a scan share its threads
                memory_limit=jobs.memory_limit,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
            )
        )
        return stack.enter_context(Client(cluster, set_as_default=False))

    def _submit_new(self, client: Client) -> None:
        for scan in open_scans(self.redis):
            if scan not in self._futures:
                logger.info("scan %s: job submitted", scan)
                self._futures[scan] = client.submit(reconstruct_scan, scan, self.settings, pure=False, retries=2)

    def _collect(self) -> None:
        for scan, future in list(self._futures.items()):
            if not future.done():
                continue
            del self._futures[scan]
            if future.status != "finished":
                self._failed(scan, future)

    def _failed(self, scan: str, future: Future) -> None:
        """The job itself reports bad input; what arrives here broke its worker or was a fault of the program."""
        reason = f"{scan}: reconstruction failed: {future.exception()!r}"
        logger.error("%s", reason)
        before = self.board.latest(scan)
        values = dict(before.values) if before else {}
        arrays = before.arrays if before else {}
        self.board.publish(Snapshot(scan, "failed", 1.0, values | {"message": reason}, arrays))
        commit(self.redis, scan)

    def _tell(self, status: DispatcherStatus) -> None:
        if status != self.status:
            self.status = status
            self.on_change(status)


def _sentence(running: tuple[str, ...]) -> str:
    return f"reconstructing {', '.join(running)}" if running else "waiting for a scan"
