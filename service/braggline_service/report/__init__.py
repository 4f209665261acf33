"""One HTML page that holds a result with its pictures and opens anywhere."""

from braggline_service.report.figures import overview_figure
from braggline_service.report.page import write_report

__all__ = ["overview_figure", "write_report"]
