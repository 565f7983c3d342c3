"""A world for the real tablets and the real server: stores, clerks, customers, a bad network, deaths, and days of darkness.

The world does what it is told, and says what came of it in `told`. It alone knows what truly happened at the counters (`hands`).
`met` counts what was met; `risks` are the gifts that were given at risk; `may_double` says how often a coupon was written off with a
tablet that may have given it; of `unsure` ones nobody can know; `lost` are journals of which a part or all may be lost, by device, as they
were; `forgotten` is what a tablet held that a restored ledger knew nothing of; `statements` are those that were closed, by id. `liar` is a
dishonest device; `crooked` are the names of the tablets whose clocks were ever wrong. `held_up` are requests with which a server has begun,
each with the number of what it knew then.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from redeem.domain.judgement import LIST_LAG_MS
from redeem.lib.times import Ms
from redeem.partners.settlement import Account
from tests.simulation import setting
from tests.simulation.advice import Advice, Adviser, who_can_give
from tests.simulation.chance import Clock
from tests.simulation.hands import Gift, Hands
from tests.simulation.journals import is_undone
from tests.simulation.liar import Liar, booked_of
from tests.simulation.network import Answer, Message, Network, as_request
from tests.simulation.server import Served, Server
from tests.simulation.setting import Paper, Place
from tests.simulation.tablets import Tablets
from tests.simulation.tills import Till

Screen = dict[str, Any]
RECENT_MAX = 4
LIARS = 0.5


@dataclass
class Tablet:
    """One that stands at a counter. `devices` are those that it has been, the newest last. `returning`: gifts that came back to the
    clerk, of which the tablet has not said yet that they are taken back."""

    name: str
    place: Place
    is_dark: bool = False
    is_gone: bool = False
    skew: Ms = 0
    tabs: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    returning: list[Gift] = field(default_factory=list)

    @property
    def device(self) -> str:
        return self.devices[-1] if self.devices else ""


class World:
    def __init__(self, seed: int, server: Server, tablets: Tablets, clock: Clock) -> None:
        self.server, self.node, self.clock = server, tablets, clock
        self.network, self.hands = Network(clock), Hands()
        self.told: list[str] = []
        self.met: Counter[str] = Counter()
        self.scans = 0
        self.risks: list[Gift] = []
        self.is_risk_new = False
        self.may_double: Counter[str] = Counter()
        self.unsure: set[str] = set()
        self.lost: dict[str, list[str]] = {}
        self.statements: dict[str, Account] = {}
        self.is_restored, self.generation = False, 1
        self.forgotten: dict[str, set[str]] = {}
        self.recent: list[int] = []
        self.adviser = Adviser()
        self.held_up: dict[Message, int | None] = {}
        chance = Random(f"{seed} setting")
        self.setting = setting.furnish(server, chance)
        self.tills = [
            Till(f"till{number}", key, self.hands, self.network.send)
            for number, key in enumerate(self.setting.till_keys)
        ]
        counts = [chance.choice([1, 1, 2]) for _ in self.setting.places]
        spread = [place for place, count in zip(self.setting.places, counts, strict=True) for _ in range(count)]
        self.tablets = [
            Tablet(f"t{number}", place) for number, place in enumerate(spread if len(spread) > 1 else spread * 2)
        ]
        self.liar = Liar(server, self.setting, seed) if Random(f"{seed} has a liar").random() < LIARS else None
        self.crooked: set[str] = set()
        self._keys = Random(f"{seed} keys")
        self.tell("begin")
        for tablet in self.tablets:
            self.install(tablet)

    # Tablets.

    def install(self, tablet: Tablet) -> None:
        """A manager sets a new tablet up, and stays until it works."""
        self.open_tab(tablet)
        self.enrol(tablet.tabs[0])
        self.carry_all()
        self.kill_tab(tablet.tabs[0])
        self.open_tab(tablet)
        self.carry_all()

    def tell(self, do: str, tab: str | None = None, **about: Any) -> Any:
        """Tells Node, and keeps what came of it."""
        self.node.now = self.clock.now
        value = self.node.tell(do, **({"tab": tab} if tab else {}), **about)
        self.say(
            tab or "",
            do,
            *(brief(each) for name, each in about.items() if name != "answer"),
            "->",
            shown(self.screen(tab)) if tab else "",
        )
        self._note_screens()
        for sent in self.node.sent:
            self._send(as_request(sent))
        return value

    def screen(self, tab: str) -> Screen:
        return self.node.tabs.get(tab, {"name": "closed"})

    def tablet_of(self, tab: str) -> Tablet:
        return next(tablet for tablet in self.tablets if tablet.name == tab.partition("/")[0])

    def open_tab(self, tablet: Tablet) -> None:
        taken = {int(tab.partition("/")[2]) for tab in tablet.tabs}
        tab = f"{tablet.name}/{min({1, 2} - taken)}"
        tablet.tabs.append(tab)
        self.tell("open", tab, skew=tablet.skew)

    def kill_tab(self, tab: str, part: float = 0) -> None:
        tablet = self.tablet_of(tab)
        self.tell("kill", tab, part=part)
        tablet.tabs.remove(tab)

    def enrol(self, tab: str) -> None:
        place = self.tablet_of(tab).place
        self.tell(
            "enrol", tab, token=setting.link(self.server, place, self.clock.now), seed=self._keys.randbytes(32).hex()
        )

    def _note_screens(self) -> None:
        for tab, screen in self.node.tabs.items():
            tablet = self.tablet_of(tab)
            if screen.get("device") and screen["device"] not in tablet.devices:
                tablet.devices.append(screen["device"])
            if screen.get("store"):
                tablet.place = self.setting.place(screen["store"])
            for each in screen["shown"]:
                self.met[f"screen {shown_code(each)}"] += 1
                if "named" in each:
                    self.met["advice: a till" if each["named"].startswith("dev_") else "advice: a store"] += 1
                    self.adviser.said.append(Advice(screen["device"], each["coupon"], each["named"], each["as_of"]))

    def _send(self, message: Message) -> None:
        self.met[f"request {message.path}"] += 1
        sent = self.network.send(message)
        if self.is_dark(message.sender):
            self.fail(sent)

    # The network.

    def is_dark(self, sender: str) -> bool:
        return not sender.startswith("till") and self.tablet_of(sender).is_dark

    def carry(self, message: Message) -> None:
        """Carries a request to the server, or its answer back. If the server is down or dies, the connection breaks."""
        self.network.take(message)
        if message.answer:
            self._deliver(message)
            return
        served = self.server.serve(message)
        if message not in [each for each, _ in served]:
            self._hold_up(message)
        self.hear(served)

    def carry_all(self) -> None:
        while self.network.messages or self.held_up:
            if self.network.messages:
                self.carry(self.network.messages[0])
            else:
                self.hear(self.server.finish())

    def hear(self, served: list[Served]) -> None:
        """Sends the server's answers on their way. Where there is none, the connection breaks."""
        for message, answer in served:
            self.say(message.sender, "asks", message.path, "->", gist(answer) if answer else "nothing")
            early = self.held_up.pop(message, None)
            if answer:
                number = self._note_answer(message, answer)
                self.network.send(message.answered(answer, number if early is None else early))
            else:
                self._break(message)

    def _hold_up(self, message: Message) -> None:
        """The server has begun with a request. What it knows now may be in the answer."""
        self.say(message.sender, "asks", message.path, "-> held up")
        self.held_up[message] = self._note_knowledge(message.device) if message.path == "/clerk/sync" else None

    def fail(self, message: Message) -> None:
        """Loses a message. Its sender hears of that at once."""
        self.network.take(message)
        self._break(message)

    def lose(self, message: Message) -> None:
        """Loses a message. Its sender waits until its own time is up."""
        self.network.take(message)
        self.say(message.sender, "waits in vain for", message.path)

    def _deliver(self, message: Message) -> None:
        assert message.answer
        if message.sender.startswith("till"):
            self.till(message.sender).hear(message.request, message.answer)
        elif message.sender in self.node.tabs:
            if message.number is not None:
                at = self.clock.now + self.tablet_of(message.sender).skew
                self.adviser.note_heard(message.device, message.number, at)
            self.tell("answer", message.sender, request=message.request, answer=message.answer.told())

    def _note_answer(self, message: Message, answer: Answer) -> int | None:
        """What the server knows as it answers a tablet that syncs, which may be said without it later on."""
        if message.path != "/clerk/sync" or answer.status != 200:
            return None
        return self._note_knowledge(message.device)

    def _note_knowledge(self, device: str) -> int:
        return self.adviser.note_answer(device, self.server.read(lambda session: who_can_give(session, device)))

    def _break(self, message: Message) -> None:
        if message.sender.startswith("till"):
            self.till(message.sender).hear(message.request, None)
        elif message.sender in self.node.tabs:
            self.tell("fail", message.sender, request=message.request)

    def till(self, name: str) -> Till:
        return next(till for till in self.tills if till.name == name)

    def break_connections(self) -> None:
        """Loses everything that is on its way from the server."""
        self.hear(self.server.finish())
        for message in [message for message in self.network.messages if message.answer]:
            self.fail(message)

    # Gifts, time, customers, words.

    def give(self, gift: Gift, *, at_risk: bool = False) -> None:
        """The clerk hands the gift to the customer."""
        self.hands.give(gift)
        if at_risk:
            self.risks.append(gift)
            self.is_risk_new = True
        self.say(gift.giver, "hands over a gift for", gift.coupon)

    def believe_the_liar(self) -> None:
        """What the ledger books of the dishonest device without a doubt may be true, so it is."""
        if self.liar is None:
            return
        liar = self.liar
        booked = self.server.read(lambda session: booked_of(session, liar.device))
        for gift in liar.gifts - booked:
            self.hands.take_back(gift)
        for gift in booked - liar.gifts:
            self.hands.give(gift)
        liar.gifts = booked

    def settle_returning(self, tablet: Tablet) -> None:
        """The tablet that should have said that these gifts are taken back is another device now, or gone.

        They go back if it never wrote that.
        """
        journals = self.tell("journals", tablet=tablet.name)
        for gift in tablet.returning:
            if not is_undone(journals.get(gift.giver, []), int(gift.act)):
                self.give(gift)
        tablet.returning.clear()

    def note_lost(self, tablet: Tablet) -> None:
        """What the tablet has recorded may be lost from now on, in part or as a whole."""
        for device, texts in self.tell("journals", tablet=tablet.name).items():
            self.lost[device] = list(dict.fromkeys([*self.lost.get(device, []), *texts]))

    def pass_time(self, more: Ms) -> None:
        self.hear(self.server.finish(until=self.clock.now + more - LIST_LAG_MS))  # no process stands still for longer
        self.clock.now += more
        self.tell("pass")
        for message in self.network.too_old():
            self.fail(message)

    def pick_paper(self, chance: Random, home: str | None = None) -> Paper:
        """Most customers come to where their coupon is at home, with one that is good. Some try again elsewhere, or send copies."""
        papers = self.setting.papers
        fresh = [index for index, paper in enumerate(papers) if not self.hands.count(paper.id)]
        here = [index for index in fresh if home and papers[index].home == home]
        some = chance.choices([self.recent, here, fresh, range(len(papers))], [35, 30, 25, 10])[0]
        index = chance.choice(some or range(len(papers)))
        self.recent = [*(each for each in self.recent if each != index), index][-RECENT_MAX:]
        return papers[index]

    def say(self, *words: object) -> None:
        self.told.append(" ".join(str(word) for word in words if word != ""))

    def live_tabs(self) -> Iterator[str]:
        for tablet in self.tablets:
            if not tablet.is_gone:
                yield from tablet.tabs


def gist(answer: Answer) -> str:
    """Returns the part of an answer that matters."""
    told = answer.json if isinstance(answer.json, dict) else {}
    words = [str(answer.status), *(str(told[name]) for name in ("code", "ring", "fault") if name in told)]
    words += [f"has {told['last']}"] if "last" in told else []
    words += [f"{number}: {each['code']}" for number, each in told.get("answers", {}).items()]
    words += [
        f"{what} {campaign}_{number}@{epoch}"
        for what in ("grants", "recalls")
        for campaign, number, epoch, *_ in told.get(what, ())
    ]
    return ", ".join([*words, *([told["verdict"]["code"]] if told.get("verdict") else [])])


def brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:28]}…{text[-28:]}"


def shown(screen: Screen) -> str:
    words = (screen.get(name) for name in ("name", "code", "ask", "coupon"))
    return " ".join(str(word) for word in words if word is not None)


def shown_code(screen: Screen) -> str:
    return f"{screen['name']} {screen['code']}" if screen.get("code") else str(screen["name"])
