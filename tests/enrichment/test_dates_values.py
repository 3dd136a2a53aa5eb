"""Dates in sentences: what is marked, and which days it means, seen from 6 December 2023."""

from __future__ import annotations

from datetime import date

import pytest

from services.enrichment.values.dates import find_dates
from services.enrichment.values.reading import Clock, FoundDate

WEDNESDAY = date(2023, 12, 6)
"""The reference of every case that names no other."""

ABSOLUTE = """
He was born on [December 3, 2023]. => 2023-12-03
He was born on [December 3 2023] in Minsk. => 2023-12-03
He was born on [Dec. 3, 2023]. => 2023-12-03
He was born on [DEC. 3, 2023]. => 2023-12-03
Signed on [3 December 2023] in Oslo. => 2023-12-03
Signed on the [3rd of December 2023]. => 2023-12-03
Signed on [3rd December, 2023]. => 2023-12-03
Signed on [December 3rd, 2023]. => 2023-12-03
Signed on [December the 3rd, 2023], they said. => 2023-12-03
It began on [Feb. 24, 2022], and went on. => 2022-02-24
It began on [24 Feb 2022]. => 2022-02-24
It began on [September 1, 1939]. => 1939-09-01
It began on [Sept. 1, 1939]. => 1939-09-01
On [Sunday, Dec. 3, 2023], they met. => 2023-12-03
On [Sunday 3 December 2023] they met. => 2023-12-03
On [Sun, 3 Dec 2023] they met. => 2023-12-03
Filed 12:24 PM EST, [December 3, 2023] => 2023-12-03
The log says [2023-12-03] and no more. => 2023-12-03
The log says [2023-12-03]T10:15:00Z. => 2023-12-03
The log says [2023/12/3]. => 2023-12-03
The form says [13/3/2023]. => 2023-03-13
The form says [3/13/2023]. => 2023-03-13
The form says [5/5/2023]. => 2023-05-05
The form says [3.12.2023] below the seal. => 2023-12-03
The form says [12/13/23]. => 2023-12-13
It ran on [4 July 1776]. => 1776-07-04
[MARCH 8, 2022]: PROTESTS GO ON => 2022-03-08
The fair was held in [March 2023]. => 2023-03-01/2023-03-31
The fair was held in [March, 2023]. => 2023-03-01/2023-03-31
The fair was held in [March of 2023]. => 2023-03-01/2023-03-31
The fair was held in [Feb. 2024]. => 2024-02-01/2024-02-29
The fair was held in [Dec '21]. => 2021-12-01/2021-12-31
The fair was held on [May 3, 2021]. => 2021-05-03
They met on [December 3-5, 2023]. => 2023-12-03/2023-12-05
They met on [December 3–5, 2023] there. => 2023-12-03/2023-12-05
They met on [3-5 December 2023]. => 2023-12-03/2023-12-05
They met on [3 to 5 December 2023]. => 2023-12-03/2023-12-05
They met [from March to May 2023]. => 2023-03-01/2023-05-31
They met [from November 2022 to January 2023]. => 2022-11-01/2023-01-31
They met [from Dec. 30 to Jan. 2, 2023]. => 2022-12-30/2023-01-02
They met [from November to January 2023]. => 2022-11-01/2023-01-31
They met [between March 3 and April 5, 2021]. => 2021-03-03/2021-04-05
The [9/11] attacks changed it. => 2001-09-11
The [Sept. 11] attacks changed it. => 2001-09-11
It fell on [New Year's Eve 1999]. => 1999-12-31
It fell on [Christmas Day, 1914]. => 1914-12-25
"""

