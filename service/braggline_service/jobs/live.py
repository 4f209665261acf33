"""The job of one scan: follow its stream, phase what is there, publish, and write the result when the scan is over.

The job keeps nothing that it could not make again: run once more, it replays the stream from the first frame.
"""

from __future__ import annotations

import logging
import time

import numpy as np
from redis import Redis

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import Progress
from braggline_models.scan import RockingCurve
from braggline_service.advice import Advice
from braggline_service.beamlines import load_beamline
from braggline_service.board import PREFIX, Board
from braggline_service.connection import connect, patiently
from braggline_service.jobs.feed import FrameFeed
from braggline_service.jobs.foresight import Foresight
from braggline_service.jobs.pace import give_way, take_turns
from braggline_service.jobs.publisher import AWAY_FOR_S, Publisher, slice_arrays, strain_arrays
from braggline_service.nexus import result_path, write_result
from braggline_service.recipes import tuned_recipe
from braggline_service.report import write_report
from braggline_service.samples import sample_of
from braggline_service.settings import Settings
from braggline_service.stages.growing import GrowingCurve
from braggline_service.stages.pipeline import Pass, Pipeline
from braggline_service.stages.result import scan_result
from braggline_service.stages.summary import summary_values
from braggline_service.stages.triage import triaged
from braggline_service.streams import FrameReader, commit, counts

logger = logging.getLogger(__name__)

FIRST_FRAMES = 8  # fewer say nothing about a volume
TRUSTED_SHARE = 0.6  # of the frames; measured: previews agree with the final map to 0.9 from 54 to 64 % on
EARLY = "early preview: shape and strain are not to be trusted yet"
TELL_S = 0.5  # between two tellings of progress
MEASURING_SHARE = 0.7  # of the progress; the rest is the final pass
ASK_S = 0.2  # between two questions whether to stop: an iteration takes less time than the answer


class Stopped(Exception):
    """Somebody asked for the end of this job."""


def stop_key(scan: str) -> str:
    """The Redis key that ends the scan's job when it exists."""
    return f"{PREFIX}:scan:{scan}:stop"


def reconstruct_scan(scan: str, settings: Settings) -> str:
    """Run the job of `scan` in this process; gives the path of the result file, or '' where there is none."""
    redis = connect(settings.redis.url)
    publisher = Publisher(Board(redis), scan)
    try:
        return LiveJob(scan, settings, redis, publisher).run()
    except Stopped:
        publisher.tell("aborted", 1.0, {"message": f"{scan}: stopped on request; Reprocess makes it again"})
    except BadInput as error:
        logger.warning("scan %s: %s", scan, error)
        publisher.tell("failed", 1.0, {"message": str(error)})
    commit(redis, scan)
    return ""


