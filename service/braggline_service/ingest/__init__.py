"""From BLISS into the frame streams: follow what is measured, or play back what was."""

from braggline_service.ingest.follow import Ingest, start_from_now
from braggline_service.ingest.replay import header_of, publish_curve, replay_curve
from braggline_service.ingest.status import IngestStatus

__all__ = ["Ingest", "IngestStatus", "header_of", "publish_curve", "replay_curve", "start_from_now"]
