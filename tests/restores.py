"""A backup is put back in tests, and all who are awaited report."""

from redeem.recovery import restore as recovery_restore
from redeem.recovery import tills as recovery_tills
from tests.factories import NOW

LATER = NOW + 60_000


def restore(counters, vault, **options):
    """Puts the backup back and begins recovery; answers the new generation."""
    vault.put_back()
    return begin(counters, **options)


def begin(counters, **options):
    """None was enrolled since the backup, if nothing else is said."""
    known = {"none_enrolled": True} | options
    return counters.write(lambda session: recovery_restore.begin(session, LATER, **known)).generation


def all_report(counters, tills, generation, *, but=()):
    for tablet in (counters.tablet, counters.south):
        if tablet not in but:
            tablet.restored(generation)
    for till in tills.values():
        counters.write(lambda session, till=till: recovery_tills.till_reported(session, till.actor.device_id))
