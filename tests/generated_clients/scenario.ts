// A shop and a till in TypeScript, by the types that openapi-typescript makes of the document: node scenario.js ADDRESS SHOP_KEY TILL_KEY PARTNER
//
// A campaign in Russian, coupons, a QR, verified, redeemed, reversed; a decline; and a list to its end.

import type { components } from "./redeem.js";

type Schema = components["schemas"];
type Answer<T> = { status: number; headers: Headers; body: T };

const TITLE = "Тёплый круассан";
const COUPONS = 5;
const PAGE = 2;
const [address, shopKey, tillKey, partner] = process.argv.slice(2) as [string, string, string, string];
let attempts = 0;

function attempt(): string {
  attempts += 1;
  return `typescript-${attempts}`;
}

async function call(key: string, method: string, path: string, body?: unknown, name?: string): Promise<Response> {
  const headers: Record<string, string> = { Authorization: `Bearer ${key}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (name !== undefined) headers["Idempotency-Key"] = name;
  return fetch(address + path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
}

async function answered<T>(response: Promise<Response>, status: number): Promise<Answer<T>> {
  const got = await response;
  const body = await got.json();
  equal(got.status, status, JSON.stringify(body));
  return { status: got.status, headers: got.headers, body };
}

function equal<T>(got: T, wanted: T, about = ""): void {
  if (got !== wanted) throw new Error(`${got} is not ${wanted} ${about}`);
}

async function makeCampaign(): Promise<Schema["Campaign"]> {
  const body: Schema["CampaignBody"] = {
    name: "Зимние подарки",
    offer: { ru: { title: TITLE, description: "К любому кофе.\nПо будням." } },
    partners: [partner],
    value: { amount: 20_000, currency: "RUB" },
    handling_fee: { amount: 500, currency: "RUB" },
    funding: "issuer",
  };
  const made = await answered<Schema["Campaign"]>(call(shopKey, "POST", "/v1/campaigns", body, attempt()), 201);
  const place = made.headers.get("Location") ?? "";
  const read = await answered<Schema["Campaign"]>(call(shopKey, "GET", place), 200);
  equal(read.body.offer["ru"]?.title, TITLE);
  return read.body;
}

async function issue(campaign: Schema["Campaign"]): Promise<Schema["CouponIssued"]> {
  const body: Schema["CouponBody"] = { campaign: campaign.id };
  return (await answered<Schema["CouponIssued"]>(call(shopKey, "POST", "/v1/coupons", body, attempt()), 201)).body;
}

async function lookAtSymbol(coupon: Schema["CouponIssued"]): Promise<void> {
  const picture = await call(shopKey, "GET", `/v1/coupons/${coupon.id}/qr.png`);
  const bytes = new Uint8Array(await picture.arrayBuffer());
  equal(String.fromCharCode(...bytes.slice(1, 4)), "PNG");
}

async function verdictOf(scan: Schema["Scan"]): Promise<Schema["Verdict"] | string> {
  return (await answered<Schema["Verification"]>(call(tillKey, "POST", "/v1/verifications", scan), 200)).body.verdict;
}

async function use(coupon: Schema["CouponIssued"]): Promise<void> {
  const scan: Schema["Scan"] = { token: coupon.token ?? "" };
  const name = attempt();
  equal(await verdictOf(scan), "good");
  const first = await answered<Schema["Redemption"]>(call(tillKey, "POST", "/v1/redemptions", scan, name), 201);
  const again = await answered<Schema["Redemption"]>(call(tillKey, "POST", "/v1/redemptions", scan, name), 201);
  equal(again.body.id, first.body.id);
  equal(again.headers.get("Idempotent-Replayed"), "true");
  const late = await answered<Schema["Problem"]>(call(tillKey, "POST", "/v1/redemptions", scan, attempt()), 409);
  const code: Schema["ProblemCode"] = "already_redeemed";
  equal(late.body.code, code);
  const reason: Schema["ReverseBody"] = { reason: "Ошибся кнопкой" };
  const undo = call(tillKey, "POST", `/v1/redemptions/${first.body.id}/reverse`, reason, attempt());
  equal((await answered<Schema["ReversedRedemption"]>(undo, 200)).body.coupon, coupon.id);
  equal(await verdictOf(scan), "good");
}

async function allCoupons(campaign: Schema["Campaign"]): Promise<string[]> {
  const found: string[] = [];
  let next: string | null = `/v1/coupons?campaign=${campaign.id}&limit=${PAGE}`;
  while (next !== null) {
    const page: Answer<Schema["CouponList"]> = await answered(call(shopKey, "GET", next), 200);
    found.push(...page.body.data.map((coupon) => coupon.id));
    next = page.body.next;
  }
  return found;
}

const campaign = await makeCampaign();
const coupons: Schema["CouponIssued"][] = [];
for (let number = 0; number < COUPONS; number += 1) coupons.push(await issue(campaign));
const [chosen] = coupons;
if (chosen === undefined) throw new Error("no coupon was issued");
await lookAtSymbol(chosen);
await use(chosen);
const issued = coupons.map((coupon) => coupon.id).reverse();
equal((await allCoupons(campaign)).join(), issued.join());
