"""The language of a page, and how days, times, numbers and money are written in it.

The language is the one that the address asks for (`?lang=ru`), else the one in a manager's cookie, else the one that the browser
prefers. English is British: the day before the month, 24 hours.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from flask import Flask, Response, has_request_context, request
from flask_babel import Babel, force_locale, get_locale

from redeem.config import Settings
from redeem.lib.days import to_date
from redeem.lib.files import ROOT
from redeem.lib.money import Money
from redeem.lib.times import Ms, rfc3339
from redeem.web.context import context
from redeem.web.cookies import cookie_name

LANGUAGES = {"en": "English", "ru": "Русский"}
DEFAULT = "en"
COOKIE = "redeem_language"
COOKIE_SECONDS = 365 * 24 * 3600
TRANSLATIONS = ROOT / "translations"
LOCALES = {"en": Locale("en", "GB"), "ru": Locale("ru")}


def attach(app: Flask) -> None:
    """Translates the application's pages, and gives templates the filters for days, times, numbers and money."""
    Babel(app, default_translation_directories=str(TRANSLATIONS), locale_selector=choose_language)
    app.context_processor(lambda: {"lang": language(), "languages": LANGUAGES, "language_address": address_in})
    for write in (dated, day, short_day, moment, clock, ago, number, percent, money, rfc3339):
        app.add_template_filter(write)


def choose_language() -> str:
    if not has_request_context():
        return DEFAULT
    return requested_language() or kept_language() or accepted_language() or DEFAULT


def requested_language() -> str | None:
    """The language that the address asks for, None if there is none or it is not one of LANGUAGES."""
    wanted = request.args.get("lang", "")
    return wanted if wanted in LANGUAGES else None


def kept_language() -> str | None:
    """The language in the browser's cookie, None if there is none."""
    wanted = request.cookies.get(cookie_name(context().settings, COOKIE), "")
    return wanted if wanted in LANGUAGES else None


def accepted_language() -> str | None:
    """Of our languages the one that the caller prefers, None if it names none. Werkzeug would answer `ru-RU, en;q=0.5` in English."""
    named = (tag.partition("-")[0].lower() for tag, quality in request.accept_languages if quality > 0)
    return next((tag for tag in named if tag in LANGUAGES), None)


def keep_language(response: Response, settings: Settings) -> None:
    """Sets a cookie with the language that the address asks for. For managers' pages only: customers get no cookie."""
    wanted = requested_language()
    if wanted:
        response.set_cookie(
            cookie_name(settings, COOKIE),
            wanted,
            COOKIE_SECONDS,
            secure=settings.secure_cookies,
            httponly=True,
            samesite="Lax",
        )


def language() -> str:
    """The code of this page's language."""
    return str(get_locale() or DEFAULT)


def in_each_language(make: Callable[[], bytes]) -> list[bytes]:
    """What a page is made into, in each language that we have."""

    def made(code: str) -> bytes:
        with force_locale(code):
            return make()

    return [made(code) for code in LANGUAGES]


def address_in(code: str) -> str:
    """The address of this page in another language."""
    return f"{request.path}?{urlencode({**request.args, 'lang': code})}"


def locale() -> Locale:
    return LOCALES.get(language(), LOCALES[DEFAULT])


# Filters of the templates. A day is a number of days since 2020-01-01, a time is in milliseconds, a zone is an IANA time zone.


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
    local = local_time(at, zone)
    return f"{dates.format_date(local, 'medium', locale=locale())}, {local:%H:%M}"


def clock(at: Ms, zone: str) -> str:
    """12:05"""
    return f"{local_time(at, zone):%H:%M}"


def ago(at: Ms, now: Ms) -> str:
    """12 minutes ago"""
    return dates.format_timedelta(timedelta(milliseconds=at - now), add_direction=True, locale=locale())


def number(value: int) -> str:
    """12,345 · 12 345"""
    return numbers.format_decimal(value, locale=locale())


def percent(value: float) -> str:
    """12%. Below 10 with a decimal: 3.5%. `value` is in percent."""
    digits = 3 if abs(value) < 10 else 2
    return numbers.format_percent(round(value / 100, digits), locale=locale(), decimal_quantization=False)


def money(value: Money) -> str:
    """£3.50 · 350,00 ₽; RUB 350.00 where the language has no sign for the currency."""
    amount = value.major(numbers.get_currency_precision(value.currency))
    has_sign = numbers.get_currency_symbol(value.currency, locale()) != value.currency
    pattern = None if has_sign else "¤¤\u00a0#,##0.00"
    return numbers.format_currency(amount, value.currency, pattern, locale=locale())


def local_time(at: Ms, zone: str) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone))
