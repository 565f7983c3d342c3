"""The shop of the demo, its partners and their stores, with the clerks and devices there. Ids are made from names and never change."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from redeem.lib.ids import new_id

FOUNDED_MS = 1_767_225_600_000  # 2026-01-01: only an id's time, so that ids don't move
SHOP = "Utro"
SHOP_ZONE = "Europe/Moscow"
DEMO_STORE = "pokrovka"


@dataclass(frozen=True, slots=True)
class PartnerCard:
    key: str
    name: str

    @property
    def id(self) -> str:
        return fixed_id("prt", self.key)


@dataclass(frozen=True, slots=True)
class StoreCard:
    """`busy` is its share of the trade, beside 1.0; `trade` says which hours are its own. `tablets` and `tills` by name."""

    key: str
    partner: str
    name: str
    address: str
    hours: str
    zone: str
    trade: str
    busy: float
    clerks: tuple[str, ...]
    tablets: tuple[str, ...] = ("Counter",)
    tills: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return fixed_id("sto", self.key)

    @property
    def partner_id(self) -> str:
        return fixed_id("prt", self.partner)


@cache
def fixed_id(prefix: str, name: str) -> str:
    """The same id for the same name, on every machine."""
    return new_id(prefix, FOUNDED_MS, int.from_bytes(sha256(f"{prefix} {name}".encode()).digest()[:10]))


def clerk_id(store: StoreCard, name: str) -> str:
    return fixed_id("clk", f"{store.key} {name}")


def device_id(store: StoreCard, name: str) -> str:
    return fixed_id("dev", f"{store.key} {name}")


PARTNERS = (
    PartnerCard("zerno", "Zerno Coffee"),
    PartnerCard("zakladka", "Zakladka Books"),
    PartnerCard("bulka", "Bulka Bakery"),
)

STORES = (
    StoreCard(
        key="pokrovka",
        partner="zerno",
        name="Zerno, Pokrovka",
        address="Москва, ул. Покровка, 17",
        hours="8:00–22:00",
        zone="Europe/Moscow",
        trade="coffee",
        busy=1.4,
        clerks=("Анна", "Тимур", "Maria"),
        tablets=("Counter", "Window"),
        tills=("Till 1",),
    ),
    StoreCard(
        key="rubinstein",
        partner="zerno",
        name="Zerno, Rubinstein",
        address="Санкт-Петербург, ул. Рубинштейна, 12",
        hours="8:00–23:00",
        zone="Europe/Moscow",
        trade="coffee",
        busy=1.1,
        clerks=("Ольга", "Gleb"),
    ),
    StoreCard(
        key="plotinka",
        partner="zerno",
        name="Zerno, Plotinka",
        address="Екатеринбург, пр. Ленина, 34",
        hours="8:00–21:00",
        zone="Asia/Yekaterinburg",
        trade="coffee",
        busy=0.8,
        clerks=("Рустам", "Вера"),
    ),
    StoreCard(
        key="myasnitskaya",
        partner="zakladka",
        name="Zakladka, Myasnitskaya",
        address="Москва, ул. Мясницкая, 24",
        hours="10:00–22:00",
        zone="Europe/Moscow",
        trade="books",
        busy=1.2,
        clerks=("Ирина", "Павел"),
        tills=("Till 1",),
    ),
    StoreCard(
        key="krasny",
        partner="zakladka",
        name="Zakladka, Krasny",
        address="Новосибирск, Красный проспект, 29",
        hours="10:00–21:00",
        zone="Asia/Novosibirsk",
        trade="books",
        busy=0.8,
        clerks=("Сергей", "Дарья"),
    ),
    StoreCard(
        key="amber",
        partner="zakladka",
        name="Zakladka, Amber",
        address="Калининград, Ленинский пр., 30",
        hours="10:00–20:00",
        zone="Europe/Kaliningrad",
        trade="books",
        busy=0.5,
        clerks=("Эмма", "Lev"),
        tablets=("Counter", "Second floor"),
    ),
    StoreCard(
        key="bauman",
        partner="bulka",
        name="Bulka, Bauman",
        address="Казань, ул. Баумана, 51",
        hours="7:30–20:00",
        zone="Europe/Moscow",
        trade="bakery",
        busy=1.0,
        clerks=("Алсу", "Камиль"),
    ),
    StoreCard(
        key="sea",
        partner="bulka",
        name="Bulka, Svetlanskaya",
        address="Владивосток, ул. Светланская, 15",
        hours="8:00–20:00",
        zone="Asia/Vladivostok",
        trade="bakery",
        busy=0.7,
        clerks=("Юлия", "Артём"),
    ),
)

BY_KEY = {store.key: store for store in STORES}
STORE_IDS = {store.key: store.id for store in STORES}
PARTNER_IDS = {partner.key: partner.id for partner in PARTNERS}
