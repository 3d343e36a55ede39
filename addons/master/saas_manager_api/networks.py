"""Whose limits an address counts for."""

from ipaddress import IPv6Address, ip_address

_IPV6_OF_ONE = 64
"""Bits that name a customer's network; of the rest everybody there has as many as they like."""


def network_of(address):
    """The address of whoever may call so often: of IPv6 their network. Text that is none stays as it is."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> _IPV6_OF_ONE << _IPV6_OF_ONE))