YEARS = """
Prices rose in [2023]. => 2023-01-01/2023-12-31
Up in [2021] and in [2022]. => 2021-01-01/2021-12-31; 2022-01-01/2022-12-31
Won in [2014] and [2018]. => 2014-01-01/2014-12-31; 2018-01-01/2018-12-31
Lost in [2014], [2016]. => 2014-01-01/2014-12-31; 2016-01-01/2016-12-31
The [2020] election was fair. => 2020-01-01/2020-12-31
She lost the [2016] presidential election. => 2016-01-01/2016-12-31
[2011] Syrian protests: tanks move in. => 2011-01-01/2011-12-31
It follows the [2015] Paris Agreement. => 2015-01-01/2015-12-31
His [2019] novel was a success. => 2019-01-01/2019-12-31
The Citizenship Act, [2019], is disputed. => 2019-01-01/2019-12-31
The report ([2019]) was kept back. => 2019-01-01/2019-12-31
Ann Lee ([1942-2020]) was a painter. => 1942-01-01/2020-12-31
The protests ([2016–present]) go on. => 2016-01-01/2023-12-06
The war of [1914-18] was long. => 1914-01-01/1918-12-31
He ruled [between 2014 and 2018]. => 2014-01-01/2018-12-31
He ruled [from 2014 to 2018]. => 2014-01-01/2018-12-31
He ruled [from 2014 until 2018], then fled. => 2014-01-01/2018-12-31
The [2022/23] season was short. => 2022-01-01/2023-12-31
The [2023-24] season is long. => 2023-01-01/2024-12-31
It was founded in [1066]. => 1066-01-01/1066-12-31
[2023] was the hottest on record. => 2023-01-01/2023-12-31
The budget for [fiscal 2024] grew. => 2024-01-01/2024-12-31
The budget for [fiscal year 2024] grew. => 2024-01-01/2024-12-31
Sales in [FY2022] fell. => 2022-01-01/2022-12-31
Sales in [FY22] fell. => 2022-01-01/2022-12-31
It was new in [early 2021]. => 2021-01-01/2021-04-30
It was new in [mid-2021]. => 2021-05-01/2021-08-31
It was new in [late 2021]. => 2021-09-01/2021-12-31
It was done by the [end of 2021]. => 2021-09-01/2021-12-31
It was done at the [beginning of 2021]. => 2021-01-01/2021-04-30
It grew in the [first half of 2022]. => 2022-01-01/2022-06-30
It grew in the [second half of 2022]. => 2022-07-01/2022-12-31
It grew in the [third quarter of 2023]. => 2023-07-01/2023-09-30
It grew in [Q3 2023]. => 2023-07-01/2023-09-30
It grew in [Q1] as profits rose. => 2023-01-01/2023-03-31
It grew in the [fourth quarter of last year]. => 2022-10-01/2022-12-31
Profits fell in the [third quarter], it said. => 2023-07-01/2023-09-30
They met in [spring 2022]. => 2022-03-01/2022-05-31
They met in the [summer of 2022]. => 2022-06-01/2022-08-31
They met in the [fall of 1989]. => 1989-09-01/1989-11-30
They met in the [winter of 2022]. => 2022-12-01/2023-02-28
Rock of the [1990s] is back. => 1990-01-01/1999-12-31
Rock of the [mid-1980s] is back. => 1983-01-01/1986-12-31
Rock of the [early 1990s] is back. => 1990-01-01/1992-12-31
Rock of the [late 1990s] is back. => 1997-01-01/1999-12-31
Rock of the ['90s] is back. => 1990-01-01/1999-12-31
Rock in the [80s] was loud. => 1980-01-01/1989-12-31
In the [sixties] all was new. => 1960-01-01/1969-12-31
The [1950s–60s] war is not forgotten. => 1950-01-01/1969-12-31
A [19th-century] house burned. => 1801-01-01/1900-12-31
It was built in the [19th century]. => 1801-01-01/1900-12-31
It was built in the [twentieth century]. => 1901-01-01/2000-12-31
It was built in the [early 20th century]. => 1901-01-01/1933-12-31
"""

