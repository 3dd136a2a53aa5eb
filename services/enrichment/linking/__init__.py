"""Who or what a name means: the knowledge table, users' aliases, and linking.

``Knowledge`` looks names up, ``link`` decides in the light of the whole document;
both abstain rather than guess.
"""

from services.enrichment.linking.knowledge import Knowledge
from services.enrichment.linking.link import link
from services.enrichment.linking.model import Candidate, Cluster, Kind, Link
from services.enrichment.linking.person_names import person_key
from services.enrichment.linking.table import WrongTableError

__all__ = [
    "Candidate",
    "Cluster",
    "Kind",
    "Knowledge",
    "Link",
    "WrongTableError",
    "link",
    "person_key",
]
