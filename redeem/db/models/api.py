"""Tables of the API: keys and kept answers."""

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Words


class ApiKey(Base):
    """A program's key: shown once, kept as a hash. A till's key belongs to its device, and through it to a store.

    `family` is the prefix of the first of the keys that followed one another: to a program's retries they are one key.
    `works_until`: another has followed it, and it goes on for so long.
    """

    __tablename__ = "api_key"
    prefix: Mapped[str] = mapped_column(String(20), primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(Words)
    scopes: Mapped[str] = mapped_column(Words)
    device_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"))
    family: Mapped[str] = mapped_column(String(20))
    manager_id: Mapped[str | None] = mapped_column(ForeignKey("manager.id"))
    created_at: Mapped[int]
    works_until: Mapped[int | None]
    revoked_at: Mapped[int | None]
    last_used_at: Mapped[int | None]
    __table_args__ = (
        CheckConstraint("kind IN ('shop', 'till')", name="kind"),
        CheckConstraint("(kind = 'till') = (device_id IS NOT NULL)", name="till_has_a_device"),
    )


class Idempotency(Base):
    """The first answer to a shop's mutation, sealed (it may hold a token), written in the mutation's own transaction."""

    __tablename__ = "idempotency"
    key_prefix: Mapped[str] = mapped_column(ForeignKey("api_key.prefix"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(43))
    status: Mapped[int] = mapped_column(SmallInteger)
    sealed_answer: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[int] = mapped_column(index=True)