NO_YEAR = """
It was signed on [Dec. 3] in Oslo. => 2023-12-03
It was signed on [3 December] in Oslo. => 2023-12-03
It was signed on [October 7]. => 2023-10-07
They were killed on [Jan. 20]. => 2023-01-20
Voters will choose on [Jan. 20]. => 2024-01-20
The summit is to open on [March 5]. => 2024-03-05
The vote is set for [15 January]. => 2024-01-15
Shops close on [Dec. 24]. => 2023-12-24
It was signed on [Sunday, Dec. 3]. => 2023-12-03
They met last on [Wednesday, Dec. 7]. => 2022-12-07
They met on [December 4-5]. => 2023-12-04/2023-12-05
They met on [Dec. 3 last year]. => 2022-12-03
They met in [March]. => 2023-03-01/2023-03-31
They met in [December]. => 2023-12-01/2023-12-31
They will meet in [March]. => 2024-03-01/2024-03-31
They are expected to meet in [March]. => 2024-03-01/2024-03-31
In [March], Lukashenko and Xi were expected to sign. => 2023-03-01/2023-03-31
They met in [May] and will meet again in [June]. => 2023-05-01/2023-05-31; 2024-06-01/2024-06-30
Snow fell in [March] and [April]. => 2023-03-01/2023-03-31; 2023-04-01/2023-04-30
They met in [mid-March]. => 2023-03-11/2023-03-20
They met in [early March]. => 2023-03-01/2023-03-10
They met in [late May]. => 2023-05-21/2023-05-31
They met at the [end of March]. => 2023-03-21/2023-03-31
An [October] report said so. => 2023-10-01/2023-10-31
The [March] election was held. => 2023-03-01/2023-03-31
[September]'s vote was fair. => 2023-09-01/2023-09-30
They met in [october] twice. => 2023-10-01/2023-10-31
They met in [March of last year]. => 2022-03-01/2022-03-31
They met in [September last year]. => 2022-09-01/2022-09-30
He was in office [from March to May]. => 2023-03-01/2023-05-31
He said it closed [from November to January]. => 2022-11-01/2023-01-31
It was shut [Nov. 30-Dec. 2]. => 2023-11-30/2023-12-02
He died on [Christmas Day]. => 2022-12-25
The shops will close on [Christmas Day]. => 2023-12-25
He died on [New Year’s Eve]. => 2022-12-31
It has rained [since May]. => 2023-05-01/2023-12-06
It has rained [since Feb. 24, 2022]. => 2022-02-24/2023-12-06
It has rained [since 2014]. => 2014-01-01/2023-12-06
It has rained [since last week]. => 2023-11-27/2023-12-06
It has rained [since Tuesday]. => 2023-12-05/2023-12-06
It has rained [since the 1990s]. => 1990-01-01/2023-12-06
It is the largest attack since the [2006] war. => 2006-01-01/2006-12-31
It is the largest attack since the [9/11] attacks. => 2001-09-11
"""

WEEKDAYS = """
He arrived in Beijing on [Tuesday]. => 2023-12-05
Blinken said on [Tuesday] that he will travel. => 2023-12-05
Price said at a briefing on [Monday] ahead of the visit. => 2023-12-04
He said [Wednesday] it was over. => 2023-12-06
He said [Thursday] it was over. => 2023-11-30
He will speak on [Thursday]. => 2023-12-07
He will speak on [Wednesday]. => 2023-12-06
He is expected to speak on [Friday], aides said. => 2023-12-08
The court is to rule on [Monday]. => 2023-12-11
On [Monday], the court will rule. => 2023-12-11
On [Monday], he said he will resign. => 2023-12-04
Talks scheduled for [Friday] were called off. => 2023-12-08
The meeting is on [Friday]. => 2023-12-08
They arrived ahead of [Friday]'s vote. => 2023-12-08
He spoke on [Tuesday morning]. => 2023-12-05
He spoke late [Tuesday night]. => 2023-12-05
He spoke [last Tuesday]. => 2023-12-05
He spoke [last Wednesday]. => 2023-11-29
He speaks [next Tuesday]. => 2023-12-12
He speaks [next Friday]. => 2023-12-15
He will speak [this Friday]. => 2023-12-08
He spoke [this Monday]. => 2023-12-04
He spoke [this past Sunday]. => 2023-12-03
He speaks [this coming Sunday]. => 2023-12-10
He speaks on [Tuesday next week]. => 2023-12-12
He spoke on [Friday last week]. => 2023-12-01
The bank was shut [Monday through Wednesday]. => 2023-12-04/2023-12-06
The bank will be shut [from Thursday to Saturday]. => 2023-12-07/2023-12-09
He met her on [monday] again. => 2023-12-04
RIVERS ROSE ON [WEDNESDAY], POLICE SAID => 2023-12-06
He agreed on [Tuesday] and left. => 2023-12-05
The men will be charged on [Friday]. => 2023-12-08
He could not be reached on [Friday]. => 2023-12-01
"""

