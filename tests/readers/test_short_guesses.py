"""Short texts in undeclared Latin code pages: the text decides where it can."""

from __future__ import annotations

import pytest

from services.ingest.readers.encoding import decode

WESTERN = (
    "Café opens\n\nThe café near the mill opened on Monday. It serves crème brûlée.",
    "São Paulo: governo anuncia redução de impostos. Não há previsão.",
    "Der Bürgermeister sagte, dass die Straße wieder geöffnet wird.",
    "Le maire a été réélu à Orléans, où il a fêté sa victoire.",
    "The naïve answer of “señor” Peña: it’s done.",
    "Københavns borgmester sagde, at broen åbner igen næste år.",
    "La señora Ibáñez cumplió años en Málaga y bailó hasta la mañana.",
)
CENTRAL = (
    "Prezydent powiedział, że Łukaszenka jest w Pekinie. Źródła mówią o współpracy.",
    "Žluťoučký kůň úpěl ďábelské ódy. Prezident řekl, že přijede.",
    "A miniszterelnök azt mondta, hogy a következő évben több pénz jut az egészségügyre.",
    "Predsjednik je rekao da će doći u Zagreb sljedeći tjedan, štoviše već u utorak.",
)


@pytest.mark.parametrize("text", WESTERN)
def test_western_text_reads_as_written(text: str) -> None:
    decoded = decode(text.encode("cp1252"))
    assert decoded.text == text
    assert decoded.encoding == "cp1252"
    assert any("not declared" in warning for warning in decoded.warnings)


@pytest.mark.parametrize("text", CENTRAL)
def test_central_european_text_reads_as_written(text: str) -> None:
    assert decode(text.encode("cp1250")).text == text


def test_cyrillic_is_not_taken_for_western() -> None:
    text = "Лукашенко прибыл в Пекин во вторник для официального визита."
    assert decode(text.encode("cp1251")).text == text
