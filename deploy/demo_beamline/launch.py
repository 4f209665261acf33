"""launch.py MODULE [ARGUMENT]...    run a gevent server of the BLISS environment that listens on the loopback only

Beacon binds its sockets to every interface. Here a bind to "" or 0.0.0.0 goes to 127.0.0.1.
"""

import runpy
import sys

sys.path.pop(0)  # this file's own folder: its neighbours are no modules of the server

import bliss  # noqa: F401  first of all: it patches the standard library for gevent
from gevent import socket


def bind(self, address):
    if isinstance(address, tuple) and address[0] in ("", "0.0.0.0", "::"):
        address = ("127.0.0.1", *address[1:])
    return self._sock.bind(address)


socket.socket.bind = bind
sys.argv.pop(0)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
