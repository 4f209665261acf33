"""A detector whose memory no longer holds a frame: the file is looked at, and nothing is waited for."""

import h5py
import numpy as np
import pytest
from blissdata.lima.client import prepare_next_lima_acquisition
from blissdata.redis_engine.store import DataStore
from blissdata.streams.default import Stream
from blissdata.streams.lima import LimaStream

from braggline_service.sources.blissdata_live import LiveScan

pytestmark = pytest.mark.bliss
SHAPE = (12, 10)
SERVER = "tango://127.0.0.1:1/id01/limaccds/nowhere#dbase=no"


@pytest.fixture
def store(blissdata_server):
    return DataStore(blissdata_server.url)


def scan_of_dead_bliss(store, tmp_path):
    """BLISS was killed after five frames: the streams are not sealed, and the detector has begun something else."""
    saving = {
        "file_path": str(tmp_path / "lima_%04d.h5"), "data_path": "/entry_0000/data", "file_format": "hdf5",
        "file_offset": 0, "frames_per_file": 100,
    }  # fmt: skip
    identity = {"name": "ascan", "number": 1, "data_policy": "None", "session": "id01"}
    scan = store.create_scan(identity, info={"npoints": 20})
    offset = prepare_next_lima_acquisition(store, SERVER)
    image = scan.create_stream(
        LimaStream.make_definition("mpx1x4:image", "uint32", SHAPE, SERVER, 64, 20, offset, saving)
    )
    axis = scan.create_stream(Stream.make_definition("axis:eta", "float64"))
    scan.prepare()
    scan.start()
    axis.send(np.arange(5.0))
    image.send({"last_index": 4, "last_index_saved": 4})
    axis.join()
    image.join()
    prepare_next_lima_acquisition(store, SERVER)
    return scan


@pytest.mark.timeout(60)
def test_a_frame_of_a_dead_scan_is_not_waited_for(store, tmp_path):
    scan = scan_of_dead_bliss(store, tmp_path)
    live = LiveScan(store, scan.key, beamline="id01")
    live.update()
    assert live.open()
    assert live.acquired() == 5
    assert live.image(0) is None
    with h5py.File(tmp_path / "lima_0000.h5", "w") as file:
        file.create_dataset("entry_0000/data", data=np.arange(600, dtype="u4").reshape(5, *SHAPE), chunks=(1, *SHAPE))
    np.testing.assert_array_equal(live.image(3), np.arange(360, 480).reshape(SHAPE))
    assert live.reference(4).index == 4
    scan.close()
