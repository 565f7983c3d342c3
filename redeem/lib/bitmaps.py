"""Sets of coupon numbers as tablets get them: a whole set as a bitmap, what changed as gaps. `static/clerk/domain/bitmaps.js` reads both.

Coupons of a campaign are numbered from 0, so a bitmap is exact and small: 125 kB for a million, 14 to 69 kB when compressed.
Gaps are the differences between sorted numbers, less one, as LEB128 varints.
"""

from collections.abc import Iterable


def to_bitmap(numbers: Iterable[int], size: int) -> bytes:
    """`size` bits, the lowest number in the lowest bit of the first byte. Raises IndexError for a number beyond."""
    bits = bytearray((size + 7) // 8)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return bytes(bits)


def to_gaps(numbers: Iterable[int]) -> bytes:
    """Distinct numbers, in any order, as varints of what lies between them."""
    written, previous = bytearray(), -1
    for number in sorted(set(numbers)):
        _varint(written, number - previous - 1)
        previous = number
    return bytes(written)


def from_gaps(gaps: bytes) -> list[int]:
    numbers, number, value, shift = [], -1, 0, 0
    for byte in gaps:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            number += value + 1
            numbers.append(number)
            value = shift = 0
    return numbers


def _varint(written: bytearray, value: int) -> None:
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
