"""Key words for the classes that the labelled data has few or no rows of.

A line of Current Events that speaks of a walk-out or of job cuts is about labour,
whatever else it is about.  Only training uses this; the tagger never does.
"""

from __future__ import annotations

import re

# What looks like the key word and isn't.
_NOT_LABOUR = re.compile(
    r"air ?strike|drone strike|missile strike|strikes? (?:on|against|kill)|"
    r"(?:european|african|soviet|student|western|credit|rugby|states?) union|state of the union",
    re.IGNORECASE,
)

_PATTERNS: dict[str, str] = {
    "05": r"\b(?:universit(?:y|ies) (?:students?|entrance|tuition|campus)|tuition fees|schools? "
    r"(?:close|reopen|curriculum|district|board|year)|teachers|pupils|kindergartens?|"
    r"(?:secondary|primary|high) school exam\w*|ministry of education|education (?:minister|reform"
    r"|system|act)|literacy|curriculum|scholarships?)\b",
    "06": r"\b(?:climate change|global warming|greenhouse gas\w*|carbon (?:dioxide|emissions)|"
    r"deforestation|endangered species|biodiversity|oil spill|air pollution|conservationists?|"
    r"coral reefs?|renewable energy|plastic waste|wildlife|rainforest|ozone layer|poaching)\b",
    "08": r"\b(?:oldest (?:living )?(?:person|man|woman)|world record|guinness world records|"
    r"lottery (?:jackpot|winner)|beauty pageant|royal wedding|miss universe|gives birth to|"
    r"supercentenarian|reunited with|good samaritan)\b",
    "09": r"\b(?:general strike|on strike|strike action|go(?:es)? on strike|walk ?outs?|"
    r"industrial action|trade unions?|labou?r unions?|union (?:leaders?|members?|workers?)|"
    r"lay ?offs|lays? off|job (?:cuts|losses)|minimum wage|collective bargaining|"
    r"striking workers|picket lines?|"
    r"unemployment (?:rate|figures)|unfair dismissal|pension reform|strikers|wage (?:talks|rise)|"
    r"working conditions|cuts? [\d,]+ jobs|[\d,]+ jobs)\b",
    "12": r"\b(?:pope|vatican|catholic church|bishops?|archbishop|cardinals?|imam|mosques?|rabbis?|"
    r"synagogues?|anglican|orthodox church|church of|dalai lama|hindu temple|pilgrims?|hajj|"
    r"ramadan|quran|koran|bible|sikhs?|evangelicals?|saints?hood|canoni[sz]\w+|theolog\w+)\b",
    "14": r"\b(?:same-sex marriage|gay (?:marriage|rights)|lgbt\w*|racial (?:discrimination|"
    r"segregation|equality)|gender equality|women's rights|abortion|homeless\w*|demograph\w+|"
    r"census|poverty|child (?:labou?r|marriage)|domestic violence|euthanasia|birth rate|"
    r"discriminat\w+|indigenous peoples?|transgender)\b",
    "17": r"\b(?:tropical storm|hurricane|typhoon|cyclone|blizzard|heat ?wave|snowstorm|"
    r"snowfall|torrential rain|heavy rain\w*|monsoon|record temperatures?|cold (?:wave|snap)|"
    r"winter storm|thunderstorms?|meteorolog\w+|weather (?:service|forecast)|drought|"
    r"national hurricane center)\b",
}
_COMPILED = {code: re.compile(pattern, re.IGNORECASE) for code, pattern in _PATTERNS.items()}


def weak_labels(text: str) -> frozenset[str]:
    """Two-digit level-1 codes that key words of ``text`` speak for."""
    found = {code for code, pattern in _COMPILED.items() if pattern.search(text)}
    if "09" in found and _NOT_LABOUR.search(text):
        found.discard("09")
    return frozenset(found)
