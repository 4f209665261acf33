"""What to measure next, reasoned from what was measured: no learning, no file, no clock."""

from braggline_models.recommendation.curve import CurveShape, curve_shape
from braggline_models.recommendation.limits import ScanLimits, clipped
from braggline_models.recommendation.next_scan import ACTIONS, next_scan
from braggline_models.recommendation.plan import Goal, Plan
from braggline_models.recommendation.summary import ScanSummary, summarise

__all__ = [
    "ACTIONS",
    "CurveShape",
    "Goal",
    "Plan",
    "ScanLimits",
    "ScanSummary",
    "clipped",
    "curve_shape",
    "next_scan",
    "summarise",
]
