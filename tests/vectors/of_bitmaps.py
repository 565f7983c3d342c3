"""Vectors of sets of coupon numbers. Bitmaps and gaps are written here by another way than in the code: as text of bits."""

from typing import Any

SETS = [
    ("nothing", [], 0),
    ("nothing of many", [], 20),
    ("the first", [0], 1),
    ("the last of a byte", [7], 8),
    ("the first of the next byte", [8], 9),
    ("all of eleven", list(range(11)), 11),
    ("some", [0, 3, 9, 17, 18, 19], 20),
    ("neighbours far out", [1_000, 1_001, 1_002], 1_003),
    ("gaps of one and of two bytes", [127, 255, 256, 384, 513], 514),
    ("a gap of three bytes", [20_000], 20_001),
]
# Numbers at which a varint grows by a byte, and the largest that a coupon can have.
FAR = [
    ("gaps around two to the seven", [126, 254, 384]),
    ("gaps around two to the fourteen", [16_383, 32_768]),
    ("gaps around two to the twenty-one", [2_097_151, 4_194_304]),
    ("gaps around two to the twenty-eight", [268_435_455, 536_870_912]),
    ("the largest number of all", [2**32 - 1]),
    ("the first and the largest", [0, 2**32 - 1]),
]


def vectors() -> dict[str, Any]:
    """`bitmap` and `gaps` are in hexadecimal digits."""
    return {
        "about": "Sets of coupon numbers: whole as a bitmap of a size, and as the gaps between them.",
        "sets": [
            {"name": name, "numbers": numbers, "size": size, "bitmap": bitmap(numbers, size), "gaps": gaps(numbers)}
            for name, numbers, size in SETS
        ],
        "far": [{"name": name, "numbers": numbers, "gaps": gaps(numbers)} for name, numbers in FAR],
    }


def bitmap(numbers: list[int], size: int) -> str:
    """The bits as they are written in a row, lowest first, cut into bytes."""
    row = "".join("1" if number in numbers else "0" for number in range(size))
    padded = row + "0" * (-size % 8)
    return "".join(f"{int(padded[start : start + 8][::-1], 2):02x}" for start in range(0, len(padded), 8))


def gaps(numbers: list[int]) -> str:
    before = [-1, *numbers]
    return "".join(varint(number - before[place] - 1) for place, number in enumerate(numbers))


def varint(value: int) -> str:
    """LEB128: seven bits a byte, lowest first, all but the last with the top bit."""
    bits = f"{value:b}"
    bits = bits.zfill(-(-len(bits) // 7) * 7)
    *more, last = [bits[start : start + 7] for start in range(0, len(bits), 7)][::-1]
    return "".join(f"{int(octet, 2):02x}" for octet in [*("1" + seven for seven in more), "0" + last])
