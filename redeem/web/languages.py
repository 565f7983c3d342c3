"""Languages: which one a page is written in, and how days, times, numbers and money are written in it.

Asked for in the address (`?lang=ru`), else kept by a manager's browser, else what the browser prefers. English is written as
in Britain: the day before the month, 24 hours.
"""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from flask import Flask, Response, has_request_context, request
from flask_babel import Babel, get_locale

from redeem.config import Settings
from redeem.lib.days import to_date
from redeem.lib.files import ROOT
from redeem.lib.money import Money
from redeem.lib.times import Ms, rfc3339

LANGUAGES = {"en": "English", "ru": "Русский"}
DEFAULT = "en"
COOKIE = "redeem_language"
COOKIE_SECONDS = 365 * 24 * 3600
TRANSLATIONS = ROOT / "translations"
WRITTEN = {"en": Locale("en", "GB"), "ru": Locale("ru")}


def attach(app: Flask) -> None:
    """Translates the application's pages, and lends their templates the words for days, numbers and money."""
    Babel(app, default_translation_directories=str(TRANSLATIONS), locale_selector=choose)
    app.context_processor(lambda: {"lang": language(), "languages": LANGUAGES, "language_address": address_in})
    for write in (dated, day, short_day, moment, clock, ago, number, percent, money, rfc3339):
        app.add_template_filter(write)


def choose() -> str:
    if not has_request_context():
        return DEFAULT
    return asked() or kept() or request.accept_languages.best_match(LANGUAGES) or DEFAULT


def asked() -> str | None:
    """The language that the address asks for, if we have it."""
    wanted = request.args.get("lang", "")
    return wanted if wanted in LANGUAGES else None


def kept() -> str | None:
    wanted = request.cookies.get(COOKIE, "")
    return wanted if wanted in LANGUAGES else None


def keep(response: Response, settings: Settings) -> None:
    """Remembers the language that was asked for. For managers' pages alone: a customer's browser is given no cookie."""
    wanted = asked()
    if wanted:
        response.set_cookie(
            COOKIE, wanted, COOKIE_SECONDS, secure=settings.secure_cookies, httponly=True, samesite="Lax"
        )


def language() -> str:
    """The code of this page's language."""
    return str(get_locale() or DEFAULT)


def address_in(code: str) -> str:
    """This page's address, asking for another language."""
    return f"{request.path}?{urlencode({**request.args, 'lang': code})}"


def locale() -> Locale:
    return WRITTEN.get(language(), WRITTEN[DEFAULT])


# What templates write with. Days are since 2020-01-01; times are in milliseconds, and written at the place they belong to.


def dated(value: date) -> str:
    """21 Nov 2026"""
    return dates.format_date(value, "medium", locale=locale())


def day(number: int) -> str:
    """21 November 2026 · 21 ноября 2026 г."""
    return dates.format_date(to_date(number), "long", locale=locale())


def short_day(number: int) -> str:
    """21 Nov · 21 нояб."""
    return dates.format_skeleton("MMMd", to_date(number), locale=locale())


def moment(at: Ms, zone: str) -> str:
    """21 Nov 2026, 12:05"""
    local = at_place(at, zone)
    return f"{dates.format_date(local, 'medium', locale=locale())}, {local:%H:%M}"


def clock(at: Ms, zone: str) -> str:
    """12:05"""
    return f"{at_place(at, zone):%H:%M}"


def ago(at: Ms, now: Ms) -> str:
    """12 minutes ago"""
    return dates.format_timedelta(timedelta(milliseconds=at - now), add_direction=True, locale=locale())


def number(value: int) -> str:
    """12,345 · 12 345"""
    return numbers.format_decimal(value, locale=locale())


def percent(value: float) -> str:
    """12 % of a value in percent; small ones get a decimal."""
    digits = 3 if abs(value) < 10 else 2
    return numbers.format_percent(round(value / 100, digits), locale=locale(), decimal_quantization=False)


def money(value: Money) -> str:
    """£3.50 · 350,00 ₽; where a language has no sign for the currency: RUB 350.00."""
    amount = value.major(numbers.get_currency_precision(value.currency))
    has_sign = numbers.get_currency_symbol(value.currency, locale()) != value.currency
    pattern = None if has_sign else "¤¤\u00a0#,##0.00"
    return numbers.format_currency(amount, value.currency, pattern, locale=locale())


def at_place(at: Ms, zone: str) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone))
