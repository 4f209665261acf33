"""Frames in the memory of a detector server, which overwrites them: asked for once, never waited for."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
from blissdata.lima.client import LimaClient
from blissdata.redis_engine.store import DataStore
from numpy.typing import NDArray

logger = logging.getLogger(__name__)
LEFT_ALONE_S = 5.0  # a server that failed is not asked again for so long: each call to a dead one costs seconds


class LimaMemory:
    """The ring buffer behind one image stream.

    blissdata's own stream waits for the file of a frame that the server no longer has, and waits for ever where BLISS
    died before it sealed the stream.
    """

    def __init__(self, stream: Any, store: DataStore) -> None:
        self._url = stream.info["lima_info"]["server_url"]
        self._client = LimaClient(store, _nothing_new, **stream.info["lima_info"])
        self._not_before = 0.0

    def image(self, index: int, acquired: int) -> NDArray[np.generic] | None:
        """Frame `index` of the scan (rows, columns); None if the server does not have it (any more)."""
        if time.monotonic() < self._not_before:
            return None
        self._client.update(
            last_index=acquired - 1, sealed=True
        )  # sealed and nothing saved: there is no file to wait for
        try:
            return np.asarray(self._client[index])
        except IndexError:
            return None
        except Exception as error:  # Tango's own: the frame comes from its file, or counts as missing
            logger.warning("%s gives no frames: %s", self._url, str(error).strip().splitlines()[0])
            self._not_before = time.monotonic() + LEFT_ALONE_S
            return None


def _nothing_new() -> None:
    """What LimaClient calls while it waits for a file; it never does here."""
