"""Requests made from the OpenAPI document, right and wrong ones, are answered as it says.

The event stream and the desk view need Redis: their own tests hold them.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import requests
from hypothesis import HealthCheck, Phase, settings

from services.indexer.api.openapi import OPENAPI_FILE
from tests.api.library import HARBOUR, STORY

with warnings.catch_warnings():
    # Schemathesis loads clients that we don't use, one of them out of date.
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis import Case
    from schemathesis.specs.openapi.checks import positive_data_acceptance

if TYPE_CHECKING:
    from schemathesis import BaseSchema

    from tests.api.client import Client

ELSEWHERE = ["/v1/events", "/v1/desk"]

REAL = {
    "article_id": str(HARBOUR),
    "story_id": str(STORY),
    "number": 1,
    "key": "person:ana petrova",
}
"""Path parameters that lead somewhere; made-up ones would only ever meet 404."""

SEEN: defaultdict[str, set[int]] = defaultdict(set)
"""The statuses that each path answered with."""

# Words may follow every rule of the document and still be no search ('NOT x'), and a cursor must
# have been given out: these are refused with 400, as the document says in words.
UNDECIDABLE: list[Any] = [positive_data_acceptance]


def described() -> BaseSchema:
    """The kept document (another test says that it is current), with ids that are there."""
    document = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
    for methods in document["paths"].values():
        for parameter in methods["get"].get("parameters", ()):
            if parameter["name"] in REAL:
                parameter["example"] = REAL[parameter["name"]]
    config = schemathesis.Config(seed=1)
    schema = schemathesis.openapi.from_dict(document, config=config)
    return schema.exclude(path=ELSEWHERE)


def ask(client: Client, case: Case[Any]) -> Any:
    """The answer to a case."""
    given = case.as_transport_kwargs(base_url="http://desk.example")
    given = {name: given[name] for name in ("method", "url", "params", "headers", "cookies")}
    made = requests.Request(**given).prepare()
    return client.request(
        made.method or "GET",
        made.url or "",
        headers={str(name): str(value) for name, value in made.headers.items()},
    )


schema = described()


@schema.parametrize()
@settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_tells_of(client: Client, case: Case[Any]) -> None:
    answer = ask(client, case)
    SEEN[case.operation.path].add(answer.status_code)
    case.validate_response(answer, excluded_checks=UNDECIDABLE)


def test_every_path_was_asked_rightly_and_wrongly() -> None:
    assert set(SEEN) == set(described()) - set(ELSEWHERE)
    for path, statuses in SEEN.items():
        assert {200, 405} <= statuses, path
        assert statuses <= {200, 400, 404, 405}, path
