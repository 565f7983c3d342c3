"""The printed sheet: every QR scans as printed, and beside it stands what it is."""

from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2
import pytest
import zxingcpp
from nacl.signing import SigningKey

from redeem.coupons import sheet
from redeem.coupons.sheet import Piece
from redeem.demo import coupon_sheet
from redeem.demo.coupon_sheet import KINDS
from redeem.demo.samples import AT_HOME, GOOD_ONES, SPECIMENS, Sample, Samples
from redeem.domain import short_codes, tokens

PREFIX = "http://127.0.0.1:8000/c/"
KEY = SigningKey(b"a key that signs for one test ..")
DOTS_PER_INCH = 150  # a poor scanner's
POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class Page:
    """What a printed page shows: its words, and the texts of its QRs."""

    words: str
    scanned: list[str]


def pages(pdf: bytes) -> Iterator[Page]:
    for page in pypdfium2.PdfDocument(pdf):
        image = page.render(scale=DOTS_PER_INCH / POINTS_PER_INCH).to_pil().convert("L")
        yield Page(page.get_textpage().get_text_range(), [found.text for found in zxingcpp.read_barcodes(image)])


def sample(number: int) -> Sample:
    return Sample(tokens.write(tokens.sign(1, number, 2_600, KEY, 1)), short_codes.new_code(number * 987_654_321))


@pytest.fixture(scope="module")
def samples() -> Samples:
    kinds = {kind: sample(100 + order) for order, kind in enumerate(SPECIMENS)}
    good = [sample(number) for number in range(GOOD_ONES)]
    at_home = [sample(200 + number) for number in range(AT_HOME)]
    return Samples(good, at_home, kinds | {"forged": Sample(sample(99).digits, None)}, [])


@pytest.fixture(scope="module")
def printed(samples: Samples) -> list[Page]:
    return list(pages(coupon_sheet.draw("http://127.0.0.1:8000", samples)))


def test_every_coupon_scans_as_its_own_link(printed: list[Page], samples: Samples):
    expected = {PREFIX + one.digits for one in [*samples.valid, *samples.at_home, *samples.kinds.values()]}
    scanned = [text for page in printed for text in page.scanned]
    assert set(scanned) == expected
    assert len(scanned) == len(expected)


def test_the_first_page_names_each_kind_in_both_languages(printed: list[Page]):
    assert len(printed[0].scanned) == len(KINDS)
    for names, _ in KINDS.values():
        assert all(name in printed[0].words for name in names)


def test_each_short_code_is_printed_as_people_read_it(printed: list[Page], samples: Samples):
    words = " ".join(page.words for page in printed)
    typed = [one.short_code for one in [*samples.valid, *samples.at_home, *samples.kinds.values()] if one.short_code]
    assert [code for code in typed if short_codes.grouped(code) not in words] == []


def test_no_piece_falls_off_the_page():
    pieces = [
        Piece((f"{number}",), ("A line that is long enough to need a second one",), PREFIX, None)
        for number in range(40)
    ]
    found = list(pages(sheet.draw("Many", "", pieces, pieces)))
    words = " ".join(page.words for page in found).split()
    assert all(words.count(str(number)) >= 2 for number in range(10, 40))
    assert len(found) == 5 + 2


def test_the_same_pieces_make_the_same_file():
    piece = Piece(("Valid", "Действует"), (), PREFIX, None)
    assert sheet.draw("Sheet", "", [piece], []) == sheet.draw("Sheet", "", [piece], [])
