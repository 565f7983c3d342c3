"""The demo: a shop, three partners, eight stores and ninety days of plausible gifts. The same seed makes them each time.

offers    six campaigns in English and Russian
partners  the shop, the partners and their stores, with the clerks and devices there
crowd     the customers: when each gets a coupon, and when and where they show it
history   the answers to them: the real rules decide, and the rows are those that devices write
seed      writes all of that into the database, once
notes     the keys, passwords, links and coupons that a visitor needs, kept in instance/demo.json
"""
