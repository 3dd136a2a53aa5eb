"""A misspelt setting is named at the start, with the one that may be meant."""

from __future__ import annotations

from services.bus.service import unknown_settings


def test_a_misspelt_setting_is_named_with_what_may_be_meant() -> None:
    environ = {"WIREDESK_SETLE_TIME": "1", "WIREDESK_QWXZ": "1", "PATH": "/bin"}
    assert unknown_settings(environ) == [
        ("WIREDESK_QWXZ", None),
        ("WIREDESK_SETLE_TIME", "WIREDESK_SETTLE_TIME"),
    ]


def test_settings_and_what_tests_use_are_known() -> None:
    environ = {
        "WIREDESK_SETTLE_TIME": "1",
        "WIREDESK_REDIS_URL": "x",
        "WIREDESK_KILL_AT": "3",
        "WIREDESK_TEST_REDIS_URL": "x",
    }
    assert unknown_settings(environ) == []
