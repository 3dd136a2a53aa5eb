"""The decoder as a component of a spaCy pipeline, in the place of the trained ``ner``."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Span

from services.enrichment.decode.decoder import Decoder
from services.enrichment.decode.weights import UncoveredError, read
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from spacy.tokens import Doc

FACTORY = "wiredesk_ner"

GROUP_TOKENS = 16_384
"""Tokens decoded together (one document may be longer): 4 MB of their vectors."""

_LOG = get_logger(__name__)


class FastRecogniser(Pipe):
    """Sets ``doc.ents`` as the trained component that it was made from would.

    That one's weights are copied: what is taught to it later isn't seen.  It can't be
    saved; save the pipeline that it was put into before it was put there.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._source: tuple[Any, Decoder] | None = None

    def take_over(self, stock: Any, decoder: Decoder) -> None:
        """Do the work of ``stock``, which is still asked where the decoder can't decide."""
        self._source = (stock, decoder)

    @property
    def _sources(self) -> tuple[Any, Decoder]:
        if self._source is None:  # an AttributeError: spaCy asks each new component for `model`
            raise AttributeError(f"'{FACTORY}' is made by accelerate() only, from a trained 'ner'")
        return self._source

    @property
    def model(self) -> Any:
        """The network of the trained component."""
        return self._sources[0].model

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of entities, as the trained component tells them."""
        labels: tuple[str, ...] = self._sources[0].labels
        return labels

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of one document."""
        error_handler = self.get_error_handler()
        try:
            self._annotate([doc])
        except Exception as error:  # noqa: BLE001 (spaCy's contract: the pipeline's handler decides)
            error_handler(self.name, self, [doc], error)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 256) -> Iterator[Doc]:
        """Set the entities of a stream of documents, ``batch_size`` at a time; in order."""
        error_handler: Callable[..., None] = self.get_error_handler()
        documents = iter(stream)
        while batch := list(islice(documents, batch_size)):
            try:
                for group in _groups(batch):
                    self._annotate(group)
            except Exception as error:  # noqa: BLE001 (as above)
                error_handler(self.name, self, batch, error)
                continue
            yield from batch

    def _annotate(self, documents: Sequence[Doc]) -> None:
        stock, decoder = self._sources
        for document, spans in zip(documents, decoder.entities(documents), strict=True):
            if spans is None:
                stock.set_annotations([document], stock.predict([document]))
            else:
                document.set_ents(
                    [Span(document, start, end, label) for start, end, label in spans]
                )

    def to_disk(self, *_: object, **__: object) -> NoReturn:
        """Refused: see the class."""
        raise NotImplementedError(f"'{self.name}' can't be saved: save the pipeline as it came")

    def to_bytes(self, *_: object, **__: object) -> NoReturn:
        """Refused: see the class."""
        self.to_disk()

    def __reduce__(self) -> NoReturn:
        """Refused (copying and pickling): see the class."""
        self.to_disk()


def _groups(documents: Sequence[Doc]) -> Iterator[Sequence[Doc]]:
    """``documents`` in order, in runs of about :data:`GROUP_TOKENS`."""
    group: list[Doc] = []
    tokens = 0
    for document in documents:
        if group and tokens + len(document) > GROUP_TOKENS:
            yield group
            group, tokens = [], 0
        group.append(document)
        tokens += len(document)
    if group:
        yield group


@Language.factory(FACTORY, assigns=["doc.ents", "token.ent_iob", "token.ent_type"])
def _make(nlp: Language, name: str) -> FastRecogniser:  # noqa: ARG001 (what spaCy calls it with)
    return FastRecogniser(name)


def accelerate(nlp: Language, name: str = "ner") -> str | None:
    """Let the fast decoder take over the trained recogniser ``name`` of ``nlp``, in its place.

    Returns None when it does, else why it can't: then nothing is changed, spaCy's own
    component stays and one warning ``ner.stock`` says so.
    """
    try:
        stock = nlp.get_pipe(name)
        decoder = Decoder(read(stock, nlp.vocab.strings), nlp.vocab)
    except (UncoveredError, KeyError, AttributeError, ValueError) as error:
        # The others: some other model's parts, where the known one has what was looked for.
        reason = str(error) if isinstance(error, UncoveredError) else repr(error)
        _LOG.warning("ner.stock", component=name, reason=reason)
        return reason
    fast: Any = nlp.replace_pipe(name, FACTORY)
    fast.take_over(stock, decoder)
    return None
