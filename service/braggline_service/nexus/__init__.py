"""The result file: NeXus/CXI at fixed paths, so that other programs can rely on it."""

from braggline_service.nexus.atomic import check_writable, written_whole
from braggline_service.nexus.icat import icat_dataset, read_icat
from braggline_service.nexus.place import result_path
from braggline_service.nexus.read import read_result
from braggline_service.nexus.scan_result import ScanResult
from braggline_service.nexus.statistics import told_statistics, unit_of
from braggline_service.nexus.write import write_result

__all__ = [
    "ScanResult",
    "check_writable",
    "icat_dataset",
    "read_icat",
    "read_result",
    "result_path",
    "told_statistics",
    "unit_of",
    "write_result",
    "written_whole",
]
