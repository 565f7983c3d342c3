"""The demo's test sheet: one coupon of each kind with the answer that a clerk should see, then all the good ones."""

from collections.abc import Sequence
from pathlib import Path

from redeem.coupons import sheet
from redeem.coupons.sheet import Piece
from redeem.demo.partners import BY_KEY, DEMO_STORE
from redeem.demo.samples import Sample, Samples
from redeem.lib.files import write_private
from redeem.web.context import Context

FILE = "test-sheet.pdf"

# In the order of the sheet: its names, what it is, what the tablet should say.
KINDS = {
    "valid": (
        ("Valid", "Действует"),
        ("A coffee on us. Expect: give the gift.", "Кофе за наш счёт. Ждём: отдайте подарок."),
    ),
    "at_home": (
        ("At home here", "Приписан сюда"),
        (
            "Take the network away first. Expect: give the gift.",
            "Сначала отключите сеть. Ждём: отдайте подарок.",
        ),
    ),
    "used": (
        ("Used", "Использован"),
        ("The coffee was given before. Expect: already given.", "Кофе уже выдали. Ждём: подарок уже выдан."),
    ),
    "expired": (
        ("Expired", "Истёк"),
        ("The autumn pie is over. Expect: expired.", "Осенний пирог закончился. Ждём: срок истёк."),
    ),
    "not_yet": (
        ("Not yet", "Ещё рано"),
        ("Lemonade, from June. Expect: not yet valid.", "Лимонад с июня. Ждём: ещё не действует."),
    ),
    "void": (
        ("Void", "Аннулирован"),
        ("The order was sent back. Expect: voided.", "Заказ вернули. Ждём: аннулирован."),
    ),
    "forged": (
        ("Forged", "Подделка"),
        ("One digit was changed. Expect: not one of ours.", "Изменена одна цифра. Ждём: это не наш купон."),
    ),
    "other_store": (
        ("Other store", "Другая точка"),
        (
            "Good in Vladivostok only. Expect: not for this store.",
            "Только во Владивостоке. Ждём: не для этой точки.",
        ),
    ),
}


def print_sheet(tools: Context, file: Path, samples: Samples) -> None:
    """Writes the sheet for the demo's store. Its links lead to the address at which the demo is served now."""
    write_private(file, draw(tools.settings.base_url, samples))


def draw(base_url: str, samples: Samples) -> bytes:
    first, *others = samples.valid
    homely, *others_at_home = samples.at_home
    specimens = {"valid": first, "at_home": homely} | samples.kinds
    large = [piece(base_url, names, lines, specimens[kind]) for kind, (names, lines) in KINDS.items()]
    small = [
        piece(base_url, (f"At home {number}", "Приписан"), (), one) for number, one in enumerate(others_at_home, 2)
    ]
    small += [piece(base_url, (f"Valid {number}", "Действует"), (), one) for number, one in enumerate(others, 2)]
    subtitle = f"{base_url} · for a tablet at {BY_KEY[DEMO_STORE].name} · для планшета этой точки"
    return sheet.draw("Redeem: test sheet · пробный лист", subtitle, large, small)


def piece(base_url: str, names: Sequence[str], lines: Sequence[str], one: Sample) -> Piece:
    return Piece(names, lines, f"{base_url}/c/{one.digits}", one.short_code)
