"""All tables, one module for each domain. To import any of them puts every table into `Base.metadata`, as migrations need.

Times are in UTC, in whole milliseconds since 1970 (`*_at`). Days are days since 2020-01-01 on the store's calendar. Amounts are minor
units. A coupon's `serial` is `campaign << 32 | number`: its token contains it. Every promise of Redeem is a constraint here.
"""

from redeem.db.models import api, coupons, devices, events, jobs, ledger, managers, partners, reports, webhooks

__all__ = ["api", "coupons", "devices", "events", "jobs", "ledger", "managers", "partners", "reports", "webhooks"]
