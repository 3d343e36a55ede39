"""A page of memory a tenant's process shares with the spawner: what each tells the other.

`tenantry.spawner.board` has the same layout. What the spawner reads here it shows, and
believes of this tenant only.
"""

import mmap
import struct
import time

_LAYOUT = struct.Struct("<Q")
SIZE_BYTES = 4096
ENTITLED_SINCE, REQUESTS, LAST_REQUEST_NS, WEBSOCKETS, THREADS, JOBS, IS_BROKEN, HAS_CRONS, SEATS = range(9)


class Board:
    def __init__(self, descriptor):
        self._memory = mmap.mmap(descriptor, SIZE_BYTES)

    def __getitem__(self, field):
        return _LAYOUT.unpack_from(self._memory, field * _LAYOUT.size)[0]

    def __setitem__(self, field, value):
        _LAYOUT.pack_into(self._memory, field * _LAYOUT.size, value)

    def note_request(self):
        """One thread at a time."""
        self[REQUESTS] += 1
        self[LAST_REQUEST_NS] = time.monotonic_ns()
