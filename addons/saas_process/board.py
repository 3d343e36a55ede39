"""A page of memory a tenant's process shares with the spawner: what each tells the other.

`tenantry.spawner.board` has the same layout. The spawner believes nothing of what it reads here; it
only shows it.
"""

import mmap
import struct
import threading
import time

_LAYOUT = struct.Struct("<Q")
SIZE_BYTES = 4096
ENTITLED_SINCE, REQUESTS, LAST_REQUEST_NS, WEBSOCKETS, THREADS, JOBS, IS_BROKEN, HAS_CRONS = range(8)


class Board:
    def __init__(self, descriptor):
        self._memory = mmap.mmap(descriptor, SIZE_BYTES)
        self._lock = threading.Lock()

    def __getitem__(self, field):
        return _LAYOUT.unpack_from(self._memory, field * _LAYOUT.size)[0]

    def __setitem__(self, field, value):
        _LAYOUT.pack_into(self._memory, field * _LAYOUT.size, value)

    def note_request(self):
        with self._lock:
            self[REQUESTS] += 1
            self[LAST_REQUEST_NS] = time.monotonic_ns()
