"""Sentences of our own with quotations, and who says them: names in them are marked.

``[PERSON Ana Petrova]`` marks a mention; a later ``[PERSON Petrova]`` means the same one.
Expected is one line for each quote: its words (or their beginning, with "…" at the end), the
speaker and the verb.  ``=Ana Petrova`` is an entity, ``a witness`` words as written, ``-`` nobody.
"""

from __future__ import annotations

BEHIND = {
    "name and verb": (
        "“The quay is safe,” [PERSON Ana Petrova] said.",
        ["The quay is safe, | =Ana Petrova | said"],
    ),
    "verb and name": (
        '"The quay is safe," said [PERSON Ana Petrova].',
        ["The quay is safe, | =Ana Petrova | said"],
    ),
    "surname means the full name given before": (
        (
            "[PERSON Ana Petrova] closed the port. “We had no choice,” [PERSON Petrova] told "
            "reporters."
        ),
        ["We had no choice, | =Ana Petrova | told"],
    ),
    "title before the name": (
        "“It will take weeks,” said Harbour Minister [PERSON Joe Okoro].",
        ["It will take weeks, | =Joe Okoro | said"],
    ),
    "office, then the name": (
        "“It will take weeks,” said the mayor of [GPE Riverton], [PERSON Ana Petrova].",
        ["It will take weeks, | =Ana Petrova | said"],
    ),
    "name with an apposition": (
        "“It will take weeks,” [PERSON Ana Petrova], the mayor of [GPE Riverton], said on Monday.",
        ["It will take weeks, | =Ana Petrova | said"],
    ),
    "name with a relative clause that names another": (
        "“I am proud,” [PERSON Ana Petrova], who followed [PERSON Joe Okoro] in May, said.",
        ["I am proud, | =Ana Petrova | said"],
    ),
    "apposition first": (
        "“We are ready,” the head of the [ORG Port Authority], [PERSON Joe Okoro], said.",
        ["We are ready, | =Joe Okoro | said"],
    ),
    "age in the apposition": (
        "“I ran,” [PERSON Lena Holm], 43, said.",
        ["I ran, | =Lena Holm | said"],
    ),
    "party in brackets": (
        "“I will vote no,” Senator [PERSON Lena Holm] (L-Riverton) said.",
        ["I will vote no, | =Lena Holm | said"],
    ),
    "agency": (
        '"The agenda includes trade and customs," [ORG Norpress] added.',
        ["The agenda includes trade and customs, | =Norpress | added"],
    ),
    "verb before an agency": (
        '"The agenda includes trade and customs," reported [ORG Norpress].',
        ["The agenda includes trade and customs, | =Norpress | reported"],
    ),
    "told an agency: the agency doesn't speak": (
        "“We will stay,” [PERSON Ana Petrova] told [ORG Norpress].",
        ["We will stay, | =Ana Petrova | told"],
    ),
    "ministry as an entity": (
        "“No ship was hit,” the [ORG Ministry of Transport] said in a statement.",
        ["No ship was hit, | =Ministry of Transport | said"],
    ),
    "witness": (
        "“The whole street shook,” a witness said.",
        ["The whole street shook, | a witness | said"],
    ),
    "verb before a witness": (
        "“The whole street shook,” said one resident.",
        ["The whole street shook, | one resident | said"],
    ),
    "spokesman for somebody is not that body": (
        "“We regret the delay,” a spokesman for the [ORG Port Authority] said.",
        ["We regret the delay, | a spokesman for the Port Authority | said"],
    ),
    "said a spokeswoman for somebody": (
        "“We regret the delay,” said a spokeswoman for [PERSON Joe Okoro].",
        ["We regret the delay, | a spokeswoman for Joe Okoro | said"],
    ),
    "somebody's lawyer is not that person": (
        "“My client is innocent,” [PERSON Okoro]'s lawyer said.",
        ["My client is innocent, | Okoro's lawyer | said"],
    ),
    "mayor of a place is not the place": (
        "“We will rebuild,” the mayor of [GPE Riverton] said.",
        ["We will rebuild, | the mayor of Riverton | said"],
    ),
    "country as a speaker": (
        "“This is unacceptable to us,” [GPE Norland] said.",
        ["This is unacceptable to us, | =Norland | said"],
    ),
    "officials of a country are not the country": (
        "“This is unacceptable to us,” [GPE Norland] officials said.",
        ["This is unacceptable to us, | Norland officials | said"],
    ),
    "adverb before the verb": (
        "“Never again,” [PERSON Joe Okoro] angrily replied.",
        ["Never again, | =Joe Okoro | replied"],
    ),
    "perfect": (
        "“Never again,” [PERSON Joe Okoro] has repeatedly said.",
        ["Never again, | =Joe Okoro | said"],
    ),
    "day between name and verb": (
        "“Never again,” [PERSON Joe Okoro] on Tuesday said.",
        ["Never again, | =Joe Okoro | said"],
    ),
    "statement between name and verb": (
        "“Never again will it leak,” [PERSON Joe Okoro] in a statement said.",
        ["Never again will it leak, | =Joe Okoro | said"],
    ),
    "question": (
        "“Who will pay for it?” asked [PERSON Lena Holm].",
        ["Who will pay for it? | =Lena Holm | asked"],
    ),
    "shout": ("“Get out!” [PERSON Lena Holm] shouted.", ["Get out! | =Lena Holm | shouted"]),
    "present": (
        "“The bank is sound,” says [PERSON Lena Holm].",
        ["The bank is sound, | =Lena Holm | says"],
    ),
    "officials say": (
        "“The bank is sound,” officials say.",
        ["The bank is sound, | officials | say"],
    ),
    "written on a network": (
        "“See you in court,” [PERSON Lena Holm] wrote on her page.",
        ["See you in court, | =Lena Holm | wrote"],
    ),
    "tweeted": (
        "“See you in court,” tweeted [PERSON Lena Holm].",
        ["See you in court, | =Lena Holm | tweeted"],
    ),
    "comma outside the marks": (
        "‘The port is closed’, [PERSON Ana Petrova] said.",
        ["The port is closed | =Ana Petrova | said"],
    ),
    "dash": (
        "“The port is closed —” [PERSON Ana Petrova] said.",
        ["The port is closed — | =Ana Petrova | said"],
    ),
    "full stop where a comma should be": (
        "“The port is closed.” [PERSON Ana Petrova] said.",
        ["The port is closed. | =Ana Petrova | said"],
    ),
    "as somebody put it": (
        "“It is a marathon, not a sprint,” as [PERSON Ana Petrova] put it.",
        ["It is a marathon, not a sprint, | =Ana Petrova | put it"],
    ),
    "according to": (
        "The visit is of a “working nature”, according to state agency [ORG Norpress].",
        ["working nature | =Norpress | according to"],
    ),
    "two speak": (
        "“We are one team,” [PERSON Ana Petrova] and [PERSON Joe Okoro] said.",
        ["We are one team, | Ana Petrova and Joe Okoro | said"],
    ),
}
IN_FRONT = {
    "colon": (
        "[PERSON Ana Petrova] said: “The quay is safe.”",
        ["The quay is safe. | =Ana Petrova | said"],
    ),
    "comma": (
        "[PERSON Ana Petrova] told [ORG Norpress], “The quay is safe.”",
        ["The quay is safe. | =Ana Petrova | told"],
    ),
    "colon in the paragraph before": (
        "[PERSON Ana Petrova] said in a statement:\n\n“The quay is safe.”",
        ["The quay is safe. | =Ana Petrova | said"],
    ),
    "within a clause": (
        (
            "[PERSON Ana Petrova] said at a briefing in [GPE Riverton] on Monday that the plan was "
            "“very much in line” with the law."
        ),
        ["very much in line | =Ana Petrova | said"],
    ),
    "last verb before the marks counts": (
        "[ORG Norpress] reported that [PERSON Ana Petrova] warned of “a very long winter”.",
        ["a very long winter | =Ana Petrova | warned"],
    ),
    "accused": (
        "[PERSON Joe Okoro] accused the board of “lying to the whole town”.",
        ["lying to the whole town | =Joe Okoro | accused"],
    ),
    "called it so": (
        "[PERSON Joe Okoro] called the plan “a disgrace”.",
        ["a disgrace | =Joe Okoro | called"],
    ),
    "what she called": (
        "[PERSON Lena Holm] resigned over what she called “a disgrace”.",
        ["a disgrace | =Lena Holm | called"],
    ),
    "described as": (
        "[PERSON Lena Holm] described the raid as “pure theatre”.",
        ["pure theatre | =Lena Holm | described"],
    ),
    "adding": (
        "[PERSON Lena Holm] welcomed the ruling, adding: “It was high time.”",
        ["It was high time. | =Lena Holm | adding"],
    ),
    "adding after a first quotation": (
        "“It is late,” said [PERSON Lena Holm], adding: “Go home, all of you.”",
        ["It is late, | =Lena Holm | said", "Go home, all of you. | =Lena Holm | adding"],
    ),
    "two verbs share a subject": (
        "[PERSON Lena Holm] shook her head and said: “Not with me.”",
        ["Not with me. | =Lena Holm | said"],
    ),
    "according to in front": (
        "According to [PERSON Lena Holm], “the bank never had the money”.",
        ["the bank never had the money | =Lena Holm | according to"],
    ),
    "no verb but a colon": (
        "[PERSON Lena Holm] was blunt: “The bank never had the money.”",
        ["The bank never had the money. | =Lena Holm | -"],
    ),
    "relative clause": (
        "It was [PERSON Lena Holm] who said “the bank never had the money”.",
        ["the bank never had the money | =Lena Holm | said"],
    ),
    "people without a name": (
        "Two officials said the ship had been “deliberately steered off course”.",
        ["deliberately steered off course | Two officials | said"],
    ),
    "press service": (
        "[PERSON Joe Okoro]'s press service said the talks were “open and friendly in tone”.",
        ["open and friendly in tone | Joe Okoro's press service | said"],
    ),
    "place before the subject": (
        "In [GPE Riverton] police said there was “no danger to the public”.",
        ["no danger to the public | police | said"],
    ),
}
GOING_ON = {
    "split quotation": (
        "“We understand,” [PERSON Joe Okoro] said. “But we will not wait for ever.”",
        [
            "We understand, | =Joe Okoro | said",
            "But we will not wait for ever. | =Joe Okoro | said",
        ],
    ),
    "split in mid-sentence": (
        "“If they come,” [PERSON Joe Okoro] said, “we will be ready for them.”",
        ["If they come, | =Joe Okoro | said", "we will be ready for them. | =Joe Okoro | said"],
    ),
    "after an indirect sentence": (
        "[PERSON Joe Okoro] said the talks had failed. “Nobody listened to us at all.”",
        ["Nobody listened to us at all. | =Joe Okoro | said"],
    ),
    "over three paragraphs": (
        "[PERSON Joe Okoro] said: “First, the money.\n\n“Second, the time.\n\n“Third, the will.”",
        [
            "First, the money. | =Joe Okoro | said",
            "Second, the time. | =Joe Okoro | said",
            "Third, the will. | =Joe Okoro | said",
        ],
    ),
    "over two paragraphs, named in the second": (
        "“First, the money and the people.\n\n“Second, the time,” [PERSON Joe Okoro] said.",
        [
            "First, the money and the people. | =Joe Okoro | said",
            "Second, the time, | =Joe Okoro | said",
        ],
    ),
    "two speakers in turn": (
        (
            "“It is yours,” [PERSON Ana Petrova] said. “I never asked for it,” [PERSON Joe "
            "Okoro] said."
        ),
        ["It is yours, | =Ana Petrova | said", "I never asked for it, | =Joe Okoro | said"],
    ),
}
PRONOUNS = {
    "he: the only person of the sentence before": (
        "[PERSON Joe Okoro] left the hall early.\n\n“I have heard enough,” he said.",
        ["I have heard enough, | =Joe Okoro | said"],
    ),
    "he: who spoke last, and not whom he spoke of": (
        (
            "[PERSON Joe Okoro] said that [PERSON Karl Lind]'s plan was dead.\n\n“It is "
            "over,” he said."
        ),
        ["It is over, | =Joe Okoro | said"],
    ),
    "he: either of two": (
        "[PERSON Joe Okoro] met [PERSON Karl Lind].\n\n“It is over for good,” he said.",
        ["It is over for good, | - | said"],
    ),
    "she: the one whose title allows it": (
        "Mr. [PERSON Joe Okoro] met Ms. [PERSON Lena Holm].\n\n“It is over for good,” she said.",
        ["It is over for good, | =Lena Holm | said"],
    ),
    "he: not a spokeswoman": (
        "[PERSON Joe Okoro] came with spokeswoman [PERSON Lena Holm]. “I am glad,” he said.",
        ["I am glad, | =Joe Okoro | said"],
    ),
    "he in the same sentence": (
        "When [PERSON Joe Okoro] came home, he said: “I have seen it all.”",
        ["I have seen it all. | =Joe Okoro | said"],
    ),
    "he added, sentences later": (
        "“It is late,” [PERSON Joe Okoro] said.\n\nThe crowd cheered.\n\n“Go home,” he added.",
        ["It is late, | =Joe Okoro | said", "Go home, | =Joe Okoro | added"],
    ),
    "he: nobody near": (
        (
            "[PERSON Joe Okoro] came. It rained. It snowed. It hailed. It thawed. It froze.\n\n"
            "“I have seen it all,” he said."
        ),
        ["I have seen it all, | - | said"],
    ),
    "he: nobody is named": ("“I have seen it all,” he said.", ["I have seen it all, | - | said"]),
    "names within quotations are not meant": (
        "[PERSON Joe Okoro] left. “I never liked [PERSON Karl Lind],” he said.",
        ["I never liked Karl Lind, | =Joe Okoro | said"],
    ),
    "it: the organisation": (
        "The [ORG Port Authority] closed the quay. “The wall moved,” it said.",
        ["The wall moved, | =Port Authority | said"],
    ),
    "they": (
        "[PERSON Joe Okoro] and [PERSON Karl Lind] left. “We are done here,” they said.",
        ["We are done here, | - | said"],
    ),
    "the ministry": (
        "The [ORG Ministry of Transport] closed the quay. “The wall moved,” the ministry said.",
        ["The wall moved, | =Ministry of Transport | said"],
    ),
    "the ministry: either of two": (
        (
            "The [ORG Ministry of Transport] asked the [ORG Ministry of Health]. "
            "“The wall moved,” the ministry said."
        ),
        ["The wall moved, | the ministry | said"],
    ),
    "the mayor": (
        "Mayor [PERSON Ana Petrova] met [PERSON Joe Okoro]. “The wall moved,” the mayor said.",
        ["The wall moved, | =Ana Petrova | said"],
    ),
    "the mayor by apposition": (
        (
            "[PERSON Ana Petrova], the mayor, met [PERSON Joe Okoro]. “The wall moved,” the "
            "mayor said."
        ),
        ["The wall moved, | =Ana Petrova | said"],
    ),
    "the minister: nobody is called so": (
        "[PERSON Ana Petrova] came. “The wall moved,” the minister said.",
        ["The wall moved, | the minister | said"],
    ),
}
NOT_SPEECH: dict[str, tuple[str, list[str]]] = {
    "scare quotes": ("The council spoke of its “vision” and of “key areas.”", []),
    "term far from its verb": (
        (
            "[ORG Norpress] reported that [PERSON Joe Okoro] will meet the board to discuss trade, "
            "the economy and how to respond to “challenges.”"
        ),
        [],
    ),
    "title of a book": ("Her book “The Long Road Home” sold well, [PERSON Ana Petrova] said.", []),
    "title without a word for it": ("They watched “The Long Road Home” on Sunday.", []),
    "nickname": ("[PERSON Joe “Big Fish” Okoro] lost.", []),
    "so-called": ("The so-called “people of the lake” came.", []),
    "named so": ("He runs a plan called “a home for all people”.", []),
    "known as": ("It is known as “the house of a hundred doors”.", []),
    "the phrase": ("She never used the phrase “a home for all people”.", []),
    "not closed": ("[PERSON Ana Petrova] said: “The quay is safe. Nobody came.", []),
    "not closed, and the next paragraph is not quoted": (
        "[PERSON Ana Petrova] said: “The quay is safe.\n\nNobody came to the quay.",
        [],
    ),
    "closed and never opened": ("The quay is safe,” [PERSON Ana Petrova] said.", []),
    "inches": ("The 6'2\" player and his 5'9\" rival met.", []),
    "apostrophes": ("The boys' game and the girls' game were '90s rock 'n' roll.", []),
    "empty marks": ("He said “” and \" \" and ''.", []),
}
SPEAKER_UNKNOWN = {
    "passive": (
        "[PERSON Joe Okoro] was told “you are not welcome here”.",
        ["you are not welcome here | - | -"],
    ),
    "is said to": (
        "[PERSON Joe Okoro] is said to have felt “out of his depth there”.",
        ["out of his depth there | - | -"],
    ),
    "no clause at all": (
        "On the wall stood “we were here before you”.",
        ["we were here before you | - | -"],
    ),
    "claims as a noun": (
        "The claims “were never meant to be read” by anybody.",
        ["were never meant to be read | - | -"],
    ),
}
MARKS = {
    "straight": (
        '"The quay is safe," said [PERSON Ana Petrova].',
        ["The quay is safe, | =Ana Petrova | said"],
    ),
    "single straight": (
        "'The quay isn't safe,' said [PERSON Ana Petrova].",
        ["The quay isn't safe, | =Ana Petrova | said"],
    ),
    "single curly with a genitive": (
        "‘We know the parties’ leaders,’ said [PERSON Ana Petrova].",
        ["We know the parties’ leaders, | =Ana Petrova | said"],
    ),
    "quotation in a quotation": (
        "“He told me ‘never again’ and left,” [PERSON Ana Petrova] said.",
        ["He told me ‘never again’ and left, | =Ana Petrova | said"],
    ),
    "guillemets": (
        "«The quay is safe», said [PERSON Ana Petrova].",
        ["The quay is safe | =Ana Petrova | said"],
    ),
    "low and high": (
        "„The quay is safe“, said [PERSON Ana Petrova].",
        ["The quay is safe | =Ana Petrova | said"],
    ),
    "low and high, Polish": (
        "„The quay is safe”, said [PERSON Ana Petrova].",
        ["The quay is safe | =Ana Petrova | said"],
    ),
    "the same mark twice, Swedish": (
        "”The quay is safe”, said [PERSON Ana Petrova].",
        ["The quay is safe | =Ana Petrova | said"],
    ),
    "inches inside the text": (
        'The 40" screen fell. "It broke at once," said [PERSON Ana Petrova].',
        ["It broke at once, | =Ana Petrova | said"],
    ),
}
AS_NEWS_IS_WRITTEN = {
    "indirect clause after an apposition": (
        (
            "[PERSON Maria Costa], the finance minister, told parliament on Thursday "
            "that the deficit was “a temporary shock, not a crisis.”"
        ),
        ["a temporary shock, not a crisis. | =Maria Costa | told"],
    ),
    "no plan": (
        "“There’s no plan B,” [PERSON Costa] warned lawmakers. “If this fails, it fails.”",
        ["There’s no plan B, | =Costa | warned", "If this fails, it fails. | =Costa | warned"],
    ),
    "sorry in an interview": (
        (
            "In an interview with [ORG Radio Nord], [PERSON Lars Beck] said he was "
            "“deeply sorry” for what happened."
        ),
        ["deeply sorry | =Lars Beck | said"],
    ),
    "nurse with a relative clause": (
        (
            "“We heard a bang and then the lights went out,” said [PERSON Elsa Ruiz], a "
            "nurse who lives nearby."
        ),
        ["We heard a bang and then the lights went out, | =Elsa Ruiz | said"],
    ),
    "organisation's spokesperson": (
        "[ORG UNICEF] spokesperson [PERSON James Ode] said: “Children are paying the price.”",
        ["Children are paying the price. | =James Ode | said"],
    ),
    "chief executive by apposition": (
        (
            "The company's chief executive, [PERSON Tom Reed], said in a statement that "
            "it was “pleased with the outcome.”"
        ),
        ["pleased with the outcome. | =Tom Reed | said"],
    ),
    "a statement reads": (
        "“Our thoughts are with the families,” the statement read.",
        ["Our thoughts are with the families, | the statement | read"],
    ),
    "professor by apposition": (
        (
            "[PERSON Wang Lei], a professor at [ORG Peking University], described the "
            "move as “largely symbolic,” adding that it would not change much."
        ),
        ["largely symbolic, | =Wang Lei | described"],
    ),
    "asked and replied": (
        "Asked whether he would resign, [PERSON Reed] replied: “Absolutely not.”",
        ["Absolutely not. | =Reed | replied"],
    ),
    "said when asked": (
        "“I don't think so,” [PERSON Reed] said when asked if [PERSON Beck] would stay.",
        ["I don't think so, | =Reed | said"],
    ),
    "person without a name, with a pronoun in the phrase": (
        "[PERSON Beck] declined to comment, but a person close to him said he was “furious.”",
        ["furious. | a person close to him | said"],
    ),
    "country calls it so": (
        "[GPE Moscow] has called the sanctions “illegal” and vowed to respond.",
        ["illegal | =Moscow | called"],
    ),
    "building for those in it": (
        "The [FAC White House] said the president “misspoke.”",
        ["misspoke. | =White House | said"],
    ),
    "suspect of whom the police speak": (
        "Police in [GPE Lyon] said the suspect shouted “let me go” before he was held.",
        ["let me go | the suspect | shouted"],
    ),
    "short sentence goes on": (
        (
            "“This is a great day for [GPE Chile],” President [PERSON Rosa Diaz] said in "
            "a televised address. “We have won.”"
        ),
        ["This is a great day for Chile, | =Rosa Diaz | said", "We have won. | =Rosa Diaz | said"],
    ),
    "age and relative clause in front": (
        (
            "[PERSON Diaz], 61, who took office in March, told [ORG Reuters]: “I will "
            "not run again.”"
        ),
        ["I will not run again. | =Diaz | told"],
    ),
    "critics": (
        "Critics say the law is “a gift to polluters.”",
        ["a gift to polluters. | Critics | say"],
    ),
    "report as a speaker": (
        "The report found that the bank had been “reckless in the extreme”.",
        ["reckless in the extreme | The report | found"],
    ),
    "she: only a name that isn't hers": (
        "“You can't just walk away,” she told the BBC's [PERSON Anna Hill].",
        ["You can't just walk away, | - | told"],
    ),
    "two speakers in one paragraph, introduced by turns": (
        (
            'Mr [PERSON Hall] said: "I was told to leave." His lawyer, [PERSON Amy Poe], '
            'added: "He did nothing wrong."'
        ),
        ["I was told to leave. | =Hall | said", "He did nothing wrong. | =Amy Poe | added"],
    ),
    "two quotations of one clause": (
        (
            "[PERSON Hall] wrote on X that the decision was “shameful” and “politically "
            "motivated from the start.”"
        ),
        ["shameful | =Hall | wrote", "politically motivated from the start. | =Hall | wrote"],
    ),
    "participle clause in front": (
        (
            "Speaking at a rally in [GPE Ohio], [PERSON Poe] told supporters: “We're not "
            "going back.”"
        ),
        ["We're not going back. | =Poe | told"],
    ),
    "British marks with a trade before the name": (
        "‘It’s a disaster,’ says local farmer [PERSON Ed Moss]. ‘The crops are gone.’",
        ["It’s a disaster, | =Ed Moss | says", "The crops are gone. | =Ed Moss | says"],
    ),
    "union leaders": (
        (
            "“The strike will go ahead as planned,” union leaders said in a joint "
            "statement on Friday."
        ),
        ["The strike will go ahead as planned, | union leaders | said"],
    ),
    "clause behind a fragment": (
        (
            "[PERSON Moss] and his wife, [PERSON Jo Moss], were “lucky to be alive”, "
            "their neighbour [PERSON Sam Hay] said."
        ),
        ["lucky to be alive | =Sam Hay | said"],
    ),
    "name with its organisation": (
        "“The vaccine is safe,” Dr [PERSON Nina Roy] of the [ORG Health Agency] said.",
        ["The vaccine is safe, | =Nina Roy | said"],
    ),
    "film": (
        "The film “A Quiet Sea” won two prizes.",
        [],
    ),
    "band": (
        "He played in the band “The Old Boys” for years.",
        [],
    ),
    "officials at an organisation": (
        (
            "Officials at the [ORG Health Agency] told [ORG Reuters] the shots were "
            "“perfectly safe to use”."
        ),
        ["perfectly safe to use | Officials at the Health Agency | told"],
    ),
    "somebody's attorney by name": (
        "“We'll appeal,” [PERSON Poe]'s attorney [PERSON Ray Lin] said.",
        ["We'll appeal, | =Ray Lin | said"],
    ),
    "one quoted word": (
        "[PERSON Lin] argued his client was a “scapegoat” for the bank's failures.",
        ["scapegoat | =Lin | argued"],
    ),
    "one word goes on": (
        "“Go,” she said. “Now.”",
        ["Go, | - | said", "Now. | - | said"],
    ),
    "while: two clauses with a fragment each": (
        (
            "[PERSON Roy] said the agency had “no evidence of harm,” while [PERSON Hay] "
            "called for “more transparency.”"
        ),
        ["no evidence of harm, | =Roy | said", "more transparency. | =Hay | called"],
    ),
    "two reports: the nearer one counts": (
        "According to a police report, the driver said he “fell asleep at the wheel.”",
        ["fell asleep at the wheel. | the driver | said"],
    ),
}
EVERY = {
    f"{kind}: {name}": case
    for kind, cases in (
        ("behind", BEHIND),
        ("in front", IN_FRONT),
        ("going on", GOING_ON),
        ("pronoun", PRONOUNS),
        ("not speech", NOT_SPEECH),
        ("unknown", SPEAKER_UNKNOWN),
        ("marks", MARKS),
        ("news", AS_NEWS_IS_WRITTEN),
    )
    for name, case in cases.items()
}
