import os
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from redeem import ledger
from redeem.models import Act, Redemption
from tests import factories
from tests.cast import Cast
from tests.simulation.server import Server
from tests.simulation.world import Desk, World
from tests.factories import NOW


def build(app, cast, seed, n=12):
    server = Server(app, NOW)
    import hashlib
    from nacl.signing import SigningKey
    desks, seeds = [], {}
    def make(session):
        out=[]
        for store in (cast.north, cast.north, cast.south):
            key = SigningKey(hashlib.sha256(f"{seed}{len(out)}".encode()).digest())
            device = factories.tablet(session, store, key, f"T{len(out)}")
            out.append((device.id, store, bytes(key).hex()))
        coupons=[factories.coupon(session, cast.anywhere, home_store_id=[None, cast.north, cast.south][i % 3]) for i in range(n)]
        return out, coupons
    made, coupons = server.database.write(make)
    for d, store, s in made:
        desks.append(Desk(d, store, cast.clerk_id if store == cast.north else cast.south_clerk_id)); seeds[d]=s
    return World(seed, server, desks, seeds, coupons)


@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS","5"))))
def test_once(app, cast, seed):
    world = build(app, cast, seed)
    t=time.time()
    try:
        world.run(600)
        world.heal()
        redeemed = {f"cpn_{r.serial>>32}_{r.serial & 0xffffffff}" for r in world.server.database.read(lambda s: list(s.scalars(select(Redemption))))}
        for coupon in world.coupons:
            assert world.gifts[coupon.id] == (coupon.id in redeemed), (coupon.id, world.gifts[coupon.id])
    except BaseException:
        Path(f"/tmp/sim-{seed}.txt").write_text("\n".join(world.told))
        raise
    finally:
        world.close()
    Path('/tmp/sim.log').open('a').write(' '.join(map(str,(seed, world.scans, dict(world.gifts), time.time()-t)))+chr(10))
