"""writer.py PORT    BLISS's own NeXus writer for the session id01, registered and run (BLISS environment)"""

import os
import sys

sys.path.pop(0)  # this file's own folder: its neighbours are no modules of the server

from blisswriter.tango.servers import NexusWriter
from tango import Database, DbDevInfo

SESSION = "id01"
DEVICE = f"{SESSION}/bliss_nxwriter/{SESSION}"


def register():
    database = Database()
    info = DbDevInfo()
    info.server, info._class, info.name = f"nexuswriter/{SESSION}", "NexusWriter", DEVICE
    database.add_device(info)
    database.put_device_property(DEVICE, {"session": [SESSION], "beacon_host": [os.environ["BEACON_HOST"]]})


if __name__ == "__main__":
    register()
    endpoint = f"giop:tcp:127.0.0.1:{sys.argv[1]}"
    NexusWriter.main(args=["nexuswriter", SESSION, "-ORBendPoint", endpoint])