class LiveJob:
    """One scan from its first frame to its file."""

    def __init__(self, scan: str, settings: Settings, redis: Redis, publisher: Publisher) -> None:
        self.scan = scan
        self.settings = settings
        self.redis = redis
        self.board = Board(redis)
        self.publisher = publisher
        self.reader = FrameReader(redis, scan)
        self.header = self.reader.header()
        tuned = self.board.read("parameters")
        self.recipe = tuned_recipe(settings.recipe, tuned)
        self.pipeline = Pipeline(
            self.recipe, seed=0, threads=settings.jobs.threads_per_worker, device=settings.jobs.device,
            sample=sample_of(settings.sample, {key: tuned.get(key) for key in ("material", "reflection", "in_plane")}),
        )  # fmt: skip
        growing = GrowingCurve(self.header, load_beamline(self.header.beamline or settings.beamline))
        self.feed = FrameFeed(self.reader, growing, self._tell_frames, take_turns, settings.live.stalled_after_s)
        self.first_preview_fraction: float | None = None
        self.map_latency_s = float("nan")
        self.foresight = Foresight()
        self._told_at = self._asked_at = 0.0
        self._asked_to_stop = False
        self._sliced = -1

    def run(self) -> str:
        self.publisher.tell("following", 0.0, {"message": f"following {self.header.name}", "title": self.header.title})
        self.feed.start()
        try:
            give_way()
            self._follow()
            take_turns()  # once more: the last frame may have been there before this thread gave way
            return self._finish()
        finally:
            take_turns()
            self.feed.close()

    def _follow(self) -> None:
        """Passes while frames arrive, each over all that is there."""
        growing, seen = self.feed.growing, 0
        while not self.feed.complete.is_set():
            enough = max(FIRST_FRAMES, self.settings.live.first_pass_fraction * growing.n_expected)
            if growing.n_measured < enough or growing.n_measured == seen or not self.header.n_frames:
                self.feed.wait(0.2)
                self._check()
                continue
            seen = growing.n_measured
            self._look_at_slice()
            curve = self.feed.curve()
            if self.pipeline.ripe(curve):
                self._begin_final(curve)
                continue
            result = self.pipeline.preview(curve, self.settings.live.runs_while_measuring, self._ended)
            self._check()
            if result is not None:
                self._tell_pass(result, seen)
                self.foresight.add(seen / growing.n_expected, result)
        self.feed.check()

    def _begin_final(self, curve: RockingCurve) -> None:
        """What the final pass can do without the last frames; once they are there it goes on with all threads."""
        for _ in self.pipeline.begin_final(curve, self._stopping):
            if self._ended():
                break
        self._check()

    def _look_at_slice(self) -> None:
        """Phase the brightest frame in 2D once it lies behind, and again where a brighter one has come since."""
        brightest = self.feed.growing.brightest
        if brightest == self._sliced or brightest > self.feed.growing.n_measured - 3:
            return
        self._sliced = brightest
        try:
            result = self.pipeline.first_look(self.feed.curve())
        except BadInput as error:
            logger.info("scan %s: no 2D preview of frame %d: %s", self.scan, brightest, error)
            return
        self.publisher.tell(values={"slice_frame": brightest}, arrays=slice_arrays(result))

    def _finish(self) -> str:
        aborted = self.reader.state() == "aborted" or self.feed.stalled
        curve = self.feed.curve(whole=not aborted)
        self.publisher.tell("phasing", MEASURING_SHARE, {"message": "the scan is over: final pass"})
        last: Pass | None = None
        for step in self.pipeline.finish(curve, self._stopping, show_unrefined=True):
            if isinstance(step, Progress):
                self._tell_progress(step)
            else:
                last = step
                self._tell_map(step)
        self._check()
        assert last is not None
        return self._deliver(last, aborted)

    def _tell_map(self, step: Pass) -> None:
        """The map once it is there; then, refined, once more."""
        message = (
            "final map; its file is being written" if step.reconstruction.final else "map of all frames, to be refined"
        )
        self.publisher.tell(values={"message": message}, arrays=strain_arrays(step.strain))
        if not np.isfinite(self.map_latency_s):
            self.map_latency_s = time.monotonic() - self.feed.last_frame_at

    def _deliver(self, last: Pass, aborted: bool) -> str:
        """File first, then the board, then the commit: whatever dies in between, the job can run again."""
        self.feed.join()  # nobody writes to the stream any more
        frames = patiently(lambda: counts(self.redis, self.scan), AWAY_FOR_S)
        result = scan_result(
            self.feed.curve(whole=not aborted), last, self.pipeline, self.settings, frames.missing, aborted=aborted,
            elapsed_s=time.monotonic() - self.feed.last_frame_at,
        )  # fmt: skip
        path = result_path(self.settings, self.header.name, self.header.data_path, result.provenance)
        write_result(path, result)
        report = write_report(path.with_suffix(".html"), result)
        latency = time.monotonic() - self.feed.last_frame_at
        files = {
            "result_file": str(path), "report": str(report), "latency_s": latency, "map_latency_s": self.map_latency_s,
        }  # fmt: skip
        counted = {
            "frames_published": frames.published, "frames_acquired": frames.acquired,
            "frames_processed": frames.processed, "first_preview_fraction": self.first_preview_fraction,
            "foreseen_fraction": self.foresight.fraction(last),
        }  # fmt: skip
        message = (
            f"{self.header.name}: {'aborted scan, ' if aborted else ''}strain map of {last.volume.frames_used} frames"
        )
        values = {**summary_values(result), **files, **counted, "message": message}
        advice = result.recommendation
        if advice is not None:
            patiently(lambda: Advice(self.board, self.settings.advice).put(self.scan, advice), AWAY_FOR_S)
        self.publisher.tell("aborted" if aborted else "final", 1.0, values, strain_arrays(last.strain))
        patiently(lambda: commit(self.redis, self.scan), AWAY_FOR_S)
        logger.info("scan %s: %s, %.1f s after its last frame: %s", self.scan, message, latency, path)
        return str(path)

    # ---- telling
    def _tell_frames(self) -> None:
        growing, now = self.feed.growing, time.monotonic()
        if now - self._told_at < TELL_S and growing.n_measured < growing.n_expected:
            return  # each telling costs every client a picture: the scan comes first
        self._told_at = now
        values = {"frames_expected": growing.n_expected, "frames_used": growing.n_measured}
        share = MEASURING_SHARE * growing.n_measured / max(growing.n_expected, 1)
        self.publisher.tell(progress=share, values=values, arrays=growing.rocking_curve())

    def _tell_progress(self, step: Progress) -> None:
        now = time.monotonic()
        if now - self._told_at < TELL_S:
            return
        self._told_at = now
        share = MEASURING_SHARE + (1 - MEASURING_SHARE) * step.iteration / max(step.total, 1)
        self.publisher.tell(progress=min(share, 0.99))

    def _tell_pass(self, result: Pass, seen: int) -> None:
        growing = self.feed.growing
        if self.first_preview_fraction is None:
            self.first_preview_fraction = growing.n_measured / max(growing.n_expected, 1)
        quality = result.reconstruction.quality
        values = {
            "free_llk": quality.free_llk, "agreement": quality.agreement, "resolution_m": quality.resolution_m,
            "strain_rms": result.strain.strain_rms, "voxel_size_m": result.strain.voxel_size_m,
            "runs_total": quality.runs_total, "first_preview_fraction": self.first_preview_fraction,
            "flags": [EARLY] if seen < TRUSTED_SHARE * growing.n_expected else [],
            "message": f"preview from {seen} of {growing.n_expected} frames",
        }  # fmt: skip
        self.publisher.tell("phasing", values=values, arrays=strain_arrays(result.strain))
        if odds := triaged(result.volume, self.pipeline.models):  # the map does not wait for it
            self.publisher.tell(values=odds)

    # ---- stopping
    def _stopping(self) -> bool:
        now = time.monotonic()
        if now - self._asked_at > ASK_S:
            self._asked_at = now
            self._asked_to_stop = bool(patiently(lambda: self.redis.exists(stop_key(self.scan)), AWAY_FOR_S))
        return self._asked_to_stop

    def _ended(self) -> bool:
        """A preview is overtaken once the scan is over: the final pass sees more."""
        return self.feed.complete.is_set() or self._stopping()

    def _check(self) -> None:
        if self._stopping():
            raise Stopped
