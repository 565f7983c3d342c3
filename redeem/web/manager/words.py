"""The words for codes, in the reader's language. An unknown code, such as a newer tablet's, is shown as it is."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from redeem.accounts.audit import Change
from redeem.accounts.roles import Role
from redeem.coupons.bulk_void import What
from redeem.coupons.customer_view import BEING_GIVEN
from redeem.domain.acts import Kind, Outcome, Refusal
from redeem.domain.judgement import Rule
from redeem.domain.rules import Verdict
from redeem.redemptions.conflicts import NEVER_GIVEN
from redeem.sync.damaged_journals import Damage
from redeem.sync.quarantine import NOT_SIGNED
from redeem.web import declines
from redeem.webhooks.attempts import Outcome as SendOutcome
from redeem.webhooks.endpoints import DisabledReason, State

Words = Mapping[str, LazyString]

DECLINES: Words = {verdict: decline.word for verdict, decline in declines.DECLINES.items()}
SIMULATED: Words = {
    **DECLINES,
    Verdict.GOOD: _("The gift is given"),
    "at_risk": _("Given at risk, within the tablet's limits"),
    "offline": _("Not confirmed: not given without a network"),
    "recovering": _("Not given yet: the server is being restored"),
}
REFUSALS: Words = {
    Refusal.NO_RECEIPT: _("Asked for a receipt"),
    Refusal.SYSTEM_DOWN: _("System down"),
    Refusal.OUT_OF_STOCK: _("Out of stock"),
    Refusal.UNKNOWN_CAMPAIGN: _("Did not know the campaign"),
    Refusal.OTHER: _("Something else"),
}
REVERSALS: Words = {
    "mistake": _("Given by mistake"),
    "returned": _("Customer gave it back"),
    "wrong_gift": _("Wrong gift"),
    "not_handed_over": _("Not handed over"),
    "cancelled": _("Attempt cancelled"),
    NEVER_GIVEN: _("Never given, as a shop manager decided"),
    "other": _("Something else"),
}
# Of a coupon as a whole: the verdict of all its stores together.
STATES: Words = {
    **DECLINES,
    Verdict.GOOD: _("Ready to be given"),
    BEING_GIVEN: _("Waiting for the clerk"),
    Verdict.ALREADY_REDEEMED: _("Given"),
    Verdict.WRONG_STORE: _("No store gives it"),
}
STATE_COLOURS: Mapping[str, str] = {
    Verdict.GOOD: "is-quiet",
    BEING_GIVEN: "is-ask",
    Verdict.ALREADY_REDEEMED: "is-yes",
    Verdict.NOT_YET_VALID: "is-ask",
}
ACTS: Words = {
    Kind.REDEEM: _("Redeemed by the till"),
    Kind.CANCEL: _("Till cancelled its attempt"),
    Kind.REVERSE: _("Till undid the redemption"),
    Kind.ASK: _("Redeemed on the tablet"),
    Kind.GAVE: _("Clerk gave the gift"),
    Kind.DROP: _("Clerk did not hand it over"),
    Kind.GAVE_HELD: _("Clerk gave the gift, reserved for the tablet"),
    Kind.GAVE_AT_RISK: _("Clerk gave the gift offline, at risk"),
    Kind.RELEASE: _("Tablet gave the coupon back"),
    Kind.MOVE: _("Tablet went to another store"),
    Kind.UNDO: _("Clerk undid the redemption"),
    Kind.DECLINE: _("Declined by the tablet"),
    Kind.REFUSAL: _("Clerk did not give it"),
    Kind.SAID: _("Clerk said, after the tablet was enrolled anew, whether the gift had been handed over"),
}
ANSWERS: Words = {
    **DECLINES,
    Outcome.REDEEMED: _("Redeemed"),
    Outcome.NOTED: _("Noted"),
    Outcome.REVERSED: _("Undone"),
    Outcome.NOTHING_TO_UNDO: _("There was nothing to undo"),
    Outcome.UNDO_TOO_LATE: _("Too late to undo"),
    Outcome.RELEASED: _("Free for every store again"),
    Outcome.MOVED: _("At the other store from here on"),
    Outcome.NOT_MOVED: _("Stayed where it was"),
    Outcome.CONFLICT: _("A second gift of one coupon"),
    Outcome.CONTESTED: _("Contested: it breaks a rule"),
    Outcome.RECOVERING: _("The server was being restored"),
}
OUTCOMES: Words = {**ANSWERS, NOT_SIGNED: _("Not counted: the tablet did not sign it")}
ENTRIES: Words = {
    **ACTS,
    "unlock": _("Clerk unlocked the tablet"),
    "lock": _("Tablet was locked"),
    "done": _("Clerk went on to the next coupon"),
}
QUARANTINED: Words = {
    "revoked": _("The tablet was revoked or written off"),
    "broken_journal": _("The journal does not continue where the server's copy ends"),
    "key_lost": _("The tablet lost its key and was enrolled again"),
    "key_kept": _("The tablet was enrolled again with its key"),
    "damaged": _("The tablet's storage was damaged"),
}
DAMAGES: Words = {
    Damage.UNREADABLE: _("A part of the journal can't be read"),
    Damage.SHORT: _("The end of the journal is missing"),
    Damage.REWRITTEN: _("The journal is not the one that the tablet wrote"),
}
RULES: Words = {
    Rule.VOID: _("The coupon was void."),
    Rule.COMPROMISED_KEY: _(
        "The coupon's key was withdrawn, and the tablet could know that or did not hold the coupon."
    ),
    Rule.WRONG_STORE: _("The coupon is not good at this store."),
    Rule.NOT_YET_VALID: _("The coupon was not valid yet on any day on which it can have been given."),
    Rule.EXPIRED: _("The coupon had expired on every day on which it can have been given."),
    Rule.NOT_HELD: _("The tablet did not hold the coupon, and the campaign allows no gift at risk."),
    Rule.NEVER_GIVEN: _("A shop manager had decided that this gift was never given."),
    Rule.NO_YES: _("The device says that it was told to give, and shows no proof of that."),
    Rule.LISTED: _("The tablet's list said already that the coupon had been given."),
    Rule.OLD_LIST: _("The tablet's list was missing or too old to give at risk."),
    Rule.OVER_LIMIT: _("The tablet had given as many at risk as the campaign allows."),
}
BEARERS: Words = {
    "issuer": _("The shop bears it"),
    "partner": _("The partner bears it"),
}
ROLES: Words = {
    Role.SHOP_MANAGER: _("Shop manager"),
    Role.PARTNER_MANAGER: _("Partner manager"),
    Role.STORE_MANAGER: _("Store manager"),
    Role.AUDITOR: _("Auditor"),
}
ROLE_NOTES: Words = {
    Role.SHOP_MANAGER: _("Runs everything: campaigns, partners, keys, people."),
    Role.PARTNER_MANAGER: _("Runs a partner's stores: their devices, clerks and people. Sees only their figures."),
    Role.STORE_MANAGER: _("Runs one store: its devices, clerks and people. Sees only its figures."),
    Role.AUDITOR: _("Reads, and changes nothing."),
}
CHANGES: Words = {
    Change.TABLET_INVITED: _("Made an enrolment link"),
    Change.TILL_ADDED: _("Added a till"),
    Change.DEVICE_REVOKED: _("Revoked a device"),
    Change.CLERK_ADDED: _("Added a clerk"),
    Change.CLERK_LEFT: _("Let a clerk leave"),
    Change.CLERK_PIN_CHANGED: _("Set a clerk's new PIN"),
    Change.PARTNER_RENAMED: _("Renamed a partner"),
    Change.PARTNER_CLOSED: _("Closed a partner"),
    Change.PARTNER_REOPENED: _("Reopened a partner"),
    Change.PARTNER_ADDED: _("Added a partner"),
    Change.STORE_ADDED: _("Added a store"),
    Change.STORE_CHANGED: _("Changed a store"),
    Change.STORE_CLOSED: _("Closed a store"),
    Change.STORE_REOPENED: _("Reopened a store"),
    Change.DEVICE_RENAMED: _("Renamed a device"),
    Change.DEVICE_TO_MOVE: _("Asked a tablet to move"),
    Change.DEVICE_MOVED: _("Moved a device"),
    Change.DEVICE_STAYS: _("Let a tablet stay after all"),
    Change.CAMPAIGN_MADE: _("Made a campaign"),
    Change.CAMPAIGN_CHANGED: _("Changed a campaign"),
    Change.CAMPAIGN_STOPPED: _("Stopped a campaign"),
    Change.CAMPAIGN_WENT_ON: _("Let a campaign go on"),
    Change.CAMPAIGN_CONFIRMED: _("Confirmed a restored campaign"),
    Change.COUPONS_VOIDED: _("Voided coupons"),
    Change.BATCH_ASKED: _("Asked for a batch of coupons"),
    Change.CODE_REVEALED: _("Had a coupon's code shown"),
    Change.KEY_MADE: _("Made a key"),
    Change.KEY_ROLLED: _("Rolled a key"),
    Change.KEY_REVOKED: _("Revoked a key"),
    Change.WEBHOOK_ADDED: _("Added a webhook endpoint"),
    Change.WEBHOOK_CHANGED: _("Changed a webhook endpoint"),
    Change.WEBHOOK_SECRET_ROTATED: _("Made a new secret for a webhook endpoint"),
    Change.WEBHOOK_ENABLED: _("Enabled a webhook endpoint"),
    Change.WEBHOOK_DISABLED: _("Disabled a webhook endpoint"),
    Change.WEBHOOK_DELETED: _("Deleted a webhook endpoint"),
    Change.WEBHOOK_RESENT: _("Had events sent again"),
    Change.DEVICE_WRITTEN_OFF: _("Wrote a device off"),
    Change.FORGOTTEN_SETTLED: _("Went on without devices that were enrolled after the backup"),
    Change.ORDERS_COMPLETE: _("Said that the online shop has said its coupons again"),
    Change.ENTRIES_ADMITTED: _("Admitted entries"),
    Change.ENTRIES_LEFT: _("Left entries as they are"),
    Change.GIFT_UNDONE: _("Undid a gift"),
    Change.PENDING_DECIDED: _("Decided whether a gift was handed over"),
    Change.CONFLICT_DECIDED: _("Decided about a second or contested gift"),
    Change.STATEMENT_CLOSED: _("Closed a statement"),
    Change.PERSON_INVITED: _("Invited somebody"),
    Change.INVITATION_WITHDRAWN: _("Withdrew an invitation"),
    Change.INVITATION_ACCEPTED: _("Accepted an invitation"),
    Change.PERSON_CHANGED: _("Changed what somebody runs"),
    Change.PERSON_DEACTIVATED: _("Deactivated somebody"),
    Change.PERSON_REACTIVATED: _("Reactivated somebody"),
    Change.SESSIONS_ENDED: _("Signed out browsers"),
    Change.RESET_MADE: _("Made a link for a new password"),
    Change.PASSWORD_CHANGED: _("Chose a new password"),
    Change.SIGNED_IN: _("Signed in"),
    Change.SIGN_IN_FAILED: _("Wrong passwords at the sign-in"),
}
VOIDED: Words = {
    What.VOID: _("Void"),
    What.WAITING: _("Void once its tablet has released it"),
    What.REDEEMED: _("Given already, left as it is"),
    What.ALREADY_VOID: _("Void already"),
    What.REPEATED: _("Named twice"),
    What.UNKNOWN: _("Not a coupon of this shop"),
}
TO_VOID: Words = {
    **VOIDED,
    What.VOID: _("Will be void"),
    What.WAITING: _("A tablet holds it: void once the tablet has released it"),
}
FIELDS: Words = {
    "name": _("Name"),
    "address": _("Address"),
    "hours": _("Hours"),
    "time_zone": _("Time zone"),
    "store": _("Store"),
    "partner": _("Partner"),
    "role": _("Role"),
    "prefix": _("Begins with"),
    "source": _("From the address"),
    "tries": _("Tries within an hour"),
    "stopped_at": _("Stopped since"),
    "url": _("Address"),
    "description": _("Description"),
    "types": _("Types of events"),
    "event": _("Event"),
    "after": _("All events after"),
    # Members of a campaign's terms, by their path. The language of an offer is left out.
    "offer.title": _("What the customer gets"),
    "offer.description": _("Description"),
    "offer.terms": _("Terms"),
    "offer.picture": _("Address of its picture"),
    "windows.issue.from": _("Coupons are issued from"),
    "windows.issue.until": _("Coupons are issued until"),
    "windows.redeem.from": _("Gifts are given from"),
    "windows.redeem.until": _("Gifts are given until"),
    "windows.valid_days": _("Days that each coupon is good"),
    "partners": _("Partners"),
    "stores": _("Stores"),
    "value.amount": _("Value of the gift, in the currency's smallest coins"),
    "value.currency": _("Currency"),
    "handling_fee.amount": _("Handling fee, in the currency's smallest coins"),
    "handling_fee.currency": _("Currency"),
    "funding": _("Who pays for the gift?"),
    "offline.policy": _("What may a tablet give that can't ask?"),
    "offline.coupons": _("Coupons for each tablet without a network"),
    "offline.value": _("Their value together, in the currency's smallest coins"),
    "offline.hours": _("Hours without a network"),
    "offline.bearer": _("Who bears a second gift?"),
    "undo_minutes": _("Minutes within which a till may undo"),
    "once_per": _("How many coupons for one order?"),
}
KEY_SCOPES: Words = {
    "read": _("Read coupons, redemptions and events"),
    "issue": _("Issue and void coupons, change where they are expected"),
    "manage": _("Manage campaigns, partners and stores"),
}
WEBHOOK_STATES: Words = {
    State.ACTIVE: _("Active"),
    State.FAILING: _("Failing"),
    State.DISABLED: _("Disabled"),
}
WEBHOOK_DISABLED: Words = {
    DisabledReason.FAILING: _("It took nothing for three days."),
    DisabledReason.GONE: _("It answered that it is gone for good (410)."),
    DisabledReason.BY_HAND: _("Somebody disabled it."),
}
WEBHOOK_OUTCOMES: Words = {
    SendOutcome.TAKEN: _("Taken"),
    SendOutcome.NO_SUCH_NAME: _("Its name is not known"),
    SendOutcome.NOT_PUBLIC: _("Its address is private"),
    SendOutcome.UNREACHABLE: _("Not reachable"),
    SendOutcome.BAD_CERTIFICATE: _("Its certificate is not valid"),
    SendOutcome.TOO_LATE: _("No answer within 10 seconds"),
    SendOutcome.BROKEN_OFF: _("Connection broken off"),
    SendOutcome.REDIRECTED: _("It redirects: give its new address"),
    SendOutcome.GONE: _("Gone for good"),
    SendOutcome.REFUSED: _("Refused"),
}


def word(words: Words, code: str) -> str:
    return str(words[code]) if code in words else code
