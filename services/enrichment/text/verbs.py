"""The words by which English reports speech: verbs, what stands beside them, what they aren't.

Compiled from how news agencies attribute; each list says what its forms allow.  A verb
alone proves nothing ("is said to", "the reported attack"): ``attribution`` looks for its
subject.
"""

from __future__ import annotations

import re


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.split())


_PAST = _words(
    "said told added stated asked replied answered noted wrote tweeted posted warned claimed "
    "explained announced declared insisted argued admitted acknowledged confirmed denied "
    "stressed emphasized emphasised suggested recalled remarked commented observed reported "
    "revealed concluded continued complained joked quipped shouted cried whispered urged "
    "vowed pledged promised predicted testified alleged asserted maintained lamented conceded "
    "countered retorted responded reiterated proclaimed cautioned demanded criticised "
    "criticized condemned praised hailed denounced mused boasted pleaded protested objected "
    "opined exclaimed disclosed estimated expressed voiced signaled signalled indicated "
    "mentioned highlighted underlined underscored accused blasted slammed touted hinted "
    "speculated reckoned contended affirmed advised thundered quoted apologised apologized "
    "elaborated interjected murmured muttered screamed yelled echoed welcomed dismissed "
    "rejected wondered"
)
"""Finite forms, also behind "has" and "had"."""

_PRESENT = _words(
    "says tells adds asks replies warns writes tweets insists argues explains admits "
    "acknowledges confirms denies stresses emphasizes suggests recalls concludes complains "
    "jokes declares adds announces asserts maintains concedes responds reiterates cautions"
)

_PARTICIPLES = _words(
    "saying telling adding asking warning noting writing claiming explaining insisting "
    "stressing arguing declaring stating emphasizing emphasising tweeting replying calling "
    "describing pointing promising vowing pledging urging predicting recalling suggesting "
    "admitting conceding praising accusing denouncing condemning dismissing"
)
"""Their subject is that of the sentence, or of the speech before: ", adding: …"."""

_NEEDS_NAME = _words(
    "say claims reports notes states comments remarks promises demands calls urges vows "
    "pledges answers alleges called described dubbed branded labelled labeled termed deemed "
    "observes predicts denounces praises condemns hails describes brands points "
    "read reads found finds"
)
"""Also nouns, or also what things are called: believed only behind a name, a pronoun or
people that are known to speak ("officials say")."""

_OBJECT_FIRST = frozenset(
    {"told", "tells", "called", "calls", "described", "describes", "dubbed", "branded", "labelled"}
    | {"labeled", "termed", "deemed", "accused", "urged", "urges", "advised", "quoted", "praised"}
    | {"praises", "hailed", "hails", "criticised", "criticized", "condemned", "condemns", "slammed"}
    | {"denounced", "denounces", "blasted", "welcomed", "dismissed", "rejected", "demanded"}
    | {"expressed", "voiced", "touted", "reported", "reports", "posted", "highlighted", "denied"}
)
"""What stands behind them is not who speaks: "told Reuters", never "told he"."""

NEEDS_NAME = frozenset(_NEEDS_NAME)
PARTICIPLES = frozenset(_PARTICIPLES)
AFTER_SUBJECT_ONLY = (_OBJECT_FIRST - {"reported", "reports"}) | PARTICIPLES | {"say", "points"}

_FORMS = {"went on", "put it", "pointed out", "points out"} | {
    *(*_PAST, *_PRESENT, *_PARTICIPLES, *_NEEDS_NAME)
}


def _either(forms: set[str]) -> str:
    """A pattern of the forms, by first letter: one of twenty is tried, and not of two hundred."""
    letters = sorted({form[0] for form in forms})
    rests = [sorted(form[1:] for form in forms if form[0] == letter) for letter in letters]
    return "|".join(
        f"{letter}(?:{'|'.join(rest)})" for letter, rest in zip(letters, rests, strict=True)
    )


VERB = re.compile(rf"(?<![\w'’-])(?:{_either(_FORMS)})(?![\w'’-])")
"""A form of a verb of speech as a word of its own, in small letters: comparing without case
would take three times as long."""

PASSIVE = re.compile(
    r"(?:\b(?:is|are|was|were|be|been|being|get|got|to|not|never|would|could|might|may|must|should"
    r"|can|will|cannot|as|if|when|the|a|an|this|so)|n['’]t)(?:\s+\w+ly)?\s*$",
    re.IGNORECASE,
)
"""What stands in front of a form that reports nobody's speech: "was told", "as reported"."""

