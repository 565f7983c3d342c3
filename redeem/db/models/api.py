"""Tables of the API: keys, and the answers that are kept for retries."""

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Words


class ApiKey(Base):
    """An API key, stored as a hash. A till's key belongs to its device, and so to a store.

    Rolling a key makes another of the same `family`, which is the prefix of the first key of the line. Retries are recognised by the
    family. `works_until` is set on the older key: it works until then.
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
    """The first answer to a shop's mutation, written in the mutation's own transaction. Sealed, because it may contain a token."""

    __tablename__ = "idempotency"
    key_prefix: Mapped[str] = mapped_column(ForeignKey("api_key.prefix"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(43))
    status: Mapped[int] = mapped_column(SmallInteger)
    sealed_answer: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[int] = mapped_column(index=True)
