"""Campaigns: made, changed, stopped and let go on. No change takes away what a customer's coupon promises."""

from collections.abc import Mapping
from json import loads
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Author, Change
from redeem.db.engine import Retry
from redeem.db.models.coupons import Campaign
from redeem.db.models.devices import Claim
from redeem.db.models.partners import Partner, Store
from redeem.domain.terms import Offer, Terms, parse_terms
from redeem.ledger import generation
from redeem.ledger.high_water import CAMPAIGNS, hand_out
from redeem.lib.errors import ChangedSinceRead, Conflict, Invalid, NotFound
from redeem.lib.ids import NUMBER_LIMIT, campaign_id
from redeem.lib.text import LONG_NAME_CHARACTERS, clean_name
from redeem.lib.times import Ms, rfc3339
from redeem.partners.directory import is_good_at_store


class NotIssuing(Conflict):
    """The campaign issues no coupons today."""

    code = "not_issuing"
    default_detail = "Issue within the campaign's issue window, and while its coupons can still be redeemed."


class CampaignStopped(Conflict):
    """The shop has stopped the campaign for now. What was issued before stays good."""

    code = "campaign_stopped"
    default_detail = "Nothing was issued: the campaign is stopped. Issue from another one, or let it go on: PATCH it with `stopped` false."


class CampaignInUse(Conflict):
    """Coupons of the campaign are out, and this would change what their holders or the partners were promised."""

    code = "campaign_in_use"
    default_detail = "Make a new campaign for this; coupons of this one are out already."


TOLD_CHARACTERS_MAX = 80


def create_campaign(session: Session, author: Author, name: str, terms: Terms, now: Ms) -> Campaign:
    """Make a campaign under the next number. Raises Invalid for a name that is not one line or too long, and if the terms name a
    partner or store that is not here.

    A campaign that came back after a restore and is the same is confirmed in its place: the shop says it again, and it issues again.
    """
    name = clean_name(name, LONG_NAME_CHARACTERS)
    check_places(session, terms)
    came_back = find_unconfirmed(session, name, terms)
    if came_back:
        came_back.stopped_at = None
        confirm(session, author, came_back.number, came_back.version, now)
        return came_back
    newest = session.scalar(select(func.max(Campaign.number))) or 0
    number = max(newest + 1, generation.current(session).campaigns_from)
    campaign = Campaign(number=number, name=name, terms=terms.text(), version=1, coupons=0, created_at=now)
    session.add(campaign)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error  # another campaign took the number at the same moment
    hand_out(session, CAMPAIGNS, number + 1)
    audit.note(session, author.id, Change.CAMPAIGN_MADE, campaign_id(number), now, name=name)
    return campaign


def get_campaign(session: Session, number: int | None) -> Campaign:
    """Raises NotFound."""
    campaign = session.get(Campaign, number) if number is not None else None
    if campaign is None:
        raise NotFound("Check the campaign's id; no such campaign is here.")
    return campaign


def patch_campaign(
    session: Session,
    author: Author,
    number: int | None,
    now: Ms,
    *,
    name: str | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
    stopped: bool | None = None,
) -> Campaign:
    """Change a campaign. `changes` are members of the terms, each replaced whole; what is None stays as it is.

    A value that is as before is no change. Raises NotFound, Invalid, CampaignInUse.
    """
    campaign = lock_campaign(session, number)
    seen, before, stopped_at = campaign.name, parse_terms(campaign.terms), campaign.stopped_at
    if name is not None or changes:
        rewrite(session, campaign, name, changes)
    if stopped is not None:
        set_stopped(campaign, stopped, now)
    session.flush()
    note_change(session, author, campaign, seen, before, now)
    note_stop(session, author, campaign, stopped_at, now)
    return campaign


def find_unconfirmed(session: Session, name: str, terms: Terms) -> Campaign | None:
    """Return the newest campaign with this name and these terms that came back after a restore and is not confirmed yet, locked."""
    same = Campaign.restored_at.is_not(None), Campaign.name == name, Campaign.terms == terms.text()
    newest = select(Campaign).where(*same).order_by(Campaign.number.desc()).limit(1)
    return session.scalar(newest.with_for_update())


