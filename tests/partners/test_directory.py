"""The office's lists of stores: the SQL form of a rule says what the rule says."""

from itertools import combinations

from sqlalchemy import select

from redeem.db.models.partners import Partner, Store
from redeem.domain.rules import is_good_at
from redeem.partners.directory import is_good_at_store
from tests import factories
from tests.databases import on_both_databases


def every_choice(ids):
    return [chosen for size in range(len(ids) + 1) for chosen in combinations(ids, size)]


@on_both_databases
def test_sql_finds_the_stores_that_the_rule_names(database):
    """For each choice of the cast's partners and stores."""

    def check(session):
        stores = list(session.scalars(select(Store)))
        partner_ids = list(session.scalars(select(Partner.id)))
        found_some = 0
        for partners in every_choice(partner_ids):
            for named in every_choice([store.id for store in stores]):
                if not partners and not named:
                    continue
                terms = factories.terms(partners=partners, stores=named)
                found = set(session.scalars(select(Store.id).where(is_good_at_store(terms))))
                assert found == {store.id for store in stores if is_good_at(terms, store.id, store.partner_id)}
                found_some += 0 < len(found) < len(stores)
        assert found_some > 5

    database.read(check)
