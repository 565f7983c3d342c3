"""What to do about each error: for docs/errors.md and `/v1/errors.json`. What a decline asks for is in declines.py.

After a change run `python -m scripts.translate`.
"""

from collections.abc import Mapping

from redeem.web.declines import DECLINES

REMEDIES: Mapping[str, str] = {
    "bad_json": "Send UTF-8 JSON without duplicate keys, NaN, Infinity, lone surrogates, or more than 32 levels of nesting.",
    "bad_link": "Open the link as it was sent, in one piece, or ask for a new one.",
    "bad_request": (
        "Correct the request. `detail` says what can't be read. A request for a host name that is not this server's,"
        " or without one, gets this, too."
    ),
    "idempotency_key_missing": (
        "Send `Idempotency-Key`, 1 to 255 printable ASCII characters, bare or as a quoted string (RFC 8941), new for"
        " each attempt. A cancel names it in its path, percent-encoded."
    ),
    "bad_key": "Check that the whole key was copied, or make a new one.",
    "not_signed": "A tablet signs each request with its own key; if it was revoked, enrol it again.",
    "unauthenticated": "Send `Authorization: Bearer` and a key that is complete and not revoked.",
    "wrong_password": "Type the address and the password again.",
    "forbidden": "Ask a manager who may do this.",
    "insufficient_scope": (
        "Use a key of the right kind (`rsk_` the shop's, `rtk_` a till's) and with the scope that the reference names."
    ),
    "wrong_pin": "The clerk types the PIN again.",
    "not_found": "Check the id and the address. What belongs to another partner is not found either.",
    "nothing_to_undo": "Check the redemption's id. The redemption may be of another store, or undone already.",
    "method_not_allowed": "Use one of the methods in `Allow`.",
    "broken_journal": "Call a manager: the tablet must be enrolled again.",
    "campaign_in_use": "Make a new campaign. `errors` names what may not change once coupons are issued.",
    "campaign_stopped": (
        "Issue from another campaign, or let this one go on: in the office, or by `PATCH` with `stopped` false."
        " Coupons that were issued stay good."
    ),
    "changed_meanwhile": "In the office: look at what the other manager saved or decided, then save yours.",
    "contested": (
        "The gift was reported without the `proof` that its redemption was answered with, or it breaks a rule. It is"
        " kept; a manager of the shop decides about it."
    ),
    "conflict_withdrawn": "Nothing is left to decide.",
    "conflict": "Read it again: it has changed, or its state does not allow this.",
    "email_taken": "Use another address: a manager has this one.",
    "gift_gone": "In the office: look at the coupon again. The gift was undone meanwhile, or another gift stands.",
    "gift_pending": "In the office: wait for the tablet's report.",
    "invitation_over": "It was used, withdrawn or is too old. Ask for a new one.",
    "last_manager": "Make somebody else a shop manager first.",
    "reset_over": "It was used, another was made, or it is too old. Ask for a new one.",
    "enrolment_expired": "Ask a manager for a new link.",
    "enrolment_used": "Another tablet has enrolled with this link. Ask a manager for a new one.",
    "not_issuing": "Issue within the campaign's issue window, and while its coupons can still be redeemed.",
    "nothing_to_void": "In the office: each of these coupons was given, is void already, or is not this shop's.",
    "not_recovering": "Send new attempts. A till may report earlier redemptions only while a restored server waits for it.",
    "undo_too_late": "Ask a shop manager, who can undo a gift at any time. A till can only for the first `undo_minutes`.",
    "words_are_out": "In the office: say that the new words promise no less, or make a copy of the campaign.",
    "too_large": "Send less; the limit is `REDEEM_MAX_BODY_BYTES`.",
    "unsupported_media_type": "Send `Content-Type: application/json`, in UTF-8 and not compressed.",
    "bad_short_code": "Type the short code again, in Latin letters: twelve letters and digits, the last of them a check.",
    "idempotency_key_reused": "Use a new key: this one came before with another request.",
    "invalid": (
        "Correct what `errors` names: `pointer` is a JSON Pointer (RFC 6901) into the body, `parameter` a parameter"
        " of the query or a form's field. No text may have the character NUL."
    ),
    "too_many": (
        "Wait `Retry-After` seconds. `RateLimit` repeats that. `RateLimit-Policy` says how many wrong tries (`q`)"
        " within how many seconds (`w`) are allowed."
    ),
    "error": "Try again. If it happens again, tell the shop the `request_id`.",
    "internal": "Try again with the same `Idempotency-Key`. If it happens again, tell the shop the `request_id`.",
    "crowded": "Try again after `Retry-After` seconds. This try was not counted.",
    "recovering": (
        "Nothing is decided until they have reported: send the same attempt again, or cancel it. See the till's"
        " quickstart."
    ),
    "awaits_shop": (
        "Say again what you issued since the backup, and then that this is complete: see orders.md. Then send this"
        " again, with the same `Idempotency-Key`."
    ),
    "too_slow": (
        "Send it again with the same `Idempotency-Key`: nothing was done. A body has ten seconds, and a second more"
        " for each 1,000 bytes of it that have come."
    ),
    "ledger_behind": 'Whoever runs the server: see "An old copy" in running.md. Nothing is lost: send the same again later.',
    "unavailable": "Try again with the same `Idempotency-Key`: a request that was done is not done twice.",
    "no_signing_key": "Whoever runs the server: make one by `flask keys rotate`.",
    "events_deleted": (
        "Events are kept for `REDEEM_EVENT_DAYS` days. Read the lists of coupons and redemptions, then read events"
        " from the beginning, without `after`."
    ),
    "other_generation": (
        "The server was restored from a backup, or moved. Read events from the beginning, without `after`, and take"
        " each `id` once. `generation` is the present one. See events.md."
    ),
    "precondition_failed": "Nothing was changed. Read it again, and send your change with the `ETag` of that answer as `If-Match`.",
    "precondition_required": (
        "Read what you want to change, and send the `ETag` of that answer as `If-Match`. `If-Match: *` changes it"
        " whatever it is now: for a stop that can't wait."
    ),
    "endpoint_disabled": "Enable it first: nothing is sent to it.",
    "too_many_endpoints": "Delete one that nobody uses.",
    "batch_not_finished": "Ask for the batch until its `status` is no longer `running`, then for its coupons.",
    "restored_again": (
        "`GET /v1/status` says which. Say again what the server lacks since the backup that was put back last. See"
        " orders.md."
    ),
    "another_order": "Check what you sent: the coupon is here with another `order_ref` or `line`.",
    "order_has_coupon": "Void one of the two; `coupon` is the other one. If you void that one, send this again.",
}


def what_to_do(code: str) -> tuple[str, ...]:
    """The sentences, in English."""
    decline = DECLINES.get(code)
    return (REMEDIES[code],) if decline is None else tuple(filter(None, (decline.detail, decline.note)))
