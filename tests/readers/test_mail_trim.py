"""What is set apart of a message's text: quotes, signatures, footers, the header of a forward."""

from __future__ import annotations

import pytest

from services.ingest.readers.lines import Line
from services.ingest.readers.mail import trim
from tests.readers.mail_support import BODY, article, message

PROSE = "It was broken for eleven days, and three villages had no mail in all that time."


def kinds(body: str) -> list[tuple[str, int]]:
    return [(entry.kind, entry.line) for entry in article(message(body)).set_apart]


def test_a_quoted_answer_is_no_part_of_the_article() -> None:
    body = f"{BODY}\nOn Monday, 4 March 2024, Tom <tom@x.example> wrote:\n> Is it true?\n>\n> Tom\n"
    assert kinds(body) == [("markup", 5), ("markup", 6), ("markup", 7), ("markup", 8)]


def test_a_message_that_is_all_quotation_is_read() -> None:
    """A forward may quote all of the story, and add nothing."""
    quoted = "".join(f"> {line}\n" for line in BODY.splitlines())
    found = article(message(quoted))
    assert found.body == (
        "The ferry sails again, the harbour office said.",
        "It was broken for eleven days.",
    )
    assert any("all of the text is a quotation" in note for note in found.info.warnings)


def test_a_signature_is_set_apart() -> None:
    assert kinds(f"{BODY}\n-- \nInes Varga\nHarbour 3\n") == [
        ("markup", 5),
        ("markup", 6),
        ("markup", 7),
    ]


def test_two_dashes_far_from_the_end_are_no_signature() -> None:
    body = f"{BODY}\n--\n" + "".join(f"\n{PROSE}\n" for _ in range(20))
    found = article(message(body))
    assert len(found.body) == 22


def test_a_message_that_starts_with_dashes_keeps_its_text() -> None:
    assert article(message(f"-- \n{PROSE}\n")).body == (PROSE,)


@pytest.mark.parametrize(
    "mark",
    [
        "---------- Forwarded message ---------",
        "-----Original Message-----",
        "Begin forwarded message:",
        "-------- Weitergeleitete Nachricht --------",
    ],
)
def test_the_header_of_a_forward_is_set_apart_and_said(mark: str) -> None:
    body = (
        f"See below.\n\n{mark}\nFrom: Tom van der Berg <tom@x.example>\nDate: Mon, 4 Mar 2024\n"
        f"Subject: Ferry\nTo: <ines@x.example>\n\n{PROSE}\n"
    )
    found = article(message(body))
    assert found.body == ("See below.", PROSE)
    assert [(e.kind, e.line) for e in found.set_apart] == [("front_matter", n) for n in range(3, 8)]
    assert any("forwarded within the text" in note for note in found.info.warnings)


def test_flowed_lines_are_joined_and_fixed_ones_are_not() -> None:
    fields = "Subject: Ferry\nContent-Type: text/plain; format=flowed\n"
    found = article(message("One goes \non here.\nTwo is fixed.\n From is stuffed.\n", fields))
    assert found.body == ("One goes on here.", "Two is fixed.", "From is stuffed.")


def test_flowed_with_deleted_spaces_joins_words() -> None:
    """For writing without spaces between words (RFC 3676, 4.1)."""
    fields = "Subject: Ferry\nContent-Type: text/plain; format=flowed; delsp=yes\n"
    assert article(message("Fer \nry sails.\n", fields)).body == ("Ferry sails.",)


@pytest.mark.parametrize(
    "text",
    [
        "View this email in your browser",
        "Having trouble viewing this email? Open it in your browser.",
        "Unsubscribe",
        "Unsubscribe | Manage preferences | Privacy policy",
        "You are receiving this email because you signed up at courier.example.",
        "If you no longer wish to receive these mails, you can unsubscribe here.",
        "To change your preferences or unsubscribe, visit https://courier.example/u",
        "This email was sent to desk@desk.example.",
        "Newsletter abbestellen",
        "Pour vous désabonner, cliquez ici",
        "Im Browser ansehen",
        "Harbour-news mailing list",
        "Unsubscribe <https://courier.example/u/77>",
    ],
)
def test_a_newsletter_s_service_lines_are_promotion(text: str) -> None:
    kept, apart = trim.footers([Line(1, PROSE), Line(3, text)])
    assert [line.text for line in kept] == [PROSE]
    assert [(entry.kind, entry.line) for entry in apart] == [("promo", 3)]


@pytest.mark.parametrize(
    "text",
    [
        "Customers can unsubscribe with one click from June on, the regulator said.",
        "If you want to opt out you must write a letter, said the ombudsman.",
        "The mailing list had 400 names.",
        "Readers view this newspaper as their own.",
        "Open letters to the council are read online by the clerk.",
        "He unsubscribed.",
        "Privacy was at stake.",
    ],
)
def test_news_about_such_things_is_news(text: str) -> None:
    kept, apart = trim.footers([Line(1, PROSE), Line(3, text)])
    assert [line.text for line in kept] == [PROSE, text]
    assert apart == []


def test_the_address_below_the_way_out_goes_with_it() -> None:
    lines = [Line(1, PROSE), Line(2, "Unsubscribe"), Line(3, "The Courier, 12 Bridge Street")]
    kept, apart = trim.footers(lines)
    assert len(kept) == 1
    assert [entry.text for entry in apart] == ["Unsubscribe", "The Courier, 12 Bridge Street"]


def test_prose_below_the_way_out_stays() -> None:
    lines = [Line(1, PROSE), Line(2, "Unsubscribe"), Line(3, PROSE), Line(4, "The Courier")]
    assert [line.number for line in trim.footers(lines)[0]] == [1, 3, 4]


def test_links_and_rules_on_lines_of_their_own_show_nothing() -> None:
    lines = [
        Line(1, PROSE),
        Line(2, "https://courier.example/2024/ferry"),
        Line(3, "----------"),
        Line(4, "[image: logo]"),
        Line(5, "Read it at https://courier.example now."),
    ]
    kept, apart = trim.footers(lines)
    assert [line.number for line in kept] == [1, 5]
    assert {entry.kind for entry in apart} == {"markup"}


def test_where_all_is_service_nothing_is() -> None:
    lines = [Line(1, "View this email in your browser"), Line(2, "Unsubscribe")]
    assert trim.footers(lines) == (lines, [])
