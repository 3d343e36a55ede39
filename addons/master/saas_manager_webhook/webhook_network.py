"""Connects to public addresses only, with one deadline for the whole request.

`httpcore` asks a backend for each connection. Ours resolves the name, lets `requests-hardened` check the
address, and connects to exactly that address, so a later change of the DNS has no effect.
"""

import time

import httpcore
from requests_hardened.ip_filter import filter_host


def public_address(host, port):
    """The address of a host name. Raises RequestException: InvalidIPAddress if it is not public."""
    return filter_host(host, port, allow_loopback=False).strip("[]")


class Backend(httpcore.SyncBackend):
    """deadline: as `time.monotonic()`, for the whole request, however slowly bytes arrive."""

    def __init__(self, deadline, allow_private):
        super().__init__()
        self._deadline = deadline
        self._allow_private = allow_private

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        address = host if self._allow_private else public_address(host, port)
        stream = super().connect_tcp(address, port, timeout, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream, deadline):
        self._stream = stream
        self._deadline = deadline

    def _left_s(self, timeout_s, error_class):
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise error_class
        return min(left_s, timeout_s or left_s)

    def read(self, max_bytes, timeout=None):  # pylint: disable=method-required-super
        return self._stream.read(max_bytes, self._left_s(timeout, httpcore.ReadTimeout))

    def write(self, buffer, timeout=None):  # pylint: disable=method-required-super
        self._stream.write(buffer, self._left_s(timeout, httpcore.WriteTimeout))

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        left_s = self._left_s(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left_s), self._deadline)

    def close(self):
        self._stream.close()

    def get_extra_info(self, info):
        return self._stream.get_extra_info(info)