ADVERBIAL = re.compile(
    r"(?<!\S)(?:(?:has|have|had|also|later|then|earlier|further|previously|recently|once|again"
    r"|himself|herself|itself|themselves|both|all|now|still|even|only|since|just|did|soon|first"
    r"|meanwhile|today|yesterday|repeatedly|reportedly|publicly|simply|quickly|angrily|[a-z]+ly)"
    r"|(?:late |early )?(?:on|last|this|earlier)\s+(?:\w+\s+)?(?:Monday|Tuesday|Wednesday|Thursday"
    r"|Friday|Saturday|Sunday|week|month|year|night|morning|evening|afternoon)"
    r"|in (?:a|an|his|her|its|their) (?:\w+ )?(?:statement|interview|speech|tweet|post|letter"
    r"|report|address|email|briefing|message|note)(?: (?:on|to|with|in|for) [^,.;:]{1,40})?)$"
)
"""What may stand between a subject and its verb without being either."""

PRONOUN = re.compile(r"(?<![\w'’])(he|she|it|they|who|which)$", re.IGNORECASE)
PRONOUN_AHEAD = re.compile(r"\s*(he|she|it|they)\b(?!['’])", re.IGNORECASE)
ACCORDING = re.compile(r"\b(according to|in the words of)\s+", re.IGNORECASE)

STOPS = frozenset(
    {"that", "and", "but", "while", "when", "as", "because", "if", "after", "before", "whether"}
    | {"than", "so", "or", "since", "although", "though", "until", "who", "which", "whom", "what"}
    | {"is", "was", "are", "were", "be", "been", "has", "have", "had", "will", "would", "can"}
    | {"could", "may", "might", "must", "should", "do", "does", "did", "where", "how", "why"}
    | {"it", "he", "she", "they", "we", "i", "you", "there", "not", "nor", "then"}
)
"""Words that no noun phrase holds: a subject begins after the last of them."""

DETERMINERS = frozenset(
    {"the", "a", "an", "one", "two", "three", "his", "her", "its", "their", "our", "some", "many"}
    | {"another", "other", "several", "most", "all", "both", "each", "every", "this", "these"}
    | {"those", "that", "my", "few", "four", "five", "six", "senior", "top"}
)
LINKS = frozenset({"of", "for", "from", "with", "at", "in", "on", "near", "by", "to"})
"""Prepositions that may tie two noun phrases into one: "a spokesman for the ministry"."""

PEOPLE = frozenset(
    {"officials", "police", "authorities", "sources", "experts", "analysts", "residents", "people"}
    | {"witnesses", "critics", "lawyers", "prosecutors", "scientists", "doctors", "diplomats"}
    | {"researchers", "economists", "organisers", "organizers", "activists", "investigators"}
    | {"they", "we", "many", "some", "others", "rescuers", "firefighters", "workers", "leaders"}
    | {"statement", "letter", "sign", "message", "note", "banner", "email", "report", "study"}
    | {"survey", "review", "inquiry", "investigation", "court", "judge", "jury", "verdict"}
)
"""Those who "say", and what "reads" or "found", without a name."""

OBJECTS = frozenset({"him", "her", "them", "us", "me", "himself", "herself", "themselves"})
"""Pronouns that are nobody's subject."""

TIED = re.compile(
    r"(?:^|[\s,])(?:and|or|but|as well as)(?:\s+(?:a|an|the|also|as|for|of))*\s*$|^,?\s*$"
)
"""What stands between two quotations that one clause attributes: “bold” and “new”."""

CONJUNCTION = re.compile(
    r"(?:while|and|but|because|which|when|although|though|after|before|or|then|if|since)\b"
)
"""Behind the marks: another clause begins, which doesn't attribute what is before it."""

MALE = re.compile(
    r"\b(?:Mr|Sir|King|Prince|Lord|Baron|Father|spokesman|chairman|businessman|congressman|Pope"
    r"|policeman|councilman|salesman)\.?,?\s*$",
    re.IGNORECASE,
)
FEMALE = re.compile(
    r"\b(?:Mrs|Ms|Miss|Queen|Princess|Lady|Dame|Baroness|Sister|Mme|spokeswoman|chairwoman"
    r"|businesswoman|congresswoman|policewoman|councilwoman|actress)\.?,?\s*$",
    re.IGNORECASE,
)
"""Titles in front of a name that tell which pronoun it takes. Names themselves aren't
asked: too many are given to both."""

NAMING = re.compile(
    r"(?:\b(?:titled|entitled|named|nicknamed|so-called|known as|headlined|subtitled|renamed"
    r"|(?:the|a|an) (?:term|word|words|phrase|acronym|name|slogan|hashtag|nickname|label))"
    r"|\b(?:book|film|movie|song|novel|album|series|show|play|poem|article|essay|single|sitcom"
    r"|musical|opera|documentary|podcast|magazine|game|painting|exhibition|episode|thriller"
    r"|memoir|comedy|drama|track|hit|column|chapter))[,:]?\s*$",
    re.IGNORECASE,
)
"""In front of the marks: what they hold is a name, not speech."""
