"""Groups addresses for rate limits."""

from ipaddress import IPv6Address, ip_address

_IPV6_OF_ONE = 64
"""The bits of a customer's network; within it a customer can use any number of addresses."""


def network_of(address):
    """What a limit counts: the address, for IPv6 its network; any other text is returned unchanged."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> _IPV6_OF_ONE << _IPV6_OF_ONE))
