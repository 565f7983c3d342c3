"""Read what redeem/lib/bitmaps.py writes as gaps. The program only writes them; tablets read them."""


def from_gaps(gaps: bytes) -> list[int]:
    """Return the numbers that `to_gaps` encoded, in ascending order."""
    numbers, number, value, shift = [], -1, 0, 0
    for byte in gaps:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            number += value + 1
            numbers.append(number)
            value = shift = 0
    return numbers
