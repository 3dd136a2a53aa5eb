"""NewsML 1.x: each field of a NewsItem, its tree of components, and the items that are no story."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.article import Picture, Place, Rights, Subject
from services.ingest.identity import split_version
from services.ingest.readers.base import ReadArticle
from services.ingest.readers.newsml_1 import MAX_NESTED
from tests.readers.xml_kit import G2, NEWSML_1, NITF, articles, bad, one, read_all, refusal, sample

TEXT = (
    '<ContentItem><MediaType FormalName="Text"/><DataContent>The ferry sails.</DataContent>'
    "</ContentItem>"
)
IDENTIFIER = (
    "<Identification><NewsIdentifier><ProviderId>valley.example</ProviderId><DateId>20261120"
    "</DateId><NewsItemId>n1</NewsItemId>{}</NewsIdentifier></Identification>"
)


def item(components: str = f"<NewsComponent>{TEXT}</NewsComponent>", management: str = "",
         identification: str = IDENTIFIER.format("<RevisionId>1</RevisionId>")) -> str:  # fmt: skip
    return (
        f"<NewsML><NewsItem>{identification}<NewsManagement>{management}</NewsManagement>"
        f"{components}</NewsItem></NewsML>"
    )


def component(inner: str) -> ReadArticle:
    return one(NEWSML_1, item(f"<NewsComponent>{inner}</NewsComponent>"))


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 20, hour, minute, tzinfo=UTC)


@pytest.fixture(scope="module")
def ferry() -> ReadArticle:
    (article,) = articles(sample(NEWSML_1, "newsml_1.2_ferry_nitf_and_photos_every_field.xml"))
    return article


# --- The sample with every field -----------------------------------------------------


def test_who_it_is_and_how_it_was_recognised(ferry: ReadArticle) -> None:
    assert ferry.provider_id == "urn:newsml:nordlys.example:20261120:ferry-041:2U"
    assert (ferry.provider, ferry.version) == ("nordlys.example", 2)
    assert (ferry.info.format, ferry.info.encoding) == ("NewsML 1.2", "utf-8")
    assert ferry.locator == "line 12"


def test_lines_and_people(ferry: ReadArticle) -> None:
    assert ferry.headline == "Ferry to Skerholm sails again"
    assert ferry.standfirst == (
        "Three villages get their mail after eleven days\n\n"
        "The only ferry to the northern islands is back."
    )
    assert ferry.authors == ("Ines Varga",)
    assert ferry.byline == "By Ines Varga, Nordlys shipping desk"
    assert ferry.dateline == "PORT ANSEL, Nov 20 (Nordlys)"
    assert ferry.keywords == ("FERRY-SKERHOLM", "ferry", "islands")
    assert ferry.credits == ("Nordlys", "Nordlys/Ola Brandvik")
    assert (ferry.language, ferry.urgency) == ("en-GB", 4)
    assert len(ferry.body) == 2


def test_times_rights_codes_and_places(ferry: ReadArticle) -> None:
    assert (ferry.published_at, ferry.updated_at) == (at(10, 15), at(11, 12))
    assert ferry.embargoed_until == at(12)
    assert ferry.rights == Rights(
        holder="Nordlys News Cooperative",
        notice="(c) 2026 Nordlys News Cooperative",
        usage_terms="Online and print; No use in advertising",
    )
    assert ferry.subjects == (
        Subject(code="04000000", scheme="iptc"),
        Subject(code="04015000", scheme="iptc"),
        Subject(code="04015003", scheme="IptcSubjectCodes"),
        Subject(code="medtop:20000541"),
        Subject(code="Current", scheme="genre"),
    )
    assert ferry.places == (Place(name="Port Ansel, Skerholm", code="NOR", scheme="Country"),)


def test_captions_are_the_pictures_and_not_the_text(ferry: ReadArticle) -> None:
    assert ferry.pictures == (
        Picture(
            caption="The new shaft is lowered into the hull at Port Ansel.",
            credit="Nordlys/Ola Brandvik",
            url="ferry-0412.jpg",
        ),
        Picture(caption="Passengers wait on the deck of the ferry.", url="ferry-deck-0413.jpg"),
    )
    assert not any("shaft is lowered" in paragraph for paragraph in ferry.body)


def test_the_same_story_has_one_id_in_all_three_standards(ferry: ReadArticle) -> None:
    (g2,) = articles(sample(G2, "newsitem_2.34_ferry_xhtml_every_field.xml"))
    (nitf,) = articles(sample(NITF, "nitf_3.6_ferry_every_field.xml"))
    stable = {split_version(str(article.provider_id))[0] for article in (ferry, g2, nitf)}
    assert stable == {"urn:newsml:nordlys.example:20261120:ferry-041"}


# --- The other samples ---------------------------------------------------------------


def test_a_file_of_good_and_bad_items() -> None:
    records = sample(NEWSML_1, "newsml_1.2_items_good_and_bad.xml")
    assert [(a.position, a.headline) for a in articles(records)] == [
        (1, "Council votes for the harbour wall"),
        (2, "Tarn Valley mine sold"),
        (5, "Pass opens again"),
    ]
    assert [(record.position, record.locator, record.reason[:40]) for record in bad(records)] == [
        (3, "line 27", "not well-formed XML on line 30: Opening "),
        (4, "line 32", "it only says what to change in an earlie"),
        (6, "line 47", "NewsItem urn:newsml:nordlys.example:2026"),
        (7, "line 54", "it has no text of its own: it refers to "),
        (8, "line 59", "it lists topics of a vocabulary (TopicSe"),
    ]


def test_one_of_each_set_of_equivalents_and_every_other_text() -> None:
    council, *_ = articles(sample(NEWSML_1, "newsml_1.2_items_good_and_bad.xml"))
    assert council.body == (
        "The council voted nine to four on Friday to build the harbour wall.",
        "Work starts in spring, mayor Ada Lindqvist said.",
        "What the wall costs",
        "The wall costs 12 million crowns.",
    )
    assert council.info.warnings == ("more renditions of the text left out",)


def test_a_cancelled_item_is_withdrawn() -> None:
    _, mine, _ = articles(sample(NEWSML_1, "newsml_1.2_items_good_and_bad.xml"))
    assert mine.withdrawn
    assert (mine.provider_id, mine.version) == (
        "urn:newsml:nordlys.example:20261118:mine-012:2U",
        2,
    )


def test_items_within_an_item_are_articles_of_their_own() -> None:
    *_, evening = articles(sample(NEWSML_1, "newsml_1.2_items_good_and_bad.xml"))
    assert evening.provider_id == "urn:newsml:nordlys.example:20261120:evening-1:1"
    assert evening.body == ("The road over the Tarn pass is open again, the road service said.",)
    assert evening.locator == "line 41"


def test_xhtml_in_another_encoding() -> None:
    (road,) = articles(sample(NEWSML_1, "newsml_1.1_xhtml_finnish.xml"))
    assert road.headline == "Jäätie Hailuotoon avattiin"
    assert road.body[1] == "Ajoneuvon paino saa olla enintään 3 tonnia, ja ylitys maksaa 5 €."
    assert road.authors == ("Aino Mäki",)
    assert road.pictures == (Picture(caption="Jäätie merellä", url="jaatie.jpg"),)
    assert (road.language, road.info.format) == ("fi", "NewsML 1.1")


# --- Cases ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifier", "provider_id", "version"),
    [
        (
            (
                '<RevisionId Update="U">3</RevisionId>'
                "<PublicIdentifier>urn:newsml:valley.example:20261120:n1:3U</PublicIdentifier>"
            ),
            "urn:newsml:valley.example:20261120:n1:3U",
            3,
        ),
        ("<RevisionId>2</RevisionId>", "urn:newsml:valley.example:20261120:n1:2", 2),
        ("", "urn:newsml:valley.example:20261120:n1", None),
    ],
)
def test_the_identifier_is_given_or_made_of_its_parts(
    identifier: str, provider_id: str, version: int | None
) -> None:
    article = one(NEWSML_1, item(identification=IDENTIFIER.format(identifier)))
    assert (article.provider_id, article.version) == (provider_id, version)
    assert split_version(provider_id)[0] == "urn:newsml:valley.example:20261120:n1"


def test_an_item_without_identifier_is_read_and_that_is_said() -> None:
    article = one(NEWSML_1, item(identification=""))
    assert article.provider_id is None
    assert "it has no NewsIdentifier: identified by its text" in article.info.warnings


@pytest.mark.parametrize(
    ("management", "withdrawn", "warning"),
    [
        ('<Status FormalName="Usable"/>', False, None),
        ('<Status FormalName="Canceled"/>', True, None),
        ('<Status FormalName="stat:withheld"/>', True, None),
        ('<Status FormalName="Spiked"/>', False, "Status 'spiked' is not known"),
        ('<Status FormalName="Embargoed"/>', False, "no time is given"),
        ('<Instruction FormalName="Delete"/>', True, "(Instruction): Delete"),
        ('<Instruction FormalName="Rectify"/>', False, "(Instruction): Rectify"),
    ],
)
def test_status_and_instruction(management: str, withdrawn: bool, warning: str | None) -> None:  # noqa: FBT001  (a column of the table)
    article = one(NEWSML_1, item(management=management))
    assert article.withdrawn is withdrawn
    assert (warning or "") in " ".join(article.info.warnings)
    assert bool(article.info.warnings) is bool(warning)


@pytest.mark.parametrize(
    ("inner", "body"),
    [
        (TEXT, ("The ferry sails.",)),
        (TEXT * 2, ("The ferry sails.",)),
        (f"<NewsComponent>{TEXT}</NewsComponent>" * 2, ("The ferry sails.", "The ferry sails.")),
        (
            (f'<NewsComponent EquivalentsList="yes"><NewsComponent>{TEXT}</NewsComponent>'
            f"<NewsComponent>{TEXT}</NewsComponent></NewsComponent>"),
            ("The ferry sails.",),
        ),
        (
            ('<ContentItem><MediaType FormalName="Text"/><DataContent/></ContentItem>'
            f"<ContentItem>{TEXT[13:]}"),
            ("The ferry sails.",),
        ),
        ("<ContentItem><DataContent><p>A.</p><p>B.</p></DataContent></ContentItem>", ("A.", "B.")),
    ],
)  # fmt: skip
def test_texts_of_components(inner: str, body: tuple[str, ...]) -> None:
    assert component(inner).body == body


def test_a_photo_alone_is_an_article_of_its_caption() -> None:
    photo = component(
        "<NewsLines><HeadLine>Ferry</HeadLine><CreditLine>Nordlys</CreditLine></NewsLines>"
        '<ContentItem Href="f.jpg"><MediaType FormalName="Photo"/>'
        "<DataContent>The ferry at the quay.</DataContent></ContentItem>"
    )
    assert photo.headline == "Ferry"
    assert photo.body == ("The ferry at the quay.",)
    assert photo.pictures == (
        Picture(caption="The ferry at the quay.", credit="Nordlys", url="f.jpg"),
    )


def test_each_captioned_picture_of_a_group_is_one() -> None:
    picture = (
        "<NewsComponent><NewsLines><HeadLine>{0}</HeadLine></NewsLines>"
        '<ContentItem Href="{0}.jpg"><MediaType FormalName="Photo"/>'
        "<DataContent>Caption {0}</DataContent></ContentItem></NewsComponent>"
    )
    pictures = f"<NewsComponent>{picture.format('a')}{picture.format('b')}</NewsComponent>"
    article = component(f"<NewsComponent>{TEXT}</NewsComponent>{pictures}")
    assert [(p.caption, p.url) for p in article.pictures] == [
        ("Caption a", "a.jpg"),
        ("Caption b", "b.jpg"),
    ]
    assert article.headline is None


def test_base64_that_is_none_is_refused() -> None:
    packed = TEXT.replace("<DataContent>", '<Encoding Notation="Base64"><DataContent>').replace(
        "</DataContent>", "</DataContent></Encoding>"
    )
    refused = refusal(NEWSML_1, item(f"<NewsComponent>{packed}</NewsComponent>"))
    assert "its base64 can't be decoded" in refused.reason


def test_a_creator_that_can_be_no_person_is_no_author() -> None:
    def by(name: str) -> ReadArticle:
        return component(
            f'<AdministrativeMetadata><Creator><Party FormalName="{name}"/></Creator>'
            f"</AdministrativeMetadata>{TEXT}"
        )

    assert by("Ines Varga").authors == ("Ines Varga",)
    assert by("Nordlys News Service").authors == ()


def test_too_many_items_within_one_are_refused_together() -> None:
    inner = f"<NewsItem>{IDENTIFIER.format('')}</NewsItem>" * (MAX_NESTED + 1)
    refused = refusal(NEWSML_1, item(f"<NewsComponent>{inner}</NewsComponent>"))
    assert "items within one, the limit is 1000" in refused.reason


def test_many_components_take_linear_time() -> None:
    parts = "".join(f"<NewsComponent>{TEXT}</NewsComponent>" for _ in range(20_000))
    assert len(component(parts).body) == 20_000


def test_an_item_without_content_is_refused_and_its_neighbour_read() -> None:
    empty = f"<NewsItem>{IDENTIFIER.format('')}<NewsManagement/></NewsItem>"
    text = item().replace("<NewsML>", f"<NewsML>{empty}")
    refused, article = read_all(NEWSML_1, text.encode())
    assert [record.reason for record in bad([refused])] == [
        "NewsItem urn:newsml:valley.example:20261120:n1 has neither a headline nor text"
    ]
    assert isinstance(article, ReadArticle)
