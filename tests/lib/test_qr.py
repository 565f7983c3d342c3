from io import BytesIO
from random import Random
from xml.etree import ElementTree

import pytest
import zxingcpp
from nacl.signing import SigningKey
from PIL import Image, ImageFilter

from redeem.domain import tokens
from redeem.lib import qr

KEY = SigningKey(b"q" * 32)
PREFIX = "https://coupons.shop.rus/c/"  # 27 characters
LINK = PREFIX + tokens.write(tokens.sign(7, 42, 2500, KEY, 1))
SVG = "{http://www.w3.org/2000/svg}"


def scanned(image: Image.Image) -> zxingcpp.Barcode:
    read = zxingcpp.read_barcode(image.convert("L"))
    assert read is not None, "nothing was read"
    return read


def version_and_level(image: Image.Image) -> tuple[object, object]:
    extra = scanned(image).extra
    assert isinstance(extra, dict)
    return extra["Version"], extra["ECLevel"]


def picture(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def drawn(svg: str, module_px: int = 8) -> Image.Image:
    """Draw the SVG's path by itself: each `Mx y.5hn` is a line one module thick."""
    root = ElementTree.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    image = Image.new("L", (side, side), 255)
    for line in root.findall(f"{SVG}path")[1].attrib["d"].split("M")[1:]:
        place, length = line.split("h")
        x, y = place.removesuffix(".5").split()
        image.paste(0, (int(x), int(y), int(x) + int(length), int(y) + 1))
    return image.resize((side * module_px, side * module_px), Image.Resampling.NEAREST)


def test_the_png_scans_as_the_text():
    assert scanned(picture(qr.png(LINK))).text == LINK


def test_the_svg_scans_as_the_text():
    assert scanned(drawn(qr.svg(LINK, "Coupon"))).text == LINK


@pytest.mark.parametrize("prefix", ["http://a.io/c/", "http://127.0.0.1:8000/c/", PREFIX])
def test_a_coupon_is_version_6_at_level_m(prefix):
    link = prefix + tokens.write(tokens.sign(2**31 - 1, 2**32 - 1, 65535, KEY, 255))
    assert version_and_level(picture(qr.png(link))) == ("6", "M")


def test_a_prefix_of_29_characters_needs_the_next_version():
    assert len(qr.symbol("x" + LINK)) == 41
    assert len(qr.symbol("xx" + LINK)) == 45


def test_level_q_is_drawn_when_asked_for():
    image = picture(qr.png(LINK, level="Q"))
    assert version_and_level(image) == ("8", "Q")
    assert scanned(image).text == LINK


def test_the_svg_is_drawn_at_the_level_asked_for():
    assert version_and_level(drawn(qr.svg(LINK, "Coupon", level="Q"))) == ("8", "Q")


@pytest.mark.parametrize("text", ["7", "x" * 512])
def test_the_shortest_and_the_longest_text_scan(text):
    assert scanned(picture(qr.png(text, module_px=4))).text == text


@pytest.mark.parametrize("number", range(8))
def test_any_coupon_scans(number):
    link = PREFIX + tokens.write(tokens.sign(7, number, 2500, KEY, 1))
    assert scanned(picture(qr.png(link, module_px=3))).text == link


@pytest.mark.parametrize("sigma", [1, 2])
def test_it_scans_blurred(sigma):
    blurred = picture(qr.png(LINK, module_px=6)).convert("L").filter(ImageFilter.GaussianBlur(sigma))
    assert scanned(blurred).text == LINK


@pytest.mark.parametrize("side", [100, 130, 200])
def test_it_scans_small(side):
    small = picture(qr.png(LINK, module_px=12)).convert("L").resize((side, side), Image.Resampling.BILINEAR)
    assert scanned(small).text == LINK


def test_it_scans_turned_and_noisy():
    straight = picture(qr.png(LINK, module_px=8)).convert("L")
    turned = straight.rotate(17, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    noise = Image.frombytes("L", turned.size, Random(5).randbytes(turned.width * turned.height))
    assert scanned(Image.blend(turned, noise, 0.4)).text == LINK


@pytest.mark.parametrize("module_px", [1, 4, 64])
def test_the_png_has_whole_pixels_and_its_quiet_zone(module_px):
    image = picture(qr.png(LINK, module_px=module_px))
    quiet = 4 * module_px
    assert image.size == (49 * module_px, 49 * module_px)
    assert image.convert("L").point(lambda value: 255 - value).getbbox() == (
        quiet,
        quiet,
        45 * module_px,
        45 * module_px,
    )


def test_the_png_prints_at_the_size_that_is_promised():
    width_px, dots_per_inch = 49 * 10, picture(qr.png(LINK)).info["dpi"][0]
    assert width_px / dots_per_inch * 25.4 == pytest.approx(19.6, abs=0.01)


def test_the_svg_is_one_path_on_white_with_a_title():
    root = ElementTree.fromstring(qr.svg(LINK, "Coupon …9F3C"))
    assert (root.attrib["viewBox"], root.attrib["width"], root.attrib["role"]) == ("0 0 49 49", "19.6mm", "img")
    assert root.attrib["shape-rendering"] == "crispEdges"
    assert root.findtext(f"{SVG}title") == "Coupon …9F3C"
    assert [path.get("fill") or path.get("stroke") for path in root.findall(f"{SVG}path")] == ["#fff", "#000"]


def test_a_title_can_not_break_out_of_the_svg():
    title = "</title><script>alert(1)</script>&\"'"
    root = ElementTree.fromstring(qr.svg(LINK, title))
    assert root.findtext(f"{SVG}title") == title
    assert root.find(f".//{SVG}script") is None


def test_the_svg_is_small():
    assert len(qr.svg(LINK, "Coupon")) < 5000


def test_the_same_text_gives_the_same_bytes():
    assert qr.svg(LINK, "Coupon") == qr.svg(LINK, "Coupon")
    assert qr.png(LINK) == qr.png(LINK)


@pytest.mark.parametrize("text", ["", "x" * 513])
def test_an_empty_or_too_long_text_is_refused(text):
    with pytest.raises(ValueError, match="1 to 512"):
        qr.symbol(text)


@pytest.mark.parametrize("module_px", [0, 65])
def test_a_module_size_out_of_range_is_refused(module_px):
    with pytest.raises(ValueError, match="1 to 64"):
        qr.png(LINK, module_px=module_px)
