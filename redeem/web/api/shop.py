"""The shop's API for campaigns, redemptions and refusals, and statements. Coupons are in coupons.py, partners and stores in partners.py."""

from typing import Any

from flask import Blueprint, Response

from redeem.accounts.api_keys import MANAGE, READ, REDEEM
from redeem.accounts.roles import Scope
from redeem.coupons import campaign_list, campaigns
from redeem.lib.errors import NotFound
from redeem.lib.ids import campaign_of, is_id
from redeem.partners import settlement
from redeem.redemptions import listing
from redeem.web.api.auth import caller_sees, shop_caller
from redeem.web.api.edits import Tags
from redeem.web.api.operation import answer, once, operation
from redeem.web.api.shop_shapes import (
    Campaign,
    CampaignBody,
    CampaignList,
    CampaignPatch,
    CampaignQuery,
    RedemptionList,
    RedemptionQuery,
    RedemptionRecord,
    Refusal,
    RefusalList,
    RefusalQuery,
)
from redeem.web.api.statement_shapes import Statement, StatementList, StatementQuery
from redeem.web.context import now_ms, read

blueprint = Blueprint("shop", __name__, url_prefix="/v1")


# Campaigns.


@blueprint.post("/campaigns")
@operation(
    "Create a campaign",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    body=CampaignBody,
    answers={201: Campaign},
)
def create_campaign(key: str, body: CampaignBody) -> Response:
    author, now = shop_caller().author, now_ms()
    return once(
        key, body, 201, lambda s: Campaign.of(campaigns.create_campaign(s, author, body.name, body.as_terms(), now))
    )


@blueprint.get("/campaigns")
@operation(
    "List campaigns",
    caller="shop",
    scope=READ,
    query=CampaignQuery,
    answers={200: CampaignList},
    problems=("not_found",),
)
def list_campaigns(query: CampaignQuery) -> Response:
    page = query.page(campaign_of)
    found = read(lambda session: campaign_list.page_campaigns(session, page))
    return answer(CampaignList(data=[Campaign.of(row) for row in found.items], has_more=found.has_more))


@blueprint.get("/campaigns/<campaign>")
@operation(
    "Look a campaign up", caller="shop", scope=READ, tagged=True, answers={200: Campaign}, problems=("not_found",)
)
def get_campaign(campaign: str) -> Response:
    return answer(Campaign.of(read(lambda session: campaigns.get_campaign(session, campaign_of(campaign)))))


@blueprint.patch("/campaigns/<campaign>")
@operation(
    "Change a campaign",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    edits=True,
    body=CampaignPatch,
    answers={200: Campaign},
    problems=("not_found", "campaign_in_use"),
)
def patch_campaign(key: str, tags: Tags, body: CampaignPatch, campaign: str) -> Response:
    """Once coupons are issued, `value`, `handling_fee` and `funding` may not change, the redeem window may not begin later, no
    partner or store may be removed, and a partner may not be made to bear second gifts that it did not bear before.

    `stopped`: true stops issuing at once; false lets it go on. While it is stopped, issuing is answered `campaign_stopped`.
    Coupons that were issued stay good. To cancel them, void them.

    What is as before is no change. A program that stops a campaign whatever it is now sends `If-Match: *`.
    """
    author, number, now = shop_caller().author, campaign_of(campaign), now_ms()

    def work(s: Any) -> Campaign:
        body.check(Campaign.of(campaigns.lock_campaign(s, number)), tags)
        return Campaign.of(
            campaigns.patch_campaign(
                s, author, number, now, name=body.name, changes=body.terms_changes(), stopped=body.stopped
            )
        )

    return once(key, body, 200, work)


# Redemptions and refusals.


@blueprint.get("/redemptions")
@operation(
    "List redemptions",
    caller="shop",
    scope=READ,
    till_scope=REDEEM,
    query=RedemptionQuery,
    answers={200: RedemptionList},
    problems=("not_found",),
)
def list_redemptions(query: RedemptionQuery) -> Response:
    """Redemptions that stand, are pending or were reversed. Attempts that were cancelled are listed by `status=cancelled` alone.

    A till is told of its own store's, by tablets and tills alike: its day, with `since` and `until`.
    """
    page, wanted, scope = query.page(str), query.wanted(), caller_sees()
    found = read(lambda session: listing.list_redemptions(session, wanted, query.status, page, scope))
    data = [RedemptionRecord.of(view) for view in found.items]
    return answer(RedemptionList(data=data, has_more=found.has_more))


@blueprint.get("/redemptions/<redemption>")
@operation(
    "Look a redemption up",
    caller="shop",
    scope=READ,
    till_scope=REDEEM,
    answers={200: RedemptionRecord},
    problems=("not_found",),
)
def get_redemption(redemption: str) -> Response:
    """A till finds its own store's alone."""
    scope = caller_sees()
    if not is_id("rdm", redemption):
        raise NotFound("Check the redemption's id: there is no such redemption.")
    return answer(RedemptionRecord.of(read(lambda session: listing.get_redemption(session, redemption, scope))))


@blueprint.get("/refusals")
@operation(
    "List refusals", caller="shop", scope=READ, query=RefusalQuery, answers={200: RefusalList}, problems=("not_found",)
)
def list_refusals(query: RefusalQuery) -> Response:
    page, wanted = query.page(str), query.wanted()
    found = read(lambda session: listing.list_refusals(session, wanted, page))
    return answer(RefusalList(data=[Refusal.of(view) for view in found.items], has_more=found.has_more))


# Statements.


@blueprint.get("/statements")
@operation(
    "List statements",
    caller="shop",
    scope=READ,
    query=StatementQuery,
    answers={200: StatementList},
)
def list_statements(query: StatementQuery) -> Response:
    """Closed statements only. A shop manager closes a statement in the office."""
    page = query.page(str)
    found = read(lambda session: settlement.list_statements(session, page, Scope(query.partner)))
    return answer(StatementList(data=[Statement.of(each) for each in found.items], has_more=found.has_more))


@blueprint.get("/statements/<statement>")
@operation("Look a statement up", caller="shop", scope=READ, answers={200: Statement}, problems=("not_found",))
def get_statement(statement: str) -> Response:
    if not is_id("stm", statement):
        raise NotFound("Check the statement's id: there is no such statement.")
    return answer(Statement.of(read(lambda session: settlement.get_statement(session, statement))))
