"""Overwrite a secret in the memory of a zygote, which all processes that it forks get a copy of."""

import ctypes
from pathlib import Path

_libc = ctypes.CDLL(None)
_libc.memmem.restype = ctypes.c_void_p
_libc.memmem.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t]


def overwrite(secret):
    """Overwrite the secret everywhere, also in freed memory. Objects that contain it are unusable then."""
    wanted = ctypes.create_string_buffer(secret.encode())
    own, size = ctypes.addressof(wanted), len(secret.encode())
    for begin, end in _writable_regions():
        place = begin
        while (found := _libc.memmem(place, end - place, own, size)) is not None:
            if found != own:
                ctypes.memset(found, 0, size)
            place = found + size
    ctypes.memset(own, 0, size)


def _writable_regions():
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, rights, *_rest = line.split()
        if rights == "rw-p":
            begin, end = addresses.split("-")
            yield int(begin, 16), int(end, 16)
