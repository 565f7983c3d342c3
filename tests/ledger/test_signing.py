"""Stored signing keys: rotation, old coupons after it, and that private keys are sealed."""

import pytest
from sqlalchemy import select

from redeem.db.models.coupons import SigningKey
from redeem.domain import tokens
from redeem.domain.signing_keys import KeyStatus
from redeem.ledger import signing
from redeem.lib.errors import BadKey, Conflict, NotFound
from redeem.lib.sealing import Sealer
from tests.databases import on_both_databases
from tests.factories import NOW, SECRET

SEALER = Sealer([SECRET])


def signer(database, sealer=SEALER):
    return database.read(lambda session: signing.load_signer(session, sealer))


def ring(database):
    return database.read(signing.load_ring)


def rotate(database, **how):
    return database.write(lambda session: signing.rotate(session, SEALER, NOW, **how))


def fault(database, text):
    return tokens.fault(tokens.read(text), ring(database))


@on_both_databases
def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(database):
    before = signer(database)
    old = before.write(before.newest, 1, 2, 3)
    assert rotate(database) == before.newest + 1
    after = signer(database)
    new = after.write(after.newest, 1, 2, 3)
    assert (tokens.read(old).key_id, tokens.read(new).key_id) == (before.newest, after.newest)
    assert [fault(database, text) for text in (old, new)] == [None, None]
    assert [key.status for key in ring(database)] == [KeyStatus.VERIFY_ONLY, KeyStatus.ACTIVE]


def test_the_token_of_an_old_coupon_is_the_same_after_a_rotation(database):
    before = signer(database)
    old = before.write_serial(before.newest, 1 << 32 | 2, 3)
    rotate(database)
    assert signer(database).write_serial(before.newest, 1 << 32 | 2, 3) == old


@on_both_databases
def test_a_compromised_keys_coupons_are_refused(database):
    made = signer(database)
    text = made.write(made.newest, 1, 2, 3)
    rotate(database)
    database.write(lambda session: signing.set_status(session, made.newest, KeyStatus.COMPROMISED))
    assert fault(database, text) == tokens.Fault.COMPROMISED_KEY


def test_without_an_active_key_nothing_is_signed(database):
    only = signer(database).newest
    database.write(lambda session: signing.set_status(session, only, KeyStatus.VERIFY_ONLY))
    signing_none = signer(database)
    with pytest.raises(Conflict):
        signing_none.write(signing_none.newest, 1, 2, 3)


def test_the_status_of_an_unknown_key_cannot_be_set(database):
    with pytest.raises(NotFound):
        database.write(lambda session: signing.set_status(session, 200, KeyStatus.COMPROMISED))


def test_a_seed_makes_the_same_key(database):
    kid = rotate(database, seed=bytes(range(32)))
    assert bytes(signer(database).private_keys[kid]) == bytes(range(32))


@on_both_databases
def test_private_halves_are_stored_sealed_alone(database):
    private = {bytes(key) for key in signer(database).private_keys.values()}
    rows = database.read(lambda session: list(session.scalars(select(SigningKey))))
    for row in rows:
        assert not any(secret in row.sealed_private_key + row.public_key for secret in private)
    with pytest.raises(BadKey):
        signer(database, Sealer(["another secret, of 32 characters or more"]))


def test_a_rotated_secret_still_opens_what_the_older_one_sealed(database):
    newer = Sealer([SECRET, "another secret, of 32 characters or more"])
    assert signer(database, newer).newest == signer(database).newest
    database.write(lambda session: signing.rotate(session, newer, NOW))
    assert signer(database, newer).newest == 2
    with pytest.raises(BadKey):
        signer(database)


def test_a_signer_shows_no_secret(database):
    made = signer(database)
    assert all(
        bytes(key).hex() not in repr(made) and repr(bytes(key)) not in repr(made) for key in made.private_keys.values()
    )
