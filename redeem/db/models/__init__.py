"""Every table, one module a domain. Whoever imports one of them has them all in `Base.metadata`."""

from redeem.db.models import api, coupons, devices, ledger, managers, partners, reports

__all__ = ["api", "coupons", "devices", "ledger", "managers", "partners", "reports"]