RELATIVE = """
He spoke [yesterday]. => 2023-12-05
He speaks [today]. => 2023-12-06
He speaks [tomorrow]. => 2023-12-07
He speaks [tonight]. => 2023-12-06
He spoke [last night]. => 2023-12-05
He spoke [this morning]. => 2023-12-06
He spoke [yesterday morning]. => 2023-12-05
He spoke the [day before yesterday]. => 2023-12-04
He speaks the [day after tomorrow]. => 2023-12-08
[Today], he spoke. => 2023-12-06
He spoke [last week]. => 2023-11-27/2023-12-03
He spoke [this week]. => 2023-12-04/2023-12-10
He speaks [next week]. => 2023-12-11/2023-12-17
He spoke [last weekend]. => 2023-12-02/2023-12-03
He spoke over the [weekend]. => 2023-12-02/2023-12-03
He will speak at the [weekend]. => 2023-12-09/2023-12-10
He speaks [this weekend]. => 2023-12-09/2023-12-10
He spoke [this past weekend]. => 2023-12-02/2023-12-03
He spoke [last month]. => 2023-11-01/2023-11-30
He spoke [this month]. => 2023-12-01/2023-12-31
He speaks [next month]. => 2024-01-01/2024-01-31
He spoke [last year]. => 2022-01-01/2022-12-31
He spoke [this year]. => 2023-01-01/2023-12-31
He speaks [next year]. => 2024-01-01/2024-12-31
It grew [last quarter], the bank said. => 2023-07-01/2023-09-30
It was so [last decade]. => 2010-01-01/2019-12-31
It was so [last century]. => 1901-01-01/2000-12-31
It invaded [last February]. => 2023-02-01/2023-02-28
They met [last March]. => 2023-03-01/2023-03-31
They met [last December]. => 2022-12-01/2022-12-31
They meet [next May]. => 2024-05-01/2024-05-31
They met [this May]. => 2023-05-01/2023-05-31
They met [last summer]. => 2023-06-01/2023-08-31
They meet [next summer]. => 2024-06-01/2024-08-31
They meet [this winter]. => 2023-12-01/2024-02-29
They met [last fall]. => 2023-09-01/2023-11-30
They met [earlier this month]. => 2023-12-01/2023-12-06
They met [earlier this year]. => 2023-01-01/2023-12-06
They meet [later this month]. => 2023-12-06/2023-12-31
They meet [later this week]. => 2023-12-06/2023-12-10
They met [late last year]. => 2022-09-01/2022-12-31
They met [early last month]. => 2023-11-01/2023-11-10
They meet [early next year]. => 2024-01-01/2024-04-30
They meet by the [end of the year]. => 2023-09-01/2023-12-31
They meet at the [end of this week]. => 2023-12-09/2023-12-10
They met [two weeks ago]. => 2023-11-20/2023-11-26
They met [three days ago]. => 2023-12-03
They met [a week ago]. => 2023-11-27/2023-12-03
They met [a month ago]. => 2023-11-01/2023-11-30
They met [20 years ago]. => 2003-01-01/2003-12-31
They met [twenty-five years ago]. => 1998-01-01/1998-12-31
They meet [a year from now]. => 2024-01-01/2024-12-31
They will meet [in three days]. => 2023-12-09
They will meet [in two weeks]. => 2023-12-18/2023-12-24
It doubled over the [past five years]. => 2018-12-06/2023-12-06
It doubled in the [last two weeks]. => 2023-11-22/2023-12-06
It doubled over the [past year]. => 2022-12-06/2023-12-06
It doubled in the [last month]. => 2023-11-06/2023-12-06
It will double over the [next decade]. => 2023-12-06/2033-12-06
It will double in the [next two weeks]. => 2023-12-06/2023-12-20
"""

