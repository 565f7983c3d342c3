"""The demo's campaigns: their offers in English and Russian, and their terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from redeem.domain.terms import Terms

COFFEE, BOOK, CROISSANT, PIE, LEMONADE, TART = range(1, 7)


@dataclass(frozen=True, slots=True)
class Campaign:
    """`number` is the one in the token; `began` is the first day on which coupons were issued."""

    number: int
    name: str
    terms: Terms
    began: date

    @property
    def picture(self) -> str:
        return f"/static/demo/{PICTURES[self.number]}.svg"


PICTURES = {COFFEE: "coffee", BOOK: "book", CROISSANT: "croissant", PIE: "pie", LEMONADE: "lemonade", TART: "tart"}

NAMES = {
    COFFEE: "Coffee with a first order",
    BOOK: "500 ₽ off a book",
    CROISSANT: "Croissant with breakfast boxes",
    PIE: "Autumn pie",
    LEMONADE: "Summer terrace",
    TART: "Opening in Vladivostok",
}

COPY: dict[int, dict[str, tuple[str, str, str]]] = {
    COFFEE: {
        "en": (
            "A coffee on us",
            "Any coffee up to 350 ₽ at Zerno, hot or iced, here or to take away.",
            "One coffee for one coupon, syrup and plant milk included.\nNo purchase needed: show the code at the counter.",
        ),
        "ru": (
            "Кофе за наш счёт",
            "Любой кофе до 350 ₽ в «Зерне»: горячий или холодный, здесь или с собой.",
            "Один купон — один кофе, сироп и растительное молоко включены.\nПокупать ничего не нужно: покажите код на кассе.",
        ),
    },
    BOOK: {
        "en": (
            "500 ₽ towards a book",
            "Choose any book at Zakladka. We pay the first 500 ₽.",
            "For one paper book. If it costs less, the rest is not paid out.\nCan be used together with the shop's own discounts.",
        ),
        "ru": (
            "500 ₽ на любую книгу",
            "Выберите любую книгу в «Закладке» — первые 500 ₽ платим мы.",
            "На одну бумажную книгу. Если она стоит меньше, остаток не возвращается.\nСкладывается со скидками магазина.",
        ),
    },
    CROISSANT: {
        "en": (
            "A croissant, still warm",
            "A butter or almond croissant at Bulka, fresh from the oven.",
            "One croissant for one coupon, while there are some left today.\nIf they are gone, come again: the coupon stays good.",
        ),
        "ru": (
            "Тёплый круассан",
            "Круассан в «Булке»: сливочный или миндальный, прямо из печи.",
            "Один купон — один круассан, пока они есть сегодня.\nЕсли разобрали — приходите ещё, купон не сгорит.",
        ),
    },
    PIE: {
        "en": (
            "A slice of autumn pie",
            "Pumpkin, apple or plum: choose your slice at Bulka or Zerno.",
            "One slice for one coupon, until the end of the autumn menu.",
        ),
        "ru": (
            "Кусочек осеннего пирога",
            "С тыквой, яблоком или сливой: выбирайте в «Булке» или «Зерне».",
            "Один купон — один кусочек, до конца осеннего меню.",
        ),
    },
    LEMONADE: {
        "en": (
            "Lemonade on the terrace",
            "A big glass of home-made lemonade at Zerno, from the first day of June.",
            "One glass for one coupon, from June to August.",
        ),
        "ru": (
            "Лимонад на веранде",
            "Большой стакан домашнего лимонада в «Зерне», с первого дня июня.",
            "Один купон — один стакан, с июня по август.",
        ),
    },
    TART: {
        "en": (
            "Sea-buckthorn tart",
            "Bulka has opened in Vladivostok. Come and try its own tart.",
            "One tart for one coupon, only in Vladivostok.",
        ),
        "ru": (
            "Тарт с облепихой",
            "«Булка» открылась во Владивостоке. Приходите на фирменный тарт.",
            "Один купон — один тарт, только во Владивостоке.",
        ),
    },
}


def campaigns(today: date, partners: Mapping[str, str], stores: Mapping[str, str]) -> list[Campaign]:
    """Returns the six campaigns as they are `today`. `partners` and `stores` are ids by short name."""
    began, summer = today - timedelta(days=90), next_summer(today)
    zerno, zakladka, bulka = partners["zerno"], partners["zakladka"], partners["bulka"]
    return [
        campaign(COFFEE, began, 35_000, 1_500, partners=[zerno], windows={"valid_days": 60}),
        campaign(
            BOOK,
            began,
            50_000,
            2_000,
            partners=[zakladka],
            windows={"valid_days": 45},
            offline={"policy": "at_risk", "coupons": 3, "value": 150_000, "hours": 24, "bearer": "partner"},
        ),
        campaign(CROISSANT, began + timedelta(days=12), 18_000, 1_000, partners=[bulka], windows={"valid_days": 30}),
        campaign(
            PIE,
            began,
            24_000,
            1_000,
            partners=[bulka, zerno],
            windows={"issue": until(today - timedelta(days=24)), "redeem": until(today - timedelta(days=12))},
        ),
        campaign(
            LEMONADE,
            today - timedelta(days=14),
            29_000,
            1_000,
            partners=[zerno],
            windows={"redeem": {"from": f"{summer}-06-01", "until": f"{summer}-08-31"}},
        ),
        campaign(TART, today - timedelta(days=21), 32_000, 1_000, stores=[stores["sea"]], windows={"valid_days": 365}),
    ]


def campaign(number: int, began: date, value: int, fee: int, **terms: Any) -> Campaign:
    offer = {language: part(number, *words) for language, words in COPY[number].items()}
    plain = {
        "offer": offer,
        "value": {"amount": value, "currency": "RUB"},
        "handling_fee": {"amount": fee, "currency": "RUB"},
        "funding": "issuer",
    }
    return Campaign(number, NAMES[number], Terms.model_validate(plain | terms), began)


def part(number: int, title: str, description: str, terms: str) -> dict[str, str]:
    picture = f"/static/demo/{PICTURES[number]}.svg"
    return {"title": title, "description": description, "terms": terms, "picture": picture}


def until(day: date) -> dict[str, str]:
    return {"until": day.isoformat()}


def next_summer(today: date) -> int:
    """Returns the year of the next June that is far enough away: a campaign of it has coupons that are not good yet."""
    return today.year if today.month == 1 else today.year + 1
