"""Encode sets of coupon numbers for tablets: a whole set as a bitmap, a few numbers as gaps. `static/clerk/domain/bitmaps.js` decodes.

Coupons of a campaign are numbered from 0, so a bitmap is exact and small: 125 kB for a million, 14 to 69 kB when compressed.
A gap is the difference between two neighbours of the sorted set, less one, written as a LEB128 varint.
"""

from collections.abc import Iterable


def to_bitmap(numbers: Iterable[int], size: int) -> bytes:
    """Return a bitmap of `size` bits. Number 0 is the lowest bit of the first byte. Raises IndexError for a number beyond `size`."""
    bits = bytearray((size + 7) // 8)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return bytes(bits)


def to_gaps(numbers: Iterable[int]) -> bytes:
    """Return the set of these numbers as gaps. Order and repetition do not matter."""
    written, previous = bytearray(), -1
    for number in sorted(set(numbers)):
        _append_varint(written, number - previous - 1)
        previous = number
    return bytes(written)


def _append_varint(written: bytearray, value: int) -> None:
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
