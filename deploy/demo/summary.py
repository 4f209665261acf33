"""What the demo measured, for people and as JSON with the keys of `bench latency` and of `reconstruct`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import tango

from braggline_service.board import Board
from braggline_service.cli.told import RESULT_KEYS
from braggline_service.connection import connect
from demo.chain import Chain
from demo.watch import Picture


def summary(
    running: Chain, scan: dict[str, Any], without: dict[str, Any], pictures: list[Picture], scan_ended_s: float
) -> dict[str, Any]:
    """One flat object; `pictures_during_scan` counts the strain maps that a client saw before the scan was over."""
    snapshot = Board(connect(running.stack.redis_url)).latest()
    values = dict(snapshot.values) if snapshot else {}
    advisor = tango.DeviceProxy(running.device("BraggAdvisor"))
    document = Board(connect(running.stack.redis_url)).read("recommendation")
    return {
        "frames": values.get("frames_expected"),
        "scan_s": scan["duration_s"],
        "scan_without_s": without.get("duration_s"),
        "first_preview_fraction": values.get("first_preview_fraction"),
        "foreseen_fraction": values.get("foreseen_fraction"),
        "map_after_last_frame_s": values.get("map_latency_s"),
        "final_after_last_frame_s": values.get("latency_s"),
        "frames_missing": values.get("frames_missing"),
        "frames_published": values.get("frames_published"),
        "frames_processed": values.get("frames_processed"),
        "pictures_during_scan": sum(picture.at_s < scan_ended_s for picture in pictures),
        **{key: values.get(key) for key in RESULT_KEYS},
        "elapsed_s": values.get("latency_s"),
        "service_peak_bytes": peak_bytes(running),
        "stage": snapshot.stage if snapshot else "waiting",
        "message": values.get("message", ""),
        "flags": values.get("flags", []),
        "recommendation": document.get("recommendation", document),
        "advisor_state": str(advisor.state()),
        "file": values.get("result_file"),
        "report": values.get("report"),
    }


def peak_bytes(running: Chain) -> int:
    """Sum of the largest resident memory that each process of the service has had."""
    parts = [psutil.Process(part["pid"]) for part in running.stack.status().values()]
    family = {process.pid for part in parts for process in (part, *part.children(recursive=True))}
    return sum(_peak_bytes(pid) for pid in family)


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def told(result: dict[str, Any], path: Path) -> str:
    """The summary for a person."""
    advice = result["recommendation"]
    without = f"{result['scan_without_s']:.1f} s without" if result["scan_without_s"] else "not compared"
    lines = [
        "",
        f"result         {result['message']}",
        f"frames         {result['frames_expected']} expected = {result['frames_published']} published"
        f" = {result['frames_processed']} processed, {result['frames_missing']} missing",
        f"scan           {result['scan_s']:.1f} s with the service, {without}",
        f"first preview  at {_share(result['first_preview_fraction'])} of the frames;"
        f" {result['pictures_during_scan']} strain maps on Tango while BLISS was scanning",
        f"foreseen       previews agree with the final object from"
        f" {_share(result['foreseen_fraction'])} of the frames on",
        f"final map      {_number(result['map_after_last_frame_s'], '.1f')} s after the last frame, its file and report"
        f" after {_number(result['final_after_last_frame_s'], '.1f')} s",
        f"memory         {result['service_peak_bytes'] / 2**30:.2f} GiB at most, the whole service",
        f"quality        free LLK {_number(result['free_llk'], '.3f')}, agreement {_number(result['agreement'], '.3f')}"
        f" of {result['runs_kept']} runs, resolution {_number(result['resolution_m'], '.2e')} m,"
        f" strain rms {_number(result['strain_rms'], '.2e')}, {result['voxels']} voxels",
        f"defects        {_defects(result['defects'] or {})}",
        f"next           {advice.get('action', '-')}: {advice.get('reason', '-')}",
        f"gain           {advice.get('expected_gain', '-')}",
        f"file           {result['file']}",
        f"report         {result['report']}",
        f"summary        {path}",
    ]
    return "\n".join(lines) + "\n"


def _defects(found: dict[str, Any]) -> str:
    """Each that was found by its kind; what one reflection does not see is not denied."""
    lines = [f"{line['kind']}, |g.b| {abs(line['g_dot_b']):.0f}" for line in found.get("lines", [])]
    return (
        "; ".join([*lines, *(plane["kind"] for plane in found.get("planes", []))]) or "none that this reflection sees"
    )


def _number(value: float | None, form: str) -> str:
    return "unknown" if value is None else format(value, form)


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.0%}"
