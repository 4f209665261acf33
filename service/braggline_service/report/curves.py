"""What is drawn as curves: the rocking curve, and how well each q is known."""

from __future__ import annotations

import math

import numpy as np

from braggline_service.nexus import ScanResult
from braggline_service.report.markup import nothing
from braggline_service.report.plots import Curve, Line, plot

TRANSFER = "phase retrieval transfer function"
NO_FSC = "FSC: not worked out, two halves of the runs need at least two runs each."


def rocking_curve(result: ScanResult) -> str:
    """Counts of a frame over the scanned angle, on a scale of powers of ten; frames without counts are left out."""
    curve = Curve("counts", result.positions, result.rocking_curve)
    return plot(
        "rocking curve",
        f"{'energy' if result.scanned_unit == 'eV' else 'rocking angle'} ({result.scanned_unit})",
        "counts of a frame",
        [curve],
        log=True,
    )


def transfer(result: ScanResult) -> str:
    """PRTF, and FSC where two halves of the runs were compared, over |q - Q|."""
    quality = result.reconstruction.quality
    q_per_nm = np.asarray(quality.prtf_q_per_m, float) * 1e-9
    curves = [Curve("PRTF", q_per_nm, quality.prtf)]
    halves = len(quality.fsc) == len(q_per_nm) and bool(np.isfinite(quality.fsc).any())
    if halves:
        curves.append(Curve("FSC of two halves", q_per_nm, quality.fsc))
    lowest = float(np.nanmin(quality.fsc)) if halves else 0.0
    lines = [Line("1/e", y=math.exp(-1))]
    if math.isfinite(quality.resolution_m) and quality.resolution_m > 0:
        told = f"{quality.resolution_m * 1e9:.1f} nm"
        lines.append(Line(told, x=math.pi / quality.resolution_m * 1e-9))
    y_label = "PRTF, FSC" if halves else "PRTF"
    drawn = plot(TRANSFER, "|q − Q| (1/nm)", y_label, curves, lines, y_range=(min(0.0, lowest - 0.05), 1.1))
    return drawn if halves else drawn + nothing(NO_FSC)
