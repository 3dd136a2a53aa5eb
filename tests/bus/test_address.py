"""URLs of servers: every form, what is made of it, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.bus.address import address, with_options, without_password
from services.bus.connect import server_url
from services.bus.errors import StopWorking
from services.settings import Settings

SECRET = "pass word/@:"  # noqa: S105  (nobody's)
QUOTED = "pass%20word%2F%40%3A"


def test_one_server() -> None:
    found = address(f"redis://desk:{QUOTED}@host:7000/3?health_check_interval=5")
    assert (found.kind, found.hosts, found.tls) == ("one", (("host", 7000),), False)
    login = {"username": "desk", "password": SECRET}
    assert found.options == {**login, "db": 3, "health_check_interval": 5}


def test_what_is_left_out_has_its_default() -> None:
    assert address("redis://").hosts == (("localhost", 6379),)
    assert address("rediss://host").hosts == (("host", 6379),)
    assert address("redis+sentinel://one,two:1/desk").hosts == (("one", 26379), ("two", 1))
    assert address("redis+cluster://one").hosts == (("one", 6379),)
    assert address("redis://host").options == {}


def test_a_socket_is_left_to_redis_py() -> None:
    found = address("unix:///run/redis.sock?db=2")
    assert found.hosts == ()
    assert (found.options["path"], found.options["db"]) == ("/run/redis.sock", 2)


def test_sentinels() -> None:
    url = f"rediss+sentinel://desk:{QUOTED}@a:1,[::1]:2,c/mymaster/4"
    found = address(f"{url}?sentinel_username=watch&sentinel_password=p%2B&ssl_ca_certs=/ca.pem")
    assert (found.kind, found.tls, found.master) == ("sentinel", True, "mymaster")
    assert found.hosts == (("a", 1), ("::1", 2), ("c", 26379))
    assert found.sentinel == {"username": "watch", "password": "p+"}
    assert found.options["password"] == SECRET
    assert found.options["db"] == 4
    assert found.tls_options == {"ssl_ca_certs": "/ca.pem"}


def test_a_cluster() -> None:
    found = address("redis+cluster://a:7000,b:7001?home=news")
    assert (found.kind, found.hosts, found.home) == ("cluster", (("a", 7000), ("b", 7001)), "news")
    assert address("redis+cluster://a:7000/0").hosts == (("a", 7000),)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://host", "unknown scheme 'http'"),
        ("redis+what://host", "unknown scheme"),
        ("redis://a,b", "several hosts"),
        ("redis+sentinel://a,b/", "the master's name is missing"),
        ("redis+sentinel://a/desk/one", "must be a number"),
        ("redis://host/one", "must be a number"),
        ("redis+cluster://a/2", "database 0 only"),
        ("redis+cluster://a,,b", "can't tell the hosts"),
        ("redis://ho st", "can't tell the hosts"),
        ("redis://host?socket_timeout=soon", "Invalid value for 'socket_timeout'"),
        ("redis://host?retry_on_timeout=yes", "retry_on_timeout isn't supported"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(StopWorking, match=r"^WIREDESK_REDIS_URL: ") as caught:
        address(url.replace("://", f"://desk:{QUOTED}@"))
    assert said in str(caught.value)
    assert "pass" not in str(caught.value)


def test_a_url_is_shown_without_login() -> None:
    url = "redis+sentinel://me:secret@a:1,b:2/desk/0?sentinel_password=secret&password=secret"
    assert without_password(url) == "redis+sentinel://a:1,b:2/desk/0"
    assert without_password("redis://:p@h:1/0") == "redis://h:1/0"
    assert "secret" not in repr(address(url))


def test_an_option_of_the_url_outweighs_a_setting() -> None:
    assert with_options("redis://h?a=1", a="2", b="x&y", c=None) == "redis://h?a=1&b=x%26y"
    assert with_options("redis://h") == "redis://h"


def settings(url: str) -> Settings:
    return Settings(
        redis_url=SecretStr(url),
        redis_ca_file=Path("/etc/ca one.pem"),
        redis_cert_file=Path("/etc/cert.pem"),
        redis_key_file=Path("/etc/key.pem"),
        redis_sentinel_password=SecretStr("watch&ful"),
    )


def test_the_settings_of_tls_go_with_a_tls_url() -> None:
    tls = {
        "ssl_ca_certs": "/etc/ca one.pem",
        "ssl_certfile": "/etc/cert.pem",
        "ssl_keyfile": "/etc/key.pem",
    }
    for url in ("rediss://h", "rediss+sentinel://h/desk", "rediss+cluster://h"):
        assert address(server_url(settings(url))).tls_options == tls
    for url in ("redis://h", "redis+sentinel://h/desk", "redis+cluster://h"):
        assert address(server_url(settings(url))).tls_options == {}


def test_the_sentinels_password_goes_to_them_alone() -> None:
    found = address(server_url(settings("redis+sentinel://:data@h/desk")))
    assert found.sentinel == {"password": "watch&ful"}
    assert found.options == {"password": "data"}
    assert "watch" not in server_url(settings("redis://h"))


def test_commands_without_a_key_go_where_the_desk_is_at_home() -> None:
    assert address(server_url(settings("redis+cluster://h"))).home == "news"
