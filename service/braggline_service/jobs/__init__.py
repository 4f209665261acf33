"""One job a scan on a dask worker, and the dispatcher that starts them."""

from braggline_service.jobs.dispatcher import Dispatcher, DispatcherStatus

__all__ = ["Dispatcher", "DispatcherStatus"]
