"""A faster decoder for spaCy's entity recogniser: the same weights, the same names.

spaCy's ``ner`` walks through a document token by token and asks a small network
at each step.  Here the same network is asked about all tokens at once:

1. :mod:`.embeddings`: the vector of a word by itself, computed once per word;
2. :mod:`.convolutions`: its vector in context, over all tokens of a batch;
3. :mod:`.transitions`: what spaCy's transition parser would do at each token.

:func:`accelerate` puts it into a loaded pipeline, where the model is one that this
package knows; any other keeps spaCy's own recogniser.
"""

from __future__ import annotations

from services.enrichment.decode.component import accelerate

__all__ = ["accelerate"]
