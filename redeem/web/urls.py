"""Addresses that leave the house: what a tablet opens to enrol, and what a coupon's QR holds."""

from redeem.lib.links import Purpose
from redeem.web.context import Context


def enrolment_link(tools: Context, enrolment_id: str) -> str:
    """What a tablet opens to enrol. The secret is in the fragment, which no browser sends and no log keeps."""
    sealed = tools.links.seal(Purpose.ENROLMENT, {"enrolment": enrolment_id})
    return f"{tools.settings.base_url}/clerk/#enrol={sealed}"


def coupon_link(tools: Context, digits: str) -> str:
    """What the QR of a coupon holds, and the customer's phone opens; `digits` are the token's 183."""
    return f"{tools.settings.base_url}/c/{digits}"


def invitation_link(tools: Context, invitation_id: str) -> str:
    """What somebody opens to become a manager. It is on a page once, and in no log of ours."""
    sealed = tools.links.seal(Purpose.INVITATION, {"invitation": invitation_id})
    return f"{tools.settings.base_url}/manager/invitation/{sealed}"


def reset_link(tools: Context, manager_id: str, at: int) -> str:
    """What a manager opens to choose a new password."""
    sealed = tools.links.seal(Purpose.PASSWORD_RESET, {"manager": manager_id, "at": at})
    return f"{tools.settings.base_url}/manager/reset/{sealed}"
