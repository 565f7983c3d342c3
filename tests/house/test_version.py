"""There is one version: pyproject.toml's. Whatever shows one shows that, and the changelog's newest section is about it."""

import re

from redeem.lib.files import ROOT
from redeem.lib.version import VERSION
from redeem.ops import doctor
from redeem.web.api.openapi import openapi_document

RELEASE = re.compile(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)$", re.MULTILINE)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_the_newest_section_of_the_changelog_is_this_version():
    assert RELEASE.findall(CHANGELOG)[0][0] == VERSION


def test_each_section_of_the_changelog_is_a_version_with_its_day_newest_first():
    assert len(HEADING.findall(CHANGELOG)) == len(RELEASE.findall(CHANGELOG))
    versions = [tuple(map(int, version.split("."))) for version, _ in RELEASE.findall(CHANGELOG)]
    days = [day for _, day in RELEASE.findall(CHANGELOG)]
    assert versions == sorted(versions, reverse=True)
    assert days == sorted(days, reverse=True)


def test_the_api_s_document_and_the_doctor_say_it(app):
    assert openapi_document(app)["info"]["version"] == VERSION
    assert (doctor.check_version().subject, doctor.check_version().words) == ("version", VERSION)
