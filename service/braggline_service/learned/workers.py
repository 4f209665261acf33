"""Processes beside this one, one thread each, that end when it ends, however it ends."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process

import torch


def workers(number: int) -> ProcessPoolExecutor:
    """A pool of fresh interpreters; without their parent, be it killed, they would wait for work for ever."""
    return ProcessPoolExecutor(number, get_context("spawn"), initializer=_ready)


def _ready() -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
