"""Edits: what a GET answers is changed by a PATCH so that nobody's change is lost, and may be sent back as it was read.

Each answer has an ETag, and a PATCH names in If-Match the one that it was made from. `Patch.check` compares them in the transaction that
changes the row, under the row's lock.
"""

from collections.abc import Collection
from json import loads
from typing import Any, ClassVar

from flask import Response, request
from pydantic import BaseModel, Field

from redeem.lib.errors import ChangedSinceRead, Invalid, RedeemError
from redeem.web.api.shapes import Body

# Marks a member of a Patch that can't be changed.
READ_ONLY: Any = Field(
    description="May be sent back as it was read, and can't be changed", json_schema_extra={"readOnly": True}
)
NO_STRONG_TAG = (
    "Nothing was changed: If-Match names no strong ETag. Send the ETag as you got it, in quotes. If it begins with W/, a proxy has"
    " compressed the answer: leave the W/ out."
)
Tags = Collection[str] | None  # those that If-Match names, None for `*`: any


class NoIfMatch(RedeemError):
    """A change does not say what it was made from."""

    code = "precondition_required"
    default_detail = (
        "Nothing was changed. Read it, and send the ETag of that answer as If-Match, so that no change of somebody else is lost."
        " `If-Match: *` changes it whatever it is now."
    )


class Patch(Body):
    """The members to change. Each replaces the stored member as a whole. A member that is left out or null stays as it is.

    What a GET answers may be sent back: its read-only members are taken if they are as they are now.
    """

    COUNTED: ClassVar[frozenset[str]] = (
        frozenset()
    )  # read-only members that grow by themselves: what they were may be sent back

    def check(self, current: BaseModel, tags: Tags) -> None:
        """Refuses a change that was made from something else than `current`. Raises ChangedSinceRead, Invalid."""
        now = current.model_dump(mode="json")
        if tags is not None and tag_of(now) not in tags:
            raise ChangedSinceRead(None if tags else NO_STRONG_TAG)
        wrong = [name for name in self.read_only() if not self._is_unchanged(name, now[name])]
        if wrong:
            faults = [{"pointer": f"/{name}", "detail": "is read-only, and is another now"} for name in wrong]
            raise Invalid("Leave out the members that the errors point to: they can't be changed.", errors=faults)

    @classmethod
    def read_only_members(cls) -> frozenset[str]:
        return frozenset(
            name for name, field in cls.model_fields.items() if field.json_schema_extra == {"readOnly": True}
        )

    def read_only(self) -> list[str]:
        """The read-only members that were sent."""
        return sorted(self.model_fields_set & self.read_only_members())

    def changes(self) -> dict[str, Any]:
        """The members to change, by name."""
        return {
            name: value
            for name, value in dict(self).items()
            if value is not None and name not in self.read_only_members()
        }

    def _is_unchanged(self, name: str, now: Any) -> bool:
        sent = getattr(self, name)
        return sent <= now if name in self.COUNTED and sent is not None else bool(sent == now)


def tags_to_match() -> Tags:
    """What If-Match names. A weak tag matches nothing (RFC 9110): two answers with it may differ. Raises NoIfMatch."""
    if "If-Match" not in request.headers:
        raise NoIfMatch
    return None if request.if_match.star_tag else request.if_match.as_set()


def with_tag(response: Response) -> Response:
    """The answer with the ETag of what it shows."""
    response.set_etag(tag_of(loads(response.get_data())))
    return response


def tag_of(shown: dict[str, Any]) -> str:
    """What differs after each change. A campaign's stop leaves its version as it is: tablets are sent all terms again for a new one."""
    stopped_at = shown.get("stopped_at")
    return str(shown["version"]) if stopped_at is None else f"{shown['version']}-{stopped_at}"