def confirm(session: Session, author: Author, number: int | None, version: int, now: Ms) -> None:
    """Say that a campaign which came back after a restore is as it should be in this version. From now on its gifts are owed.

    It goes on issuing nothing until that is allowed, too. A second click changes nothing. Raises NotFound, ChangedSinceRead.
    """
    campaign = lock_campaign(session, number)
    if campaign.restored_at is None:
        return
    if campaign.version != version:
        raise ChangedSinceRead
    campaign.restored_at = None
    session.flush()
    audit.note(session, author.id, Change.CAMPAIGN_CONFIRMED, campaign_id(campaign.number), now, name=campaign.name)


def rewrite(session: Session, campaign: Campaign, name: str | None, changes: Mapping[str, Any]) -> None:
    """Change name and terms. Whoever changes a campaign that came back after a restore confirms it with that, and may correct it freely:
    nothing of it was owed before. What is as before is no new version.
    """
    before = parse_terms(campaign.terms)
    after, name = changed(before, changes), campaign.name if name is None else clean_name(name, LONG_NAME_CHARACTERS)
    if after.text() == before.text() and name == campaign.name:
        return
    check_places(session, after)
    if is_in_use(session, campaign):
        check_once_per(before, after)
        if campaign.restored_at is None:
            check_promises(session, before, after)
    campaign.name, campaign.terms, campaign.version = name, after.text(), campaign.version + 1
    campaign.restored_at = None


def lock_campaign(session: Session, number: int | None) -> Campaign:
    """Return the campaign, locked: no coupon of it is issued before this transaction ends. Raises NotFound."""
    locked = select(Campaign).where(Campaign.number == number).with_for_update()
    campaign = session.scalar(locked) if number is not None else None
    if campaign is None:
        raise NotFound("Check the campaign's id; no such campaign is here.")
    return campaign


def is_in_use(session: Session, campaign: Campaign) -> bool:
    """Return whether coupons of the campaign are known to be out: they have rows, or a tablet claims one that a restore has lost.

    Numbers that a restore has skipped prove no coupon. Whoever changes a restored campaign says that none was issued since the backup.
    """
    if campaign.coupons > campaign.skipped:
        return True
    first = campaign.number << 32
    claimed = select(Claim.serial).where(Claim.serial.between(first, first + NUMBER_LIMIT - 1))
    return session.scalar(claimed.limit(1)) is not None


def set_stopped(campaign: Campaign, stopped: bool, now: Ms) -> None:
    """Stop issuing at once, or let it go on; coupons that are out stay good. Repeating it changes nothing.

    The version stays the same. It belongs to the terms, and tablets are sent all campaigns again for each new version.
    """
    if stopped != (campaign.stopped_at is not None):
        campaign.stopped_at = now if stopped else None


def changed(terms: Terms, changes: Mapping[str, Any]) -> Terms:
    """Return the terms with some members replaced, validated as a whole."""
    return parse_terms(Terms.model_construct(**(dict(terms) | dict(changes))).model_dump_json())


def check_once_per(before: Terms, after: Terms) -> None:
    """Refuse another `once_per`: the coupons that are out have once keys by the present one, or none. Raises CampaignInUse."""
    if before.once_per != after.once_per:
        raise CampaignInUse(errors=[cant_change("once_per")])


def cant_change(member: str) -> dict[str, str]:
    return {"pointer": f"/{member}", "detail": "can't change once coupons are out"}


def check_promises(session: Session, before: Terms, after: Terms) -> None:
    """Refuse what would make a coupon worse for its customer or partner. Raises CampaignInUse.

    Money that was agreed stays, what is good today is not put off, and no store is taken away. An earlier end is allowed, for
    each token carries its own last day.
    """
    fixed = ("value", "handling_fee", "funding")
    altered = [name for name in fixed if getattr(before, name) != getattr(after, name)]
    first_before, first_after = before.windows.redeem.first, after.windows.redeem.first
    if first_after and (first_before is None or first_after > first_before):
        altered.append("windows")
    if after.bearer == "partner" and before.bearer != "partner":
        altered.append("offline")
    altered += places_taken(session, before, after)
    if altered:
        raise CampaignInUse(errors=[cant_change(name) for name in altered])


