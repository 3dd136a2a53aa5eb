"""What a client calls its file, made safe; and ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.names import RECEIPT_SUFFIX, is_ignored, shown
from services.ingest.receiver.naming import (
    ID_SHAPE,
    decoded,
    file_name,
    from_headers,
    id_in,
    new_id,
)

ID = "a2b3c4d5e6f7a2b3c4d5"


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("story.xml", f"story~{ID}.xml"),
        ("crawl.warc.gz", f"crawl~{ID}.warc.gz"),
        ("/etc/passwd", f"passwd~{ID}"),
        ("../../../.ssh/authorized_keys", f"authorized_keys~{ID}"),
        (r"C:\Users\me\story.doc", f"story~{ID}.doc"),
        ("a/b/c/", f"c~{ID}"),
        ("..", f"upload~{ID}"),
        ("", f"upload~{ID}"),
        (".hidden", f"hidden~{ID}"),
        ("story\x00.xml", f"story_~{ID}.xml"),
        ("sto\r\nry.xml", f"sto__ry~{ID}.xml"),
        ("gnp\u202elmx.yrots", f"gnp_lmx~{ID}.yrots"),
        ("Fähre_São_Tomé.html", f"Fähre_São_Tomé~{ID}.html"),
        ("渡船.xml", f"渡船~{ID}.xml"),
        ("cafe\u0301.txt", f"caf\u00e9~{ID}.txt"),
        ('a<b>"c|d?e*.txt', f"a_b__c_d_e_~{ID}.txt"),
        ("story.part", f"story~{ID}.part.data"),
        ("story.tmp", f"story~{ID}.tmp.data"),
        ("story.xml~", f"story~{ID}.xml"),
        ("~$budget.doc", f"$budget~{ID}.doc"),
        ("story.xml.receipt.json", f"story.xml~{ID}.receipt.json"),
        ("v1.2", f"v1~{ID}.2"),
        ("name.with-an-extension-that-is-none", f"name.with-an-extension-that-is-none~{ID}"),
    ],
)
def test_a_clients_name_is_kept_as_far_as_it_is_harmless(given_name: str, kept: str) -> None:
    assert file_name(given_name, ID) == kept


@given(st.text(max_size=300))
def test_whatever_a_client_calls_its_file_ingest_takes_it_and_it_stays_in_the_folder(
    given_name: str,
) -> None:
    name = file_name(given_name, ID)
    raw = name.encode()
    assert "/" not in name
    assert not is_ignored(raw)
    assert shown(raw) == name, "people read the very name"
    assert len(raw) + len(RECEIPT_SUFFIX) <= 255
    assert id_in(name) == ID


def test_a_name_of_ten_thousand_letters_is_cut_between_characters() -> None:
    name = file_name("ü" * 10_000 + ".xml", ID)
    assert name == "ü" * 60 + f"~{ID}.xml"


def test_ids_are_of_one_shape_and_never_the_same() -> None:
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(ID_SHAPE.fullmatch(each) for each in made)


@pytest.mark.parametrize("name", ["story.xml", "story~1.xml", f"{ID}.xml", "story~A2B3.xml"])
def test_other_files_names_hold_no_id(name: str) -> None:
    assert id_in(name) is None


@pytest.mark.parametrize(
    ("disposition", "content_type", "name"),
    [
        ('attachment; filename="story.xml"', None, "story.xml"),
        ("attachment; filename=story.xml", None, "story.xml"),
        ("filename=story.xml", None, "story.xml"),
        (r'attachment; filename="a \"b\".xml"', None, 'a "b".xml'),
        ("attachment; filename=a.xml; filename*=UTF-8''F%C3%A4hre.xml", None, "Fähre.xml"),
        ("attachment; FILENAME*=utf-8'de'F%C3%A4hre.xml", None, "Fähre.xml"),
        ("attachment", "text/html; charset=utf-8", "upload.html"),
        (None, "application/pdf", "upload.pdf"),
        (None, "application/x-www-form-urlencoded", "upload"),
        (None, None, "upload"),
    ],
)
def test_the_name_comes_from_content_disposition_or_the_media_type(
    disposition: str | None, content_type: str | None, name: str
) -> None:
    assert from_headers(disposition, content_type) == name


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert decoded("a%FFb%00") == "a\ufffdb\x00"
