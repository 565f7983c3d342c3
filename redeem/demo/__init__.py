"""The demo: a shop, three partners, eight stores and ninety days of believable gifts, made from a fixed seed.

offers    what is given: six campaigns in English and Russian
partners  the shop, the partners and their stores, with the clerks and devices there
crowd     what customers do: when a coupon is issued, and when and where it is shown
history   what comes of it, decided by the real rules and written as devices write it
seed      all of that into the database, once
notes     what a visitor needs: keys, passwords, links, coupons; kept in instance/demo.json
"""
