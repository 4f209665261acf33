"""A detector whose memory no longer holds a frame: the file is looked at, HDF5 or EDF, and nothing is waited for."""

import h5py
import numpy as np
import pytest
from blissdata.lima.client import prepare_next_lima_acquisition
from blissdata.redis_engine.store import DataStore
from blissdata.streams.default import Stream
from blissdata.streams.lima import LimaStream
from fabio.edfimage import EdfImage

from braggline_service.sources.blissdata_live import LiveScan
from braggline_service.sources.lima_files import read_references

pytestmark = pytest.mark.bliss
SHAPE = (12, 10)
SERVER = "tango://127.0.0.1:1/id01/limaccds/nowhere#dbase=no"


@pytest.fixture
def store(blissdata_server):
    return DataStore(blissdata_server.url)


def scan_of_dead_bliss(store, tmp_path, suffix="h5", frames_per_file=100):
    """BLISS was killed after five frames: the streams are not sealed, and the detector has begun something else."""
    saving = {
        "file_path": str(tmp_path / f"lima_%04d.{suffix}"), "file_offset": 0, "frames_per_file": frames_per_file,
        "data_path": "/entry_0000/data" if suffix == "h5" else None, "file_format": "hdf5" if suffix == "h5" else "edf",
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


@pytest.mark.timeout(60)
def test_frames_saved_as_edf(store, tmp_path):
    """Three frames a file, the second file half written: what is whole is read, what is not is asked for again."""
    frames = np.arange(600, dtype="u4").reshape(5, *SHAPE)
    scan = scan_of_dead_bliss(store, tmp_path, "edf", 3)
    live = LiveScan(store, scan.key, beamline="id01")
    live.update()
    assert live.open()
    assert live.image(4) is None
    for number, first in enumerate((0, 3)):
        file = EdfImage(data=frames[first])
        for frame in frames[first + 1 : first + 3]:
            file.append_frame(data=frame)
        file.write(str(tmp_path / f"lima_{number:04d}.edf"))
    second = tmp_path / "lima_0001.edf"
    whole = second.read_bytes()
    for kept in (0, 300, len(whole) - 5):
        second.write_bytes(whole[:kept])
        assert live.image(4) is None
    np.testing.assert_array_equal(live.image(3), frames[3])
    second.write_bytes(whole)
    np.testing.assert_array_equal(np.stack([live.image(i) for i in range(5)]), frames)
    place = live.reference(4)
    assert (place.file, place.dataset, place.index) == (str(second), "", 1)
    references = [live.reference(i).model_copy(update={"roi_px": (2, 5, 1, 4)}) for i in range(5)]
    found = read_references(references, 10)
    np.testing.assert_array_equal(np.stack([found[r] for r in references]), frames[:, 2:5, 1:4])
    scan.close()
