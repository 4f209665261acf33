"""BraggReconstruction: the growing strain map, and what a scientist tunes of it."""

from __future__ import annotations

import threading
from typing import Any

from tango import AttrWriteType
from tango.server import attribute, command, device_property

from braggline_models.errors import BadInput
from braggline_service.board import Snapshot
from braggline_service.recipes import learned_names, load_recipe
from braggline_service.samples import sample_of
from braggline_service.settings import config_dir
from braggline_tango.accepted import accept, accepted_scans
from braggline_tango.attributes import RECONSTRUCTION
from braggline_tango.face import Face
from braggline_tango.kept import Kept, keep_property
from braggline_tango.pusher import BoardWait
from braggline_tango.reading import GROWING, read_snapshot, three_indices
from braggline_tango.state import state_of
from braggline_tango.told import told
from braggline_tango.work import Work

TUNED = {"access": AttrWriteType.READ_WRITE, "memorized": True, "hw_memorized": True}


class BraggReconstruction(Face):
    """Promise: the result of the scan published last, INVALID before there is one, CHANGING while it grows, VALID when
    it is final, ALARM where its quality gate failed, it was aborted or broke.

    ON: idle. RUNNING: a scan is being reconstructed. ALARM: the status says why the result is not to be trusted.
    """

    rows = RECONSTRUCTION

    RunJobs = device_property(dtype=bool, default_value=True, doc="false: the jobs are started by another program")
    KeptSliceIndex = device_property(
        dtype=(int,), default_value=[-1, -1, -1], doc="written by the attribute SliceIndex"
    )

    Recipe = attribute(dtype=str, label="recipe", doc="a file of config/recipes, or a schedule", **TUNED)
    Runs = attribute(
        dtype=int,
        label="runs",
        min_value=0,
        max_value=200,
        doc="seeds of the final pass; 0: as the recipe says",
        **TUNED,
    )
    SupportThreshold = attribute(
        dtype=float, label="support threshold", min_value=0.0, max_value=0.9, format="%.3f",
        doc="of shrink-wrap; 0: as the recipe says", **TUNED,
    )  # fmt: skip
    Isosurface = attribute(
        dtype=float, label="isosurface", min_value=0.0, max_value=0.9, format="%.3f",
        doc="amplitude where the crystal ends; 0: as the recipe says", **TUNED,
    )  # fmt: skip
    Material = attribute(dtype=str, label="material", doc="such as Pt; empty: as configured", **TUNED)
    Reflection = attribute(dtype=str, label="reflection", doc="such as 1,1,1; empty: as configured", **TUNED)
    InPlane = attribute(
        dtype=str, label="in-plane direction", doc="crystal direction along the sample frame's x; empty: as configured",
        **TUNED,
    )  # fmt: skip
    Learned = attribute(
        dtype=str, label="learned", doc="models that take part, by name; none: not one; empty: as the recipe says",
        **TUNED,
    )  # fmt: skip
    SliceIndex = attribute(
        dtype=("DevLong",), max_dim_x=3, access=AttrWriteType.READ_WRITE, label="slices",
        doc="voxel at which the maps are cut, along z, y, x; -1: the center",
    )  # fmt: skip

    def init_device(self) -> None:
        self._kept = Kept("parameters")
        self._snapshot: Snapshot | None = None
        self._accepted: dict[str, float] = {}
        self._work: Work | None = None
        self._jobs: Any = None
        self._cut_again = threading.Event()
        super().init_device()
        self._slice_index = three_indices(self.KeptSliceIndex)

    def begin(self) -> None:
        self.start_pusher(BoardWait(self.board))
        if self.RunJobs:
            self._work = Work(f"jobs of {self.get_name()}", lambda stop: self._dispatcher().run(stop), lambda: None)
            self._work.start()

    def end(self) -> None:
        if self._work is not None:
            self._work.close()

    def deliver(self, changed: bool) -> None:
        if changed:
            self._kept.sync(self.board)
            self._accepted = accepted_scans(self.board)
            self._snapshot = self.board.latest()
        snapshot = self._snapshot
        accepted = snapshot is not None and snapshot.scan in self._accepted
        shown = {}
        if changed or self._cut_again.is_set():
            self._cut_again.clear()
            shown = read_snapshot(snapshot, self._slice_index, accepted)
        jobs = self._jobs.status if self._work is not None and self._jobs is not None else None
        failure = self._work.failure if self._work is not None else ""
        self.publish(shown, *state_of(snapshot, accepted, jobs, failure))

    # ---- what a scientist tunes
    def read_Recipe(self) -> str:
        return str(self._kept.get("recipe", self.settings.recipe))

    def write_Recipe(self, name: str) -> None:
        with told("Recipe"):
            known = sorted(path.stem for path in (config_dir() / "recipes").glob("*.yaml"))
            if name not in known and "**" not in name:
                raise BadInput(
                    f"recipe '{name}' is unknown; use one of {', '.join(known)} (config/recipes), "
                    "or a schedule such as (RAAR**50,SW)**12,ER**100"
                )
            load_recipe(name)
        self._tune("recipe", name)

    def read_Runs(self) -> int:
        return int(self._kept.get("runs", 0) or 0)

    def write_Runs(self, runs: int) -> None:
        self._tune("runs", int(runs) or None)

    def read_SupportThreshold(self) -> float:
        return float(self._kept.get("support_threshold", 0.0) or 0.0)

    def write_SupportThreshold(self, threshold: float) -> None:
        self._tune("support_threshold", float(threshold) or None)

    def read_Isosurface(self) -> float:
        return float(self._kept.get("isosurface", 0.0) or 0.0)

    def write_Isosurface(self, level: float) -> None:
        self._tune("isosurface", float(level) or None)

    def read_Material(self) -> str:
        return str(self._kept.get("material", "") or "")

    def write_Material(self, symbol: str) -> None:
        self._tune_sample("material", symbol)

    def read_Reflection(self) -> str:
        return str(self._kept.get("reflection", "") or "")

    def write_Reflection(self, hkl: str) -> None:
        self._tune_sample("reflection", hkl)

    def read_InPlane(self) -> str:
        return str(self._kept.get("in_plane", "") or "")

    def write_InPlane(self, uvw: str) -> None:
        self._tune_sample("in_plane", uvw)

    def read_Learned(self) -> str:
        return str(self._kept.get("learned", "") or "")

    def write_Learned(self, names: str) -> None:
        with told("Learned"):
            load_recipe("default", {"learned": learned_names(names)})
        self._tune("learned", names.strip() or None)

    def read_SliceIndex(self) -> list[int]:
        return list(self._slice_index)

    def write_SliceIndex(self, indices: Any) -> None:
        with told("SliceIndex"):
            self._slice_index = three_indices([int(v) for v in indices])
        keep_property(self, "KeptSliceIndex", self._slice_index)
        self._cut_again.set()

    # ---- commands
    @command(doc_in="make the result of the scan that is shown again, with the parameters of now")
    def Reprocess(self) -> None:
        with told("Reprocess"):
            scan = self._scan("reprocess")
            self._dispatcher().reprocess(scan)

    @command(doc_in="end the reconstruction that is running; frames go on being kept")
    def Abort(self) -> None:
        with told("Abort"):
            scan = self._scan("abort")
            snapshot = self._snapshot
            if snapshot is not None and snapshot.stage not in GROWING:
                raise BadInput(f"nothing to abort: {scan} is {snapshot.stage}")
            self._dispatcher().abort(scan)

    @command(doc_in="take the result that is shown as good although its gate failed")
    def Accept(self) -> None:
        with told("Accept"):
            scan = self._scan("accept")
            if self._snapshot is not None and self._snapshot.stage in GROWING:
                raise BadInput(f"nothing to accept yet: {scan} is {self._snapshot.stage}; wait for its final result")
            accept(self.board, scan)

    # ---- inside
    def _tune_sample(self, key: str, text: str) -> None:
        with told(key):
            sample_of(self.settings.sample, {key: text})
        self._tune(key, text.strip() or None)

    def _tune(self, key: str, value: Any) -> None:
        self._kept.set(key, value)
        if self._pusher is not None:
            self._kept.request_sync(self.board)

    def _scan(self, verb: str) -> str:
        if self._snapshot is None:
            raise BadInput(f"nothing to {verb}: no scan has been reconstructed yet")
        return self._snapshot.scan

    def _dispatcher(self) -> Any:
        """Made when it is needed: it brings dask along."""
        if self._jobs is None:
            from braggline_service.connection import connect
            from braggline_service.jobs import Dispatcher

            self._jobs = Dispatcher(self.settings, connect(self.settings.redis.url))
        return self._jobs
