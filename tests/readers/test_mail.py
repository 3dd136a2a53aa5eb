"""Mail: what a message's fields say of the article, and which of its texts is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from services.ingest.readers.base import BadRecord, Budget, Limits, ReadArticle, Unreadable
from services.ingest.readers.mail.headers import is_person
from services.ingest.readers.registry import read_file, reader_for
from tests.readers.mail_support import (
    BODY,
    HEADER,
    MAIL,
    article,
    attachment,
    message,
    mixed,
    records,
    sample,
)
from tests.readers.pdf_samples import press_release
from tests.readers.support import source

if TYPE_CHECKING:
    from pathlib import Path

# --- Which files are mail -----------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(MAIL.iterdir()), ids=lambda path: path.name)
def test_every_sample_is_claimed_by_its_content(path: Path) -> None:
    data = path.read_bytes()
    assert reader_for(data[:8192], "noname", Limits()).name == "mail"


@pytest.mark.parametrize(
    "text",
    [
        "From: our correspondent\n\nThe ferry sails again.\n",
        "Date: 4 March 2024\nSubject: Ferry\n\nThe ferry sails again.\n",
        "Subject: Ferry\nTo: all who wait\nFrom: the island\n\nA poem of three lines.\n",
        "From Monday on the ferry sails again.\n\nSubject: to weather.\n",
        "To: desk@desk.example\nSubject: a note\n\nCall the harbour.\n",
        "From: ines@courier.example\nthis is a line of prose\nSubject: x\n\n",
    ],
)
def test_a_text_that_starts_like_a_header_stays_a_text(text: str) -> None:
    assert reader_for(text.encode(), "story.txt", Limits()).name == "plain"


def test_a_header_longer_than_what_is_looked_at_is_still_mail() -> None:
    received = "".join(f"Received: from a{n} by b{n}; Mon, 4 Mar 2024\n" for n in range(400))
    data = message(header=received + HEADER)
    assert reader_for(data[:8192], "x", Limits()).name == "mail"
    assert article(data).headline == "Ferry sails"


# --- Fields -----------------------------------------------------------------------------


def test_a_press_release_fills_every_field_that_mail_has() -> None:
    (found,) = sample("press_release_flowed_with_signature.eml")
    assert isinstance(found, ReadArticle)
    assert found.headline == (
        "Ferry sails again to the northern islands – three villages get their mail"
    )
    assert found.authors == ("Inés Varga",)
    assert found.byline == "Inés Varga"
    assert found.provider == "Northern Harbour Office"
    assert found.provider_id == "20240304.0815.ferry@harbour.example"
    assert found.published_at == datetime(2024, 3, 4, 8, 15, tzinfo=UTC)
    assert found.language == "en-GB"
    assert found.url == "https://harbour.example/press/2024/ferry-sails-again"
    assert found.keywords == ("ferry", "northern islands", "shipping")
    assert found.dateline == "TESSMARK, Norrland"
    assert found.info.format == "message/rfc822"
    assert found.body[0].endswith("left three villages without mail for eleven days.")
    assert found.body[2].startswith("From noon on Saturday")  # the stuffed space is gone
    assert {entry.kind for entry in found.set_apart} == {"markup"}
    assert "press officer" in found.set_apart[1].text


@pytest.mark.parametrize(
    ("subject", "headline", "warned"),
    [
        ("Fwd: Ferry sails", "Ferry sails", True),
        ("RE: AW: Fw: Ferry sails", "Ferry sails", True),
        ("Re[2]: Ferry sails", "Ferry sails", True),
        ("Reform: the council votes", "Reform: the council votes", False),
        ("R: Ferry sails", "Ferry sails", True),
        ("Fwd:", "Fwd:", False),
        ("=?utf-8?B?RsOkaHJlIGbDpGhydA==?=", "Fähre fährt", False),
        ("=?utf-8?Q?F=C3?= =?utf-8?Q?=A4hre?=", "Fähre", False),
        ("=?iso-8859-1?Q?F=E4hre?= sails", "Fähre sails", False),
        ("=?no-such-code?Q?F=E4hre?=", "Fähre", False),
        ("=?utf-8?B?broken", "=?utf-8?B?broken", False),
        ("[Alert] Ferry sails", "[Alert] Ferry sails", False),
    ],
)
def test_the_subject_is_the_headline(subject: str, headline: str, *, warned: bool) -> None:
    found = article(message(fields=f"Subject: {subject}\n"))
    assert found.headline == headline
    assert any("taken off" in note for note in found.info.warnings) == warned


def test_the_name_of_the_list_is_no_part_of_the_headline() -> None:
    fields = "Subject: [harbour] Ferry sails\nList-Id: Harbour news <harbour.lists.example>\n"
    found = article(message(fields=fields))
    assert found.headline == "Ferry sails"
    assert found.provider == "Harbour news"


@pytest.mark.parametrize(
    ("sender", "authors", "provider"),
    [
        ("Ines Varga <ines@courier.example>", ("Ines Varga",), "courier.example"),
        ("Ines Varga <ines.varga@gmail.com>", ("Ines Varga",), None),
        ("The Valley Courier <news@mail.courier.example>", (), "The Valley Courier"),
        ('"Ines Varga via Courier" <x@send.courier.example>', ("Ines Varga",), "Courier"),
        ("Ines Varga from The Courier <x@c.example>", ("Ines Varga",), "The Courier"),
        ("newsletter@news.courier.example", (), "courier.example"),
        ("=?utf-8?Q?In=C3=A9s_Varga?= <i@c.example>", ("Inés Varga",), "c.example"),
        ("nobody", (), None),
    ],
)
def test_a_person_is_the_author_and_anyone_else_the_provider(
    sender: str, authors: tuple[str, ...], provider: str | None
) -> None:
    header = f"From: {sender}\nDate: Mon, 4 Mar 2024 09:15:00 +0100\nMessage-ID: <1@x>\nX: y\n"
    found = article(message(header=header + "MIME-Version: 1.0\n"))
    assert (found.authors, found.provider) == (authors, provider)


def test_names_of_houses_are_no_persons() -> None:
    assert is_person("Ines Varga")
    assert not is_person("Northern Harbour Press Service")
    assert not is_person("newsletter")


def test_a_byline_in_the_text_goes_before_the_sender() -> None:
    found = article(message(f"By Tom van der Berg\n\n{BODY}"))
    assert found.authors == ("Tom van der Berg",)
    assert found.byline == "By Tom van der Berg"


@pytest.mark.parametrize(
    ("given", "hour"),
    [
        ("Mon, 4 Mar 2024 09:15:00 +0100", 8),
        ("Mon, 4 Mar 2024 09:15:00 -0000", 9),
        ("4 Mar 2024 09:15 GMT", 9),
        ("Mon, 4 Mar 2024 09:15:00 +0100 (CET)", 8),
        ("Mon, 04 Mar 2024 04:15:00 EST", 9),
    ],
)
def test_the_date_is_the_time_of_publication(given: str, hour: int) -> None:
    header = HEADER.replace("Mon, 4 Mar 2024 09:15:00 +0100", given)
    found = article(message(header=header))
    assert found.published_at == datetime(2024, 3, 4, hour, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        "Mon, 4 Mar 2024 09:15:00",
        "yesterday",
        "Mon, 4 Mar 1700 09:15:00 +0000",
        "Mon, 44 Mar 2024 09:15:00 +0000",
        "Mon, 4 Mar 2024 09:15:00 +9900",
        "Mon, 4 Mar 99999999999 09:15:00 +0000",
    ],
)
def test_no_time_is_made_up(given: str) -> None:
    header = HEADER.replace("Mon, 4 Mar 2024 09:15:00 +0100", given) + "MIME-Version: 1.0\n"
    found = article(message(header=header))
    assert found.published_at is None
    assert any("no time taken" in note for note in found.info.warnings)


def test_the_id_and_the_text_are_the_same_however_often_it_was_forwarded_by_servers() -> None:
    once = article(message())
    again = article(message(header="Received: from a by b; Mon, 4 Mar 2024\n" + HEADER))
    assert once.provider_id == again.provider_id == "1@courier.example"
    assert once == again


# --- Which text ---------------------------------------------------------------------------


def test_a_newsletter_is_one_article_without_its_service_lines() -> None:
    (found,) = sample("newsletter_html_with_plain_alternative.eml")
    assert isinstance(found, ReadArticle)
    assert found.headline == "Sluices open after nineteen years"
    assert found.provider == "Valley Courier Morning Briefing"
    assert found.authors == ("Jonas Adeyemi",)
    assert found.language == "en"
    assert found.body[2] == "Also this morning"
    assert found.body[3].endswith("Café Brüning opens its kitchen to the helpers.")
    apart = [entry.text for entry in found.set_apart if entry.kind == "promo"]
    assert apart[0] == "View this email in your browser"
    assert apart[-2:] == [
        "Unsubscribe | Manage preferences",
        "The Valley Courier, 12 Bridge Street, Kestwick",
    ]
    assert "The lake is up" not in " ".join((*found.body, *apart))  # a preview line, unseen


PLAIN = "Content-Type: text/plain; charset=utf-8\n\n"
HTML = "Content-Type: text/html; charset=utf-8\n\n"


def test_html_is_taken_where_both_say_the_same() -> None:
    found = article(
        mixed(f"{PLAIN}One two three four.\n", f"{HTML}<p>One <b>two</b> three four.</p>",
              kind="alternative")
    )  # fmt: skip
    assert found.body == ("One two three four.",)
    assert not any("plain" in note for note in found.info.warnings)


def test_the_plain_text_is_taken_where_it_is_clearly_fuller() -> None:
    """An HTML part may be a picture of the newsletter and nothing else."""
    data = mixed(f"{PLAIN}{BODY}", f"{HTML}<p>See the picture</p>", kind="alternative")
    found = article(data)
    assert found.body[0] == "The ferry sails again, the harbour office said."
    assert any("the plain text was taken" in note for note in found.info.warnings)


def test_texts_one_after_the_other_are_one_text() -> None:
    found = article(
        mixed(f"{PLAIN}One is here.\n", f"{HTML}<p>Two is here.</p>", f"{PLAIN}Three.\n")
    )
    assert found.body == ("One is here.", "Two is here.", "Three.")


def test_a_saved_web_page_is_read_as_the_page_it_is() -> None:
    (found,) = sample("saved_web_page.mhtml")
    assert isinstance(found, ReadArticle)
    assert found.headline == "Barriers go up at noon"
    assert found.url == "https://valleycourier.example/2024/03/06/barriers"
    assert found.info.format == "multipart/related"
    assert len(found.body) == 2


def test_a_subject_alone_is_a_bulletin() -> None:
    found = article(message("", "Subject: Quake of magnitude 6 hits Chile\n"))
    assert (found.headline, found.body) == ("Quake of magnitude 6 hits Chile", ())


def test_a_message_with_nothing_in_it_is_refused() -> None:
    with pytest.raises(Unreadable, match="neither subject nor text"):
        records(message("\n \n", ""))


def test_a_lying_charset_is_found_out_and_said() -> None:
    (found,) = sample("reply_with_quotation_and_wrong_charset.eml")
    assert isinstance(found, ReadArticle)
    assert found.headline == "Réouverture du pont de Gave"
    assert found.authors == ("Léa Krüger",)
    assert found.provider == "Pays de Gave"
    assert found.body[1].startswith("La crêpe du marché coûte toujours deux €")
    assert any("US-ASCII" in note for note in found.info.warnings)
    assert [entry.line for entry in found.set_apart] == [8, 9, 10, 11, 12]


# --- Attachments --------------------------------------------------------------------------


def test_each_attachment_is_read_by_the_reader_for_its_content() -> None:
    found = sample("forward_with_attachments_of_many_kinds.eml")
    name = "forward_with_attachments_of_many_kinds.eml"
    assert [record.position for record in found] == [1, 2, 3, 4, 5]
    assert [record.locator for record in found] == [
        "",
        f"{name}!council.eml",
        f"{name}!Pressemitteilung Fähre.pdf",
        f"{name}!ministry.json",
        f"{name}!note.txt",
    ]
    headlines = [record.headline for record in found]
    assert headlines[0] == "Islands want a second ferry"
    assert headlines[1] == "Council asks for a second vessel"
    assert headlines[2] == "Ferry sails again to the northern islands"
    assert headlines[4] == "Quay closed on Friday"
    first = found[0]
    assert isinstance(first, ReadArticle)
    assert "1 pictures left out: ferry.jpg" in first.info.warnings  # the map is in the text


def test_a_message_that_only_covers_its_attachment_is_no_article() -> None:
    (found,) = sample("cover_without_text_for_a_pdf.eml")
    assert found.locator == "cover_without_text_for_a_pdf.eml!release.pdf"
    assert isinstance(found, ReadArticle)
    assert found.info.name == "pdf"


def test_an_attachment_that_cannot_be_read_costs_no_other() -> None:
    good = attachment(press_release(), "good.pdf", "application/pdf")
    bad = attachment(press_release()[:40], "bad.pdf", "application/pdf")
    mail = mixed(f"{PLAIN}{BODY}", bad, good)
    first, second, third = records(mail)
    assert isinstance(first, ReadArticle)
    assert isinstance(second, BadRecord)
    assert second.locator == "story.eml!bad.pdf"
    assert "attachment: this is no PDF" in second.reason
    assert isinstance(third, ReadArticle)


def test_attachments_of_one_name_are_told_apart() -> None:
    part = attachment(BODY.encode(), "a.txt", "text/plain")
    places = [record.locator for record in records(mixed(part, part))]
    assert places == ["story.eml!a.txt", "story.eml!a.txt (part 3)"]


def test_a_name_with_folders_or_controls_is_only_a_name() -> None:
    part = attachment(BODY.encode(), '"../../etc/\x1b[31mpass\twd"', "text/plain")
    (found,) = records(mixed(part))
    assert found.locator == "story.eml![31mpass wd"


def test_mails_within_mails_are_opened_only_so_deep() -> None:
    inner = message()
    for level in range(8):
        part = b"Content-Type: message/rfc822\n\n" + inner
        inner = mixed(f"{PLAIN}Cover.\n", part, boundary=f"b{level}")
    found = records(inner)
    bad = [record for record in found if isinstance(record, BadRecord)]
    assert len(found) == Limits().nesting + 2
    assert "layers deep" in bad[0].reason


def test_what_is_attached_counts_against_the_budget() -> None:
    part = attachment(b"x" * 400, "a.txt", "text/plain")
    given = mixed(f"{PLAIN}{BODY}", *[part] * 5)
    found = list(read_file(replace(source(given), budget=Budget(1000)), Limits()))
    assert [isinstance(record, ReadArticle) for record in found] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("multipart/encrypted; boundary=b", "the message is encrypted"),
        ("application/pkcs7-mime; smime-type=enveloped-data", "the message is encrypted"),
    ],
)
def test_an_encrypted_message_is_refused_saying_so(kind: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        records(message("--b\n\nx\n--b--\n", f"Subject: Sealed\nContent-Type: {kind}\n"))


def test_a_signed_message_is_read_without_its_signature() -> None:
    data = mixed(f"{PLAIN}{BODY}", "Content-Type: application/pgp-signature\n\nxx", kind="signed")
    found = article(data)
    assert len(found.body) == 2
    assert found.info.warnings == ()


def test_a_text_above_the_limit_is_refused_with_both_sizes_and_its_attachments_are_read() -> None:
    part = attachment(b"The quay is closed on Friday.", "a.txt", "text/plain")
    given = mixed(f"{PLAIN}{'long text ' * 30}", part)
    bad, good = records(given, limits=Limits(article_bytes=100))
    assert isinstance(bad, BadRecord)
    assert "300 bytes" in bad.reason
    assert "100 bytes" in bad.reason
    assert bad.headline == "Ferry sails"
    assert isinstance(good, ReadArticle)
