"""Idempotency keys: concurrent duplicates, failures, and the answer that is kept."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from redeem.accounts import api_key_format, idempotency
from redeem.accounts.audit import OPERATOR
from redeem.accounts.idempotency import KeyReused, Mutation, fingerprint
from redeem.db.models.api import Idempotency
from redeem.db.models.partners import Partner
from redeem.lib.errors import NotFound
from redeem.lib.sealing import Sealer
from redeem.partners import partners
from tests.databases import on_both_databases
from tests.factories import NOW, SECRET, all_of

SEALER = Sealer([SECRET])
TWINS = 8


@pytest.fixture
def mutation(cast):
    return Mutation(api_key_format.parse(cast.shop_key).prefix, "key-1", "f" * 43)


def add(session, mutation, name="East"):
    def work(inner):
        return 201, partners.add_partner(inner, OPERATOR, name, NOW).id.encode()

    return idempotency.once(session, mutation, SEALER, NOW, work)


def easts(database):
    return [row for row in database.read(lambda s: all_of(s, Partner)) if row.name == "East"]


@on_both_databases
def test_concurrent_duplicates_do_it_once_and_get_the_same_answer(database, mutation):
    together = Barrier(TWINS)

    def twin(_):
        together.wait()
        return database.write(lambda session: add(session, mutation))

    with ThreadPoolExecutor(TWINS) as pool:
        answers = list(pool.map(twin, range(TWINS)))
    assert len(easts(database)) == 1
    assert {(answer.status, answer.body) for answer in answers} == {(201, easts(database)[0].id.encode())}
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * (TWINS - 1)


@on_both_databases
def test_without_the_kept_key_each_would_do_it(database, mutation):
    """The negative control: without the kept key the duplicates are done twice."""
    for _ in range(2):
        database.write(lambda session: session.execute(text("DELETE FROM idempotency")))
        database.write(lambda session: add(session, mutation))
    assert len(easts(database)) == 2


def test_a_failed_request_is_not_kept(database, mutation):
    def fail(_):
        raise NotFound

    with pytest.raises(NotFound):
        database.write(lambda s: idempotency.once(s, mutation, SEALER, NOW, fail))
    assert database.write(lambda session: add(session, mutation)).replayed is False


def test_another_request_with_the_same_key_is_refused(database, mutation):
    database.write(lambda session: add(session, mutation))
    other = Mutation(mutation.key_prefix, mutation.key, "g" * 43)
    with pytest.raises(KeyReused):
        database.write(lambda session: add(session, other))


def test_each_program_has_keys_of_its_own(database, cast, mutation):
    other = Mutation(api_key_format.parse(cast.reader_key).prefix, mutation.key, mutation.fingerprint)
    database.write(lambda session: add(session, mutation))
    assert database.write(lambda session: add(session, other)).replayed is False


def test_the_kept_answer_is_unreadable_at_rest(database, mutation):
    body = database.write(lambda session: add(session, mutation)).body
    (kept,) = database.read(lambda s: all_of(s, Idempotency))
    assert body not in kept.sealed_answer
    assert SEALER.unseal(kept.sealed_answer) == body


@on_both_databases
def test_answers_are_deleted_once_they_have_expired_and_not_before(database, mutation):
    def at(key, now):
        other = Mutation(mutation.key_prefix, key, mutation.fingerprint)
        return database.write(lambda s: idempotency.once(s, other, SEALER, now, lambda _: (201, key.encode())))

    def kept():
        return {row.key for row in database.read(lambda s: all_of(s, Idempotency))}

    at("first", NOW)
    at("second", NOW + idempotency.KEPT_MS)
    assert at("first", NOW + idempotency.KEPT_MS).replayed
    at("third", NOW + idempotency.KEPT_MS + 1)
    assert kept() == {"second", "third"}


@on_both_databases
def test_no_request_deletes_more_than_a_few_old_answers(database, mutation):
    for number in range(idempotency.DELETED_PER_REQUEST_MAX + 2):
        old = Mutation(mutation.key_prefix, f"old-{number}", mutation.fingerprint)
        database.write(lambda s, old=old: idempotency.once(s, old, SEALER, NOW, lambda _: (201, b"")))
    later = Mutation(mutation.key_prefix, "new", mutation.fingerprint)
    database.write(lambda s: idempotency.once(s, later, SEALER, NOW + idempotency.KEPT_MS + 1, lambda _: (201, b"")))
    assert len(database.read(lambda s: all_of(s, Idempotency))) == 3


class Body(BaseModel):
    """What a request might say."""

    campaign: str
    order_ref: str | None = None


SAID = fingerprint("POST", "/v1/coupons", Body(campaign="cmp_1"))


def test_the_same_request_has_the_same_fingerprint_also_after_a_release_that_adds_a_member():
    class Later(Body):
        """The same body a release later."""

        gift_wrap: bool = False

    assert fingerprint("POST", "/v1/coupons", Later(campaign="cmp_1")) == SAID
    assert re.fullmatch(r"[\w-]{43}", SAID)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/v1/coupons", Body(campaign="cmp_1")),
        ("POST", "/v1/campaigns", Body(campaign="cmp_1")),
        ("POST", "/v1/coupons", Body(campaign="cmp_2")),
        ("POST", "/v1/coupons", Body(campaign="cmp_1", order_ref=None)),
    ],
)
def test_another_request_has_another_fingerprint(method, path, body):
    assert fingerprint(method, path, body) != SAID
