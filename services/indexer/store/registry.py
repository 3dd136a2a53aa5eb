"""Small documents that the desk keeps beside its articles: access tokens, webhooks.

What holds for every store (``tests/conformance/test_store_registry.py``):

* A document is found by its kind and name; names of one kind are unique.
* Each call is one transaction, on disk when it returns.
* ``put`` with ``expected`` replaces only the very document that was read, so that two who
  change one document at once don't undo each other.
* ``entries`` are in the order of their names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Registry(ABC):
    """See the module's docstring for what must hold."""

    @abstractmethod
    def entries(self, kind: str) -> Mapping[str, str]:
        """Every document of a kind, as JSON text, by name."""

    @abstractmethod
    def put(self, kind: str, name: str, document: str, *, expected: str | None = None) -> bool:
        """Keep a document; False, and nothing changed, where what is there isn't as expected.

        ``expected`` None: nothing must be there.
        """

    @abstractmethod
    def remove(self, kind: str, name: str) -> bool:
        """Forget a document; False where there was none."""