def places_taken(session: Session, before: Terms, after: Terms) -> list[str]:
    """Return the members of the terms by which a store is lost. A store may be named by its partner instead."""
    gone = set(before.stores) - set(after.stores)
    still_good = session.scalars(select(Store.id).where(Store.id.in_(gone), is_good_at_store(after)))
    taken = {"partners": set(before.partners) - set(after.partners), "stores": gone - set(still_good)}
    return [name for name, ids in taken.items() if ids]


def check_places(session: Session, terms: Terms) -> None:
    """Raises Invalid, pointing at each partner or store that is not here."""
    partners = set(session.scalars(select(Partner.id).where(Partner.id.in_(terms.partners))))
    stores = set(session.scalars(select(Store.id).where(Store.id.in_(terms.stores))))
    unknown = [
        {"pointer": f"/{name}/{place}", "detail": "no such id is here"}
        for name, named, known in (("partners", terms.partners, partners), ("stores", terms.stores, stores))
        for place, one in enumerate(named)
        if one not in known
    ]
    if unknown:
        raise Invalid("Name partners and stores that are here.", errors=unknown)


def note_change(session: Session, author: Author, row: Campaign, name: str, before: Terms, now: Ms) -> None:
    """Write to the audit log what changed since the campaign had this name and these terms. Once coupons are out, the words that
    they came with are kept too.
    """
    after = parse_terms(row.terms)
    changed = what_became_what(name, before, row.name, after)
    if not changed:
        return
    words = changed_words(before, after) if is_in_use(session, row) else {}
    said = {code: offer.model_dump(exclude={"picture"}) for code, offer in words.items()}
    told: dict[str, Any] = {"name": row.name, "changed": changed, **({"words_before": said} if said else {})}
    audit.note(session, author.id, Change.CAMPAIGN_CHANGED, campaign_id(row.number), now, **told)


def note_stop(session: Session, author: Author, row: Campaign, before: Ms | None, now: Ms) -> None:
    """Write to the audit log that the campaign was stopped or went on, if it did."""
    if row.stopped_at == before:
        return
    what = Change.CAMPAIGN_WENT_ON if row.stopped_at is None else Change.CAMPAIGN_STOPPED
    changed = {"stopped_at": ["" if at is None else rfc3339(at) for at in (before, row.stopped_at)]}
    audit.note(session, author.id, what, campaign_id(row.number), now, name=row.name, changed=changed)


def what_became_what(name: str, before: Terms, new_name: str, after: Terms) -> dict[str, list[str]]:
    """Return old and new value of each member that differs, shortened, by a name such as `windows.issue.until`."""
    was, now = (
        leaves({"name": called, **loads(terms.text())}) for called, terms in ((name, before), (new_name, after))
    )
    return {
        each: [shortened(was.get(each)), shortened(now.get(each))]
        for each in [*was, *(new for new in now if new not in was)]
        if was.get(each) != now.get(each)
    }


def leaves(value: object, name: str = "") -> dict[str, object]:
    """Flatten a value: each member that is not an object, by its path. A list counts as one member."""
    if not isinstance(value, dict) or not value:
        return {name: value}
    found: dict[str, object] = {}
    for key, each in value.items():
        found |= leaves(each, f"{name}.{key}" if name else str(key))
    return found


def shortened(value: object) -> str:
    """Return a value as a short text. None and what is missing are an empty text."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value in (None, {}) else str(value)
    return text if len(text) <= TOLD_CHARACTERS_MAX else f"{text[: TOLD_CHARACTERS_MAX - 1]}…"


def changed_words(before: Terms, after: Terms) -> dict[str, Offer]:
    """Return the earlier offers, by language, of which a customer reads something else now. A picture is not part of the promise."""
    offers = before.offer.items()
    return {code: offer for code, offer in offers if customers_words(offer) != customers_words(after.offer.get(code))}


def customers_words(offer: Offer | None) -> tuple[str, ...] | None:
    return (offer.title, offer.description, offer.terms) if offer else None