NONE = """
They met in march 2023.
It lasted three years.
A 24-year-old man was held for four hours.
A five-year plan was made for 30 days.
It was the first time in three years.
He finished in two days.
He may march on, said May.
Theresa May said so; May left.
Prime Minister May met April Jones and June Smith.
The sun sat on the sea, and they wed.
Give him a second chance; the second man left.
About 2000 people came, then 1945 metres were run.
In 2000 metres she was first.
Flats went for between 1500 and 2000 euros.
It has 1500 seats and 2,023 rooms.
The Boeing 737 and the Peugeot 2008 were there with Windows 2000.
Call 555-1914 or 020 7946 2018.
They won 3-2 and lost 2-1.
The train left at 1945 GMT.
The score was 6-3, 7-5.
There is no Feb. 30, nor Feb. 30, 2023.
On 31 April 2023 nothing was.
The form says 03/04/2023.
The form says 31/31/2023.
Caesar died in 44 BC, in the 1st century BC.
In 1200 BC it fell; the 5th century BCE was rich.
The Sunday Times and The Mail on Sunday wrote of it.
On Black Friday shops were full, as on Good Friday.
On Super Tuesday and Ash Wednesday they voted.
Sinn Fein spoke of Bloody Sunday.
Saturday Night Live and Monday Night Football were on.
Wednesday Addams is in it.
He goes there every Friday and on Sundays.
They play each Monday.
USA Today and Russia Today reported.
21st Century Fox was sold.
He is in his 70s, she in her eighties.
Temperatures in the 90s were felt, with highs in the 80s.
They met a few days ago, years ago.
He left a week later, the next day, the day before.
It was down in the third quarter when they scored 12 points.
In the last week of his life he wrote.
The ratio was 9/11/x and 24/7.
See /2023/12/03/ for more.
It cost $2023 and 2023%.
The decade-old ban stays; a year-long talk began.
Confidence in May was lost.
Women marched on Washington; the March went on.
IBM model 2030.5 is out, at v2023.1.
Version 2023-12-03-55 is out.
Go for it now, then, soon, recently, in the future.
Mr. Friday the 13th came.
They are open daily, weekly, monthly.
"""


def parsed(table: str) -> list[tuple[str, list[str], list[str]]]:
    """Text, marked words and values of each line; a line without ``=>`` has none."""
    cases = []
    for line in filter(None, table.splitlines()):
        marked, _, values = line.partition(" =>")
        pieces = marked.replace("]", "[").split("[")
        cases.append(
            ("".join(pieces), pieces[1::2], [value.strip() for value in values.split(";")])
        )
    return cases


def found(text: str, today: date = WEDNESDAY) -> list[FoundDate]:
    return list(find_dates(text, Clock(today)))


@pytest.mark.parametrize(
    ("text", "marked", "values"),
    parsed(ABSOLUTE + YEARS + NO_YEAR + WEEKDAYS + RELATIVE),
    ids=lambda part: part[:60] if isinstance(part, str) else "",
)
def test_dates_are_marked_and_resolved(text: str, marked: list[str], values: list[str]) -> None:
    dates = found(text)
    assert [text[one.start : one.end] for one in dates] == marked
    assert [one.days.interval for one in dates] == values


@pytest.mark.parametrize("text", NONE.strip().splitlines())
def test_what_is_no_date_is_left_alone(text: str) -> None:
    assert [text[one.start : one.end] for one in found(text)] == []
