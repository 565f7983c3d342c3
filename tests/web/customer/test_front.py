"""The front door leads to everybody's own page."""

import re

import pytest


@pytest.mark.parametrize("language", ["en", "ru"])
def test_each_way_in_is_open(client, language):
    page = client.get("/", query_string={"lang": language})
    assert page.status_code == 200
    ways = re.findall(r'class="button[^"]*" href="([^"]+)"', page.text)
    assert len(ways) == 3
    assert [client.get(way, follow_redirects=True).status_code for way in ways] == [200, 200, 200]
