"""Links that people are given: to enrol a tablet, to see a coupon, to accept an invitation, to set a new password."""

from redeem.lib.links import Purpose
from redeem.web.context import Context


def enrolment_link(tools: Context, enrolment_id: str) -> str:
    """The link that enrols a tablet. The secret is in the fragment, which browsers don't send, so no log has it."""
    sealed = tools.links.seal(Purpose.ENROLMENT, {"enrolment": enrolment_id})
    return f"{tools.settings.base_url}/clerk/#enrol={sealed}"


def coupon_link(tools: Context, digits: str) -> str:
    """The link in a coupon's QR, which the customer's phone opens. `digits` is the token: 183 digits."""
    return f"{tools.settings.base_url}/c/{digits}"


def invitation_link(tools: Context, invitation_id: str) -> str:
    """The link that makes somebody a manager. It is shown on a page once, and is in no log of ours."""
    sealed = tools.links.seal(Purpose.INVITATION, {"invitation": invitation_id})
    return f"{tools.settings.base_url}/manager/invitation/{sealed}"


def reset_link(tools: Context, manager_id: str, at: int) -> str:
    """The link with which a manager chooses a new password. `at` is when it was made, in milliseconds."""
    sealed = tools.links.seal(Purpose.PASSWORD_RESET, {"manager": manager_id, "at": at})
    return f"{tools.settings.base_url}/manager/reset/{sealed}"
